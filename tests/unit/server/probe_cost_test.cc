// What a probe costs: one recv and one send. Nothing is allocated, no lock is taken, no clock is read, no other system
// call is made. No time is measured: a turn of the loop in which many probes are answered is compared with one in which
// one is. This program stands in for the library's functions that would be called, so it is one of its own, and the
// builds with sanitizers, which do the same, leave it out.
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <string>
#include <vector>

#include <dlfcn.h>
#include <doctest/doctest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rig.h"

using namespace readygate;
using namespace readygate::server;
using core::State;
using testing::Client;
using testing::Rig;

namespace {

struct Cost {
  int receives = 0;
  int sends = 0;
  int allocations = 0;
  int locks = 0;
  int clocks = 0;  // read from the system, as libevent does once or twice a turn
  int looks = 0;   // at the server's own clock

  bool operator==(const Cost&) const = default;
};

Cost cost;

template <typename Function>
Function next(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

// In place of the library's. Whatever else allocates or locks does it by these.
extern "C" {

void* __libc_malloc(std::size_t size) noexcept;
void* __libc_calloc(std::size_t count, std::size_t size) noexcept;
void* __libc_realloc(void* old, std::size_t size) noexcept;
void* __libc_memalign(std::size_t alignment, std::size_t size) noexcept;

void* malloc(std::size_t size) noexcept {
  ++cost.allocations;
  return __libc_malloc(size);
}

void* calloc(std::size_t count, std::size_t size) noexcept {
  ++cost.allocations;
  return __libc_calloc(count, size);
}

void* realloc(void* old, std::size_t size) noexcept {
  ++cost.allocations;
  return __libc_realloc(old, size);
}

void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  ++cost.allocations;
  return __libc_memalign(alignment, size);
}

ssize_t recv(int fd, void* bytes, std::size_t size, int flags) {
  ++cost.receives;
  return ::syscall(SYS_recvfrom, fd, bytes, size, flags, nullptr, nullptr);
}

// What recv is to a compiler that does not know how large the buffer is (_FORTIFY_SOURCE).
ssize_t __recv_chk(int fd, void* bytes, std::size_t size, std::size_t, int flags) {
  return recv(fd, bytes, size, flags);
}

ssize_t send(int fd, const void* bytes, std::size_t size, int flags) {
  ++cost.sends;
  return ::syscall(SYS_sendto, fd, bytes, size, flags, nullptr, 0);
}

int pthread_mutex_lock(pthread_mutex_t* mutex) noexcept {
  static const auto real = next<int (*)(pthread_mutex_t*)>("pthread_mutex_lock");
  ++cost.locks;
  return real(mutex);
}

int pthread_mutex_trylock(pthread_mutex_t* mutex) noexcept {
  static const auto real = next<int (*)(pthread_mutex_t*)>("pthread_mutex_trylock");
  ++cost.locks;
  return real(mutex);
}

int pthread_rwlock_rdlock(pthread_rwlock_t* lock) noexcept {
  static const auto real = next<int (*)(pthread_rwlock_t*)>("pthread_rwlock_rdlock");
  ++cost.locks;
  return real(lock);
}

int pthread_rwlock_wrlock(pthread_rwlock_t* lock) noexcept {
  static const auto real = next<int (*)(pthread_rwlock_t*)>("pthread_rwlock_wrlock");
  ++cost.locks;
  return real(lock);
}

int clock_gettime(clockid_t which, timespec* time) noexcept {
  static const auto real = next<int (*)(clockid_t, timespec*)>("clock_gettime");
  ++cost.clocks;
  return real(which, time);
}

int gettimeofday(timeval* time, void* zone) noexcept {
  static const auto real = next<int (*)(timeval*, void*)>("gettimeofday");
  ++cost.clocks;
  return real(time, zone);
}

}  // extern "C"

namespace {

// As the kubelet asks, but that it closes.
std::string probe(const char* method, const char* path, const char* query = "") {
  return std::string(method) + " " + path + query +
         " HTTP/1.1\r\nHost: 10.1.2.3:8088\r\nUser-Agent: kube-probe/1.36\r\nAccept: */*\r\n\r\n";
}

// Every probe by each of its names and methods.
std::vector<std::string> probes() {
  std::vector<std::string> all;
  for (const char* path :
       {"/livez", "/startupz", "/readyz", "/healthz", "/health/live", "/health/startup", "/health/ready", "/health"}) {
    for (const char* method : {"GET", "HEAD"}) all.push_back(probe(method, path));
  }
  return all;
}

// Clients over TCP and the socket that keep their connections, as many as there are requests, twice.
struct Probers {
  Probers(Rig& rig, const std::vector<std::string>& requests) {
    for (const std::string& request : requests) {
      clients.push_back(rig.tcp());
      asks.push_back(request);
      clients.push_back(rig.local());
      asks.push_back(request);
    }
  }

  void ask(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) clients[i].send(asks[i]);
  }

