// How long it takes to tell waiters, against the least that it can take: a loop of send() over the same number of Unix
// sockets with the same bytes. The clients are a process of their own, on another processor where there is one. Rounds
// of both kinds alternate, so that a noisy machine disturbs both alike.
//
//   bench_wake WAITERS ROUNDS    one JSON object: latencies in microseconds from publish() (or the first send) until
//                                the client has received, as the median over the rounds of each round's p99
//   bench_wake --memory WAITERS  resident bytes per waiter
#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "server/process.h"
#include "server/server.h"
#include "server/wait_answer.h"

namespace {

using namespace readygate;

[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::exit(1);
}

std::int64_t now_ns() {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<std::int64_t>(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
}

void pin_to(std::size_t processor) {
  cpu_set_t all;
  if (::sched_getaffinity(0, sizeof all, &all) != 0 || CPU_COUNT(&all) < 2) return;
  cpu_set_t one;
  CPU_ZERO(&one);
  for (std::size_t cpu = 0, seen = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &all) && seen++ == processor) CPU_SET(cpu, &one);
  }
  ::sched_setaffinity(0, sizeof one, &one);
}

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  return address;
}

const sockaddr* generic(const sockaddr_un& address) {
  const void* bytes = &address;
  return static_cast<const sockaddr*>(bytes);
}

core::Published snapshot(core::State state, bool open) {
  core::Snapshot s;
  s.state = state;
  s.facts = core::derive({state, open, open, false, true}, core::ReadyPolicy::kLive);
  s.code = open ? Reason::kNone : Reason::kInitializing;
  return core::publish(s);
}

// A byte through a pipe.
class Signal {
 public:
  Signal() {
    if (::pipe(fds_) != 0) die("pipe");
  }
  void give() const {
    if (::write(fds_[1], "x", 1) != 1) die("write");
  }
  void await() const {
    char byte = 0;
    if (::read(fds_[0], &byte, 1) != 1) std::exit(1);  // the other process ended
  }

 private:
  int fds_[2] = {-1, -1};
};

struct Shared {
  std::atomic<std::int64_t> told_at;
  std::atomic<std::int64_t> received_at[65536];
};

struct Meeting {
  Signal begin, waiting, received, closed;
  Shared* shared = nullptr;
  std::size_t waiters = 0;
};

// One round of the clients: all connect and ask; then each notes when its answer came.
void clients(const Meeting& meeting, const std::string& path) {
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  std::vector<int> fds;
  const sockaddr_un address = address_of(path);
  for (std::size_t i = 0; i < meeting.waiters; ++i) {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || ::connect(fd, generic(address), sizeof address) != 0) die("connect");
    if (::send(fd, "WAIT open\n", 10, 0) != 10) die("send");
    epoll_event event{};
    event.events = EPOLLIN | EPOLLET;
    event.data.u64 = i;
    ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    fds.push_back(fd);
  }
  meeting.waiting.give();
  std::array<epoll_event, 64> events;
  std::array<char, 4096> answer;
  for (std::size_t left = meeting.waiters; left > 0;) {
    const int ready = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < ready; ++i) {
      const std::size_t who = events[static_cast<std::size_t>(i)].data.u64;
      if (meeting.shared->received_at[who] != 0 || ::recv(fds[who], answer.data(), answer.size(), 0) <= 0) continue;
      meeting.shared->received_at[who] = now_ns();
      --left;
    }
  }
  meeting.received.give();
  for (const int fd : fds) ::close(fd);
  ::close(epoll);
  meeting.closed.give();
}

struct Latency {
  double median = 0;
  double p99 = 0;
};

Latency latency_of(const Meeting& meeting) {
  std::vector<double> micros;
  for (std::size_t i = 0; i < meeting.waiters; ++i) {
    micros.push_back(static_cast<double>(meeting.shared->received_at[i] - meeting.shared->told_at) / 1000.0);
    meeting.shared->received_at[i] = 0;
  }
  std::sort(micros.begin(), micros.end());
  return {micros[micros.size() / 2], micros[std::min(micros.size() - 1, micros.size() * 99 / 100)]};
}

Latency round_of_gate(const Meeting& meeting, server::Loop& loop, server::Server& server) {
  server.publish(std::make_shared<const core::Published>(snapshot(core::State::kInitializing, false)));
  const auto open = std::make_shared<const core::Published>(snapshot(core::State::kReady, true));
  meeting.begin.give();
  std::thread conductor([&] {
    meeting.waiting.await();
    // Until the loop has them all and sleeps, as it would.
    std::atomic<bool> all = false;
    while (!all) {
      loop.post([&] { all = server.waiters() == meeting.waiters; });
      std::this_thread::sleep_for(Millis(5));
    }
    loop.post([&] {
      meeting.shared->told_at = now_ns();
      server.publish(open);
    });
    meeting.received.await();
    meeting.closed.await();
    loop.post([&] { loop.stop(); });
  });
  loop.run();
  conductor.join();
  return latency_of(meeting);
}

