// What the programs of this folder share: a clock, a processor of one's own, percentiles.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

#include <sched.h>
#include <sys/socket.h>
#include <time.h>

namespace readygate::bench {

[[noreturn]] inline void die(const char* what) {
  std::perror(what);
  std::exit(1);
}

inline std::int64_t now_ns() {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<std::int64_t>(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
}

// Onto the first or second processor, where there are two.
inline void pin_to(std::size_t processor) {
  cpu_set_t all;
  if (::sched_getaffinity(0, sizeof all, &all) != 0 || CPU_COUNT(&all) < 2) return;
  cpu_set_t one;
  CPU_ZERO(&one);
  for (std::size_t cpu = 0, seen = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &all) && seen++ == processor) CPU_SET(cpu, &one);
  }
  ::sched_setaffinity(0, sizeof one, &one);
}

// Before all others on its processor, where that is allowed: what is measured is the server's delay, and not how long
// the one who measures waits behind other clients for a processor.
inline void take_precedence() {
  const sched_param first{1};
  ::sched_setscheduler(0, SCHED_FIFO, &first);
}

// `share` in thousandths: 500 is the median, 999 the 99.9th percentile. 0 of nothing.
inline double percentile(std::vector<double> values, std::size_t share) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1, values.size() * share / 1000)];
}

// One probe on a connection that is open. False: no whole answer came.
inline bool probe(int fd) {
  constexpr std::string_view kAsk = "GET /livez HTTP/1.1\r\nHost: bench\r\n\r\n";
  if (::send(fd, kAsk.data(), kAsk.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(kAsk.size())) return false;
  char answer[1024];
  const ssize_t got = ::recv(fd, answer, sizeof answer, 0);
  return got > 0 && std::string_view(answer, static_cast<std::size_t>(got)).ends_with("ok\n");
}

}  // namespace readygate::bench