  // How many have an answer to read; it is taken.
  std::size_t answered() {
    return static_cast<std::size_t>(std::count_if(clients.begin(), clients.end(), [](const Client& client) {
      std::array<char, 4096> answer{};
      return ::recv(client.fd(), answer.data(), answer.size(), MSG_DONTWAIT) > 0;
    }));
  }

  std::vector<Client> clients;
  std::vector<std::string> asks;
};

// So that libevent has room for so many answers of the kernel at once.
void warm_up(Rig& rig, Probers& probers) {
  probers.ask(probers.clients.size());
  rig.turn(5);
  REQUIRE(probers.answered() == probers.clients.size());
}

// Of the turn in which the first `count` are answered.
Cost cost_of_a_turn(Rig& rig, Probers& probers, std::size_t count) {
  constexpr std::chrono::microseconds kLook{1};
  probers.ask(count);
  const Instant before = rig.clock.now();
  rig.clock.run(kLook);
  cost = {};
  rig.turn(1);
  Cost result = cost;
  rig.clock.run(std::chrono::microseconds(0));
  result.looks = static_cast<int>((rig.clock.now() - before) / kLook);
  REQUIRE(probers.answered() == count);
  return result;
}

// Where a child process notes the system call that it should not have made.
struct Noted {
  std::atomic<int> call{0};
};
Noted* noted = nullptr;

// Ends this process at the first system call that is not one of a probe's or of the loop's.
bool only_what_a_probe_needs() {
  struct sigaction action {};
  action.sa_flags = SA_SIGINFO;
  action.sa_sigaction = [](int, siginfo_t* info, void*) {
    noted->call = info->si_syscall;
    ::_exit(1);
  };
  if (::sigaction(SIGSYS, &action, nullptr) != 0) return false;
  std::vector<sock_filter> filter{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
  // The clocks are counted elsewhere; they are system calls only on machines that have no faster way.
  for (const int call : {
           SYS_recvfrom,
           SYS_sendto,
           SYS_epoll_pwait,
           SYS_clock_gettime,
           SYS_exit_group,
#ifdef SYS_epoll_wait
           SYS_epoll_wait,
#endif
       }) {
    filter.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(call), 0, 1));
    filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  }
  filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP));
  const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

}  // namespace

TEST_CASE("what this program counts is counted") {
  cost = {};
  const std::vector<std::string> some(1, std::string(1000, 'x'));
  CHECK(cost.allocations == 3);  // of the vector, of its string and of the one that was copied
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  cost = {};
  pthread_mutex_lock(&mutex);
  pthread_mutex_unlock(&mutex);
  std::chrono::steady_clock::now();
  CHECK(cost == Cost{0, 0, 0, 1, 1, 0});
}

TEST_CASE("a probe allocates nothing, takes no lock and reads no clock, whatever it asks and is answered") {
  for (const bool ready : {false, true}) {
    CAPTURE(ready);
    Rig rig;
    if (ready) rig.publish(State::kReady, true, true);
    Probers probers(rig, probes());
    const std::size_t all = probers.clients.size();
    warm_up(rig, probers);
    const Cost one = cost_of_a_turn(rig, probers, 1);
    const Cost each = cost_of_a_turn(rig, probers, all);
    CHECK(each.receives == static_cast<int>(all));
    CHECK(each.sends == static_cast<int>(all));
    CHECK(each.allocations == 0);
    CHECK(each.locks == 0);
    CHECK(each.clocks == one.clocks);
    CHECK(each.looks == one.looks);
  }
}

TEST_CASE("a probe that asks for the checks takes no lock and reads no clock") {
  Rig rig;
  Probers probers(rig, std::vector<std::string>(8, probe("GET", "/readyz", "?verbose&exclude=mongodb")));
  warm_up(rig, probers);
  const Cost one = cost_of_a_turn(rig, probers, 1);
  const Cost each = cost_of_a_turn(rig, probers, 16);
  CHECK(each.receives == 16);
  CHECK(each.sends == 16);
  CHECK(each.locks == 0);
  CHECK(each.clocks == one.clocks);
  CHECK(each.looks == one.looks);
}

TEST_CASE("a probe makes no system call but recv and send") {
  void* shared = ::mmap(nullptr, sizeof(Noted), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  REQUIRE(shared != MAP_FAILED);
  noted = new (shared) Noted;
  std::vector<std::string> requests = probes();
  for (const char* path : {"/livez", "/startupz", "/readyz", "/healthz"}) {
    requests.push_back(probe("GET", path, "?verbose"));
    requests.push_back(probe("GET", path, "?exclude=mongodb"));
  }
  Rig rig;
  rig.publish(State::kReady, true, true);
  Probers probers(rig, requests);
  const std::size_t all = probers.clients.size();
  warm_up(rig, probers);

  probers.ask(all);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    if (!only_what_a_probe_needs()) ::_exit(2);
    rig.loop->poll();
    ::_exit(0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(noted->call.load() == 0);  // else the number of the system call
  CHECK(status == 0);
  CHECK(probers.answered() == all);
  ::munmap(shared, sizeof(Noted));
}