Latency round_of_sends(const Meeting& meeting, int listener, const std::string& answer) {
  meeting.begin.give();
  std::vector<int> fds;
  std::array<char, 64> request;
  for (std::size_t i = 0; i < meeting.waiters; ++i) {
    fds.push_back(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
    if (::recv(fds.back(), request.data(), request.size(), 0) <= 0) die("recv");
  }
  meeting.waiting.await();
  std::this_thread::sleep_for(Millis(10));
  meeting.shared->told_at = now_ns();
  for (const int fd : fds) {
    if (::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL) < 0) die("send");
  }
  meeting.received.await();
  for (const int fd : fds) ::close(fd);
  meeting.closed.await();
  return latency_of(meeting);
}

double middle(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

long resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  long size = 0;
  long resident = 0;
  statm >> size >> resident;
  return resident * ::sysconf(_SC_PAGESIZE);
}

int measure(const std::string& folder, std::size_t waiters, int rounds, bool memory) {
  const std::string gate = folder + "/gate.sock";
  const std::string bare = folder + "/bare.sock";
  Meeting meeting;
  meeting.waiters = waiters;
  void* memory_shared = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory_shared == MAP_FAILED) die("mmap");
  meeting.shared = static_cast<Shared*>(memory_shared);

  server::raise_file_limit();
  const SystemClock clock;
  const auto loop = std::move(*server::Loop::create(clock));
  server::ServerOptions options;
  options.listen = "";
  options.socket = gate;
  options.limits.waiters = waiters;
  const auto server = std::move(*server::Server::create(*loop, options, {}));
  const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_un address = address_of(bare);
  if (::bind(listener, generic(address), sizeof address) != 0 || ::listen(listener, 4096) != 0) die("bind");
  const std::string answer = server::wait_answer(server::Why::kTrue, core::Fact::kOpen,
                                                 snapshot(core::State::kReady, true), server::Speech::kLine);

  const pid_t child = ::fork();
  if (child == 0) {
    pin_to(1);
    for (int i = 0; i < rounds; ++i) {
      meeting.begin.await();
      clients(meeting, gate);
      if (memory) continue;
      meeting.begin.await();
      clients(meeting, bare);
    }
    std::_Exit(0);
  }
  pin_to(0);
  const long before = resident_bytes();
  long grown = 0;
  std::vector<double> gate_median, gate_p99, bare_median, bare_p99;
  for (int i = 0; i < rounds; ++i) {
    server::Timer look;
    if (memory) {
      std::function<void()> measure_when_all_wait = [&] {
        if (server->waiters() == waiters) grown = resident_bytes() - before;
        look = loop->after(Millis(1), measure_when_all_wait);
      };
      look = loop->after(Millis(1), measure_when_all_wait);
      round_of_gate(meeting, *loop, *server);
      continue;
    }
    const Latency of_gate = round_of_gate(meeting, *loop, *server);
    const Latency of_sends = round_of_sends(meeting, listener, answer);
    gate_median.push_back(of_gate.median);
    gate_p99.push_back(of_gate.p99);
    bare_median.push_back(of_sends.median);
    bare_p99.push_back(of_sends.p99);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  if (memory) {
    fmt::print("{{\"waiters\":{},\"bytes_each\":{}}}\n", waiters, static_cast<std::size_t>(grown) / waiters);
  } else {
    fmt::print(
        "{{\"waiters\":{},\"rounds\":{},\"gate\":{{\"median\":{:.1f},\"p99\":{:.1f}}},"
        "\"sends\":{{\"median\":{:.1f},\"p99\":{:.1f}}}}}\n",
        waiters, rounds, middle(gate_median), middle(gate_p99), middle(bare_median), middle(bare_p99));
  }
  return status == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const bool memory = argc == 3 && std::strcmp(argv[1], "--memory") == 0;
  if (argc != 3) {
    fmt::print(stderr, "usage: bench_wake WAITERS ROUNDS | --memory WAITERS\n");
    return 64;
  }
  const std::size_t waiters = std::min<std::size_t>(std::stoul(argv[memory ? 2 : 1]), 65536);
  const int rounds = memory ? 1 : std::stoi(argv[2]);
  std::string folder = "/tmp/readygate-bench-XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr) die("mkdtemp");
  const int result = measure(folder, waiters, rounds, memory);
  for (const char* name : {"/gate.sock", "/bare.sock", "/gate.lock"}) ::unlink((folder + name).c_str());
  ::rmdir(folder.c_str());
  return result;
}
