// What it costs to ask the state page "open?": one load and one look at a coarse clock, by the C library as an
// application has it. Beside it, in alternating rounds, the least that a reader can do, and the look at the clock
// alone.
//
//   bench_page ROUNDS    one JSON object: nanoseconds each, medians over the rounds
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <readygate.h>
#include <unistd.h>

#include "common.h"
#include "page_reader.h"
#include "server/state_page.h"

namespace {

using namespace readygate;

constexpr std::int64_t kAsked = 2'000'000;

// The 16 bytes of the kernel's boot id, as the page itself has them: that they are right is for the tests to say.
std::string boot_id_of(const std::string& page) {
  std::ifstream file(page, std::ios::binary);
  std::string bytes(32, '\0');
  file.read(bytes.data(), 32);
  return bytes.substr(16);
}

template <typename Ask>
double nanos_each(Ask ask) {
  std::int64_t sum = 0;
  const std::int64_t begin = bench::now_ns();
  for (std::int64_t i = 0; i < kAsked; ++i) {
    sum += ask();
    asm volatile("" : "+r"(sum));  // each answer is wanted: the loop stays
  }
  return static_cast<double>(bench::now_ns() - begin) / static_cast<double>(kAsked);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: bench_page ROUNDS\n");
    return 64;
  }
  std::string folder = "/tmp/readygate-bench-XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr) bench::die("mkdtemp");
  const std::string path = folder + "/gate.sock.page";
  {
    const auto place = server::SocketFolder::open(folder + "/gate.sock");
    if (!place) bench::die("open");
    const auto page = server::StatePage::create(*place, {path, -1, {}});
    if (!page) bench::die("page");
    core::Published open;
    open.facts.open = true;
    (*page)->publish(open, server::coarse_now() + Seconds(3600));
    const testing::PageReader reader(path, boot_id_of(path));
    if (!reader.mapped() || !reader.holds(testing::PageReader::kOpen)) bench::die("reader");
    ::setenv("READYGATE_GATE_SOCKET", (folder + "/gate.sock").c_str(), 1);
    if (readygate_is_open() != 1) bench::die("the C library");
    std::vector<double> client_ns;
    std::vector<double> page_ns;
    std::vector<double> clock_ns;
    for (int i = 0; i < std::stoi(argv[1]); ++i) {
      client_ns.push_back(nanos_each([] { return readygate_is_open(); }));
      page_ns.push_back(nanos_each([&] { return reader.holds(testing::PageReader::kOpen) ? 1 : 0; }));
      clock_ns.push_back(nanos_each([] { return testing::coarse_ms(); }));
    }
    fmt::print("{{\"client\":{:.2f},\"page\":{:.2f},\"clock\":{:.2f}}}\n", bench::percentile(client_ns, 500),
               bench::percentile(page_ns, 500), bench::percentile(clock_ns, 500));
  }
  ::rmdir(folder.c_str());
  return 0;
}
