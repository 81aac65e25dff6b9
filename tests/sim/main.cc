// Runs histories: `sim FIRST COUNT` checks so many seeds, on all processors, and names the first that fails with the
// command that repeats it; `sim SEED` tells one history line by line. Exit code 0: every invariant held; 1: one did
// not.
#include <atomic>
#include <charconv>
#include <cstring>
#include <mutex>
#include <thread>
#include <vector>

#include <fmt/core.h>

#include "sim/simulation.h"

namespace {

bool number(const char* text, std::uint64_t& value) {
  const char* end = text + std::strlen(text);
  return std::from_chars(text, end, value).ptr == end;
}

int tell(std::uint64_t seed) {
  const auto violation = readygate::sim::simulate(seed, [](const std::string& line) { fmt::print("{}\n", line); });
  if (!violation) return 0;
  fmt::print("{:>9} VIOLATION: {}\n", violation->at_ms, violation->what);
  return 1;
}

int check(const char* self, std::uint64_t first, std::uint64_t count) {
  std::atomic<std::uint64_t> next{first};
  std::atomic<std::uint64_t> failed{0};
  std::mutex output;
  const auto work = [&] {
    for (std::uint64_t seed = next++; seed < first + count && failed == 0; seed = next++) {
      const auto violation = readygate::sim::simulate(seed, {});
      if (!violation) continue;
      ++failed;
      const std::lock_guard lock(output);
      fmt::print("seed {}: at {} ms: {}\nrepeat with: {} {}\n", seed, violation->at_ms, violation->what, self, seed);
    }
  };
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < std::max(1U, std::thread::hardware_concurrency()); ++i) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
  if (failed == 0) fmt::print("{} histories, every invariant held\n", count);
  return failed == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t first = 0;
  std::uint64_t count = 0;
  if (argc == 2 && number(argv[1], first)) return tell(first);
  if (argc == 3 && number(argv[1], first) && number(argv[2], count)) return check(argv[0], first, count);
  fmt::print(stderr, "usage: {} SEED | {} FIRST COUNT\n", argv[0], argv[0]);
  return 64;
}
