// How long it takes to tell waiters, against the least that it can take: a loop of send() over the same number of Unix
// sockets with the same bytes. The clients are a process of their own, on another processor where there is one. Rounds
// of both kinds alternate, so that a noisy machine disturbs both alike.
//
//   bench_wake WAITERS ROUNDS    one JSON object: latencies in microseconds from publish() (or the first send) until
//                                the client has received, as the median over the rounds of each round's p99
//   bench_wake --memory WAITERS  resident bytes per waiter, and the kernel's for both ends of its connection
//   bench_wake --probes WAITERS ROUNDS  latencies in microseconds of probes that begin while the waiters are being told
#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"
#include "server/process.h"
#include "server/server.h"
#include "server/wait_answer.h"

namespace {

using namespace readygate;

using bench::die;
using bench::now_ns;
using bench::pin_to;

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

constexpr std::size_t kMostProbes = 1'000'000;

struct Shared {
  std::atomic<std::int64_t> told_at;  // 0: not yet
  std::atomic<std::int64_t> received_at[65536];
  std::atomic<bool> telling;  // told, and not all have received
  std::atomic<std::size_t> probes;
  double probe_micros[kMostProbes];
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
  meeting.shared->telling = false;
  meeting.received.give();
  for (const int fd : fds) ::close(fd);
  ::close(epoll);
  meeting.closed.give();
}

// Probes all the time on one connection, until it is killed; notes those that begin while waiters are being told.
[[noreturn]] void probe_for_ever(Shared& shared, std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const void* bytes = &address;
  if (::connect(fd, static_cast<const sockaddr*>(bytes), sizeof address) != 0) die("connect");
  bench::take_precedence();
  for (;;) {
    const bool counts = shared.telling;
    const std::int64_t begin = now_ns();
    if (!bench::probe(fd)) std::_Exit(1);
    const std::size_t number = shared.probes;
    if (counts && number < kMostProbes) {
      shared.probe_micros[number] = static_cast<double>(now_ns() - begin) / 1000;
      shared.probes = number + 1;
    }
    ::usleep(50);
  }
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
      meeting.shared->telling = true;
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

double middle(const std::vector<double>& values) { return bench::percentile(values, 500); }

long resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  long size = 0;
  long resident = 0;
  statm >> size >> resident;
  return resident * ::sysconf(_SC_PAGESIZE);
}

// Of the whole machine: what the kernel holds in its own objects.
long kernel_bytes() {
  std::ifstream meminfo("/proc/meminfo");
  std::string name, unit;
  long kib = 0;
  while (meminfo >> name >> kib) {
    if (name == "Slab:") return kib * 1024;
    std::getline(meminfo, unit);
  }
  return 0;
}

enum class What { kWake, kMemory, kProbes };

int measure(const std::string& folder, std::size_t waiters, int rounds, What what) {
  const bool memory = what == What::kMemory;
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
  options.listen = what == What::kProbes ? "127.0.0.1:0" : "";
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
      if (what != What::kWake) continue;
      meeting.begin.await();
      clients(meeting, bare);
    }
    std::_Exit(0);
  }
  const pid_t prober = what == What::kProbes ? ::fork() : -1;
  if (prober == 0) {
    pin_to(1);
    probe_for_ever(*meeting.shared, server->bound_port());
  }
  pin_to(0);
  if (what == What::kProbes) bench::take_precedence();
  const long before = resident_bytes();
  const long kernel_before = kernel_bytes();
  long grown = 0;
  long kernel_grown = 0;
  std::vector<double> gate_median, gate_p99, bare_median, bare_p99;
  for (int i = 0; i < rounds; ++i) {
    server::Timer look;
    if (memory) {
      std::function<void()> measure_when_all_wait = [&] {
        if (server->waiters() == waiters) {
          grown = resident_bytes() - before;
          kernel_grown = kernel_bytes() - kernel_before;
        }
        look = loop->after(Millis(1), measure_when_all_wait);
      };
      look = loop->after(Millis(1), measure_when_all_wait);
      round_of_gate(meeting, *loop, *server);
      continue;
    }
    const Latency of_gate = round_of_gate(meeting, *loop, *server);
    if (what == What::kProbes) continue;
    const Latency of_sends = round_of_sends(meeting, listener, answer);
    gate_median.push_back(of_gate.median);
    gate_p99.push_back(of_gate.p99);
    bare_median.push_back(of_sends.median);
    bare_p99.push_back(of_sends.p99);
  }
  if (prober > 0) {
    ::kill(prober, SIGKILL);
    ::waitpid(prober, nullptr, 0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  if (memory) {
    fmt::print("{{\"waiters\":{},\"bytes_each\":{},\"kernel_bytes_each\":{}}}\n", waiters,
               static_cast<std::size_t>(grown) / waiters,
               static_cast<std::size_t>(std::max(kernel_grown, 0L)) / waiters);
  } else if (what == What::kProbes) {
    const Shared& seen = *meeting.shared;
    const std::vector<double> micros(seen.probe_micros, seen.probe_micros + seen.probes);
    fmt::print("{{\"waiters\":{},\"probes\":{},\"median\":{:.1f},\"p999\":{:.1f},\"slowest\":{:.1f}}}\n", waiters,
               micros.size(), middle(micros), bench::percentile(micros, 999), bench::percentile(micros, 1000));
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
  const bool probes = argc == 4 && std::strcmp(argv[1], "--probes") == 0;
  if (argc != 3 && !probes) {
    fmt::print(stderr, "usage: bench_wake [--probes] WAITERS ROUNDS | --memory WAITERS\n");
    return 64;
  }
  const What what = memory ? What::kMemory : probes ? What::kProbes : What::kWake;
  const std::size_t waiters = std::min<std::size_t>(std::stoul(argv[what == What::kWake ? 1 : 2]), 65536);
  const int rounds = memory ? 1 : std::stoi(argv[probes ? 3 : 2]);
  std::string folder = "/tmp/readygate-bench-XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr) die("mkdtemp");
  const int result = measure(folder, waiters, rounds, what);
  for (const char* name : {"/gate.sock", "/bare.sock", "/gate.lock"}) ::unlink((folder + name).c_str());
  ::rmdir(folder.c_str());
  return result;
}
