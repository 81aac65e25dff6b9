// The state page byte by byte, as docs/protocol.md lays it out, and what becomes of it: heartbeats, expiry, its end.
#include <atomic>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "page_reader.h"
#include "rig.h"
#include "server/state_page.h"

using namespace readygate;
using namespace readygate::server;
using readygate::testing::PageReader;
using server::testing::Rig;
using server::testing::sample;
using server::testing::TempFolder;
namespace fs = std::filesystem;

namespace {

constexpr const char* kInstance = "00112233445566778899aabbccddeeff";

std::string kernel_boot_id() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string text, bytes;
  file >> text;
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] == '-') {
      ++i;
      continue;
    }
    bytes += static_cast<char>(std::stoi(text.substr(i, 2), nullptr, 16));
    i += 2;
  }
  return bytes;
}

// A page alone in a folder.
struct Alone {
  Alone() : made(StatePage::create(*SocketFolder::open(folder.file("gate.sock")), {path, -1, kInstance})) {}
  StatePage& page() {
    REQUIRE(made.has_value());
    return **made;
  }
  TempFolder folder;
  std::string path = folder.file("gate.sock.page");
  Result<std::unique_ptr<StatePage>> made;
};

core::Published with_text(std::string text) {
  core::Published now;
  now.full = std::move(text);
  return now;
}

}  // namespace

TEST_CASE("the layout of the state page, byte by byte") {
  Alone alone;
  const auto snapshot = server::testing::published(sample(core::State::kReady, true, true));
  alone.page().publish(*snapshot, Millis(1'000'000));
  std::ifstream file(alone.path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  std::string expected;
  const auto put = [&](auto number) {
    char raw[sizeof number];
    std::memcpy(raw, &number, sizeof number);
    expected.append(raw, sizeof number);
  };
  expected.append("RDYGATE\0", 8);
  put(std::uint32_t{1});
  put(std::uint32_t{4096});
  expected += kernel_boot_id();
  for (int i = 0; i < 16; ++i) expected += static_cast<char>(i * 0x11);
  put(std::int64_t{0});  // the tests' time namespace is the first
  put(std::uint64_t{0});
  put(std::uint64_t{1'003'000} << 8U | 0b111111U);
  expected.append(56, '\0');
  put(std::uint32_t{2});
  put(static_cast<std::uint32_t>(snapshot->full.size()));
  expected += snapshot->full;
  expected.resize(4096, '\0');
  REQUIRE(bytes.size() == expected.size());
  CHECK(bytes.substr(0, 64) == expected.substr(0, 64));
  CHECK(bytes == expected);
}

TEST_CASE("each fact has its bit") {
  using core::Facts;
  CHECK(fact_bits(Facts{.live = false}) == 0);
  CHECK(fact_bits(Facts{.open = true, .live = false}) == 1);
  CHECK(fact_bits(Facts{.ready = true, .live = false}) == 2);
  CHECK(fact_bits(Facts{.initialized = true, .live = false}) == 4);
  CHECK(fact_bits(Facts{.healthy = true, .live = false}) == 8);
  CHECK(fact_bits(Facts{.reachable = true, .live = false}) == 16);
  CHECK(fact_bits(Facts{.live = true}) == 32);
}

TEST_CASE("the page is born with mode 0640 and the folder's group, and leaves nothing else behind") {
  Alone alone;
  struct stat made {};
  REQUIRE(::lstat(alone.path.c_str(), &made) == 0);
  CHECK((made.st_mode & 07777) == 0640);
  CHECK(made.st_blocks * 512 >= 4096);  // no store into it can find the volume full
  CHECK(std::distance(fs::directory_iterator(alone.folder.path()), fs::directory_iterator()) == 1);
}

TEST_CASE("a snapshot that does not fit is left out and said to be") {
  Alone alone;
  const PageReader reader(alone.path, kernel_boot_id());
  alone.page().publish(with_text(std::string(3960, 'x')), Millis(0));
  CHECK(reader.snapshot() == std::string(3960, 'x'));
  alone.page().publish(with_text(std::string(3961, 'x')), Millis(0));
  CHECK(reader.number<std::uint32_t>(132) == 0xFFFFFFFFU);
  CHECK(!reader.snapshot().has_value());
  alone.page().publish(with_text("short"), Millis(0));
  CHECK(reader.snapshot() == "short");
}

TEST_CASE("never torn: a writer at full speed and eight readers") {
  Alone alone;
  // Texts of one letter each, of different lengths, and facts that go with the letter.
  std::vector<core::Published> texts;
  for (int i = 0; i < 16; ++i) {
    texts.push_back(with_text(std::string(static_cast<std::size_t>(200 * i + 37), static_cast<char>('a' + i))));
    texts.back().facts.open = i % 2 == 0;
    texts.back().facts.ready = i % 2 == 0;
  }
  alone.page().publish(texts[0], Millis(1000));
  std::atomic<int> reading = 8;
  std::atomic<int> torn = 0;
  std::vector<std::thread> readers;
  readers.reserve(8);
  for (int r = 0; r < 8; ++r) {
    readers.emplace_back([&] {
      const PageReader reader(alone.path, kernel_boot_id());
      for (int whole = 0; whole < 2000;) {
        const std::uint64_t facts = reader.word() & 3U;
        if (facts != 0 && facts != 3) ++torn;
        const std::optional<std::string> text = reader.snapshot();
        if (!text) {
          std::this_thread::yield();
          continue;
        }
        ++whole;
        const auto which = static_cast<std::size_t>(text->front() - 'a');
        if (which >= texts.size() || *text != texts[which].full) ++torn;
      }
      --reading;
    });
  }
  for (std::size_t i = 0; reading > 0; ++i) alone.page().publish(texts[i % texts.size()], Millis(1000));
  for (std::thread& reader : readers) reader.join();
  CHECK(torn == 0);
}

TEST_CASE("a heartbeat puts off the expiry and keeps the facts; a change is told at once") {
  Rig rig;
  const PageReader reader(rig.socket + ".page", kernel_boot_id());
  REQUIRE(reader.mapped());
  CHECK(!reader.holds(PageReader::kOpen));
  const std::int64_t before = readygate::testing::coarse_ms();
  rig.publish(core::State::kReady, true, true);
  CHECK(reader.holds(PageReader::kOpen));
  const std::uint64_t first = reader.word();
  CHECK(static_cast<std::int64_t>(first >> 8U) >= before + 3000);
  CHECK(static_cast<std::int64_t>(first >> 8U) <= readygate::testing::coarse_ms() + 3000);
  REQUIRE(reader.snapshot().has_value());
  CHECK(reader.snapshot()->find("\"state\":\"ready\"") != std::string::npos);

  const std::int64_t then = readygate::testing::coarse_ms();
  while (readygate::testing::coarse_ms() == then) std::this_thread::yield();  // a few milliseconds
  CHECK(reader.word() == first);
  rig.advance(Millis(500));
  CHECK(reader.word() > first);
  CHECK((reader.word() & 0xFFU) == (first & 0xFFU));
  rig.publish(core::State::kDraining, true, true);
  CHECK(!reader.holds(PageReader::kOpen));
}

TEST_CASE("an expired word is not open, and clocks of two time namespaces are compared") {
  Alone alone;
  const PageReader reader(alone.path, kernel_boot_id());
  core::Published open;
  open.facts.open = true;
  const Millis now = coarse_now();
  alone.page().publish(open, now - Millis(3'001));
  CHECK(!reader.holds(PageReader::kOpen));
  alone.page().publish(open, now + Millis(60'000));
  CHECK(reader.holds(PageReader::kOpen));
  // The writer's clock is two minutes ahead of the reader's: what it wrote is long over.
  CHECK(!reader.holds(PageReader::kOpen, 120'000));
}

TEST_CASE("a page of an earlier boot, another version or another size is not believed") {
  Alone alone;
  CHECK(PageReader(alone.path, kernel_boot_id()).mapped());
  CHECK(!PageReader(alone.path, std::string(16, 'x')).mapped());
  fs::resize_file(alone.path, 4095);
  CHECK(!PageReader(alone.path, kernel_boot_id()).mapped());
}

TEST_CASE("an orderly end zeroes the page under its readers, and unlinks it with the socket") {
  Rig rig;
  const std::string path = rig.socket + ".page";
  const PageReader reader(path, kernel_boot_id());
  rig.publish(core::State::kReady, true, true);
  CHECK(reader.holds(PageReader::kOpen));
  rig.server.reset();
  CHECK(reader.bytes(0, 4096) == std::string(4096, '\0'));
  CHECK(!reader.holds(PageReader::kOpen));
  CHECK(!fs::exists(path));
  CHECK(!fs::exists(rig.socket));
}

TEST_CASE("a page that is not ours any more is not unlinked") {
  Alone alone;
  fs::rename(alone.path, alone.path + ".old");
  std::ofstream(alone.path) << "of somebody else";
  alone.made = fail(Reason::kInternal, "gone");
  CHECK(fs::exists(alone.path));
}

TEST_CASE("the page of a killed daemon is replaced by another file, and no other file is") {
  TempFolder folder;
  const std::string path = folder.file("gate.sock.page");
  std::ofstream(path) << std::string(4096, 'o');
  const auto socket_folder = SocketFolder::open(folder.file("gate.sock"));
  const FileId old = id_of(path);
  const std::ifstream keeps_its_inode(path);
  {
    const auto page = StatePage::create(*socket_folder, {path, -1, kInstance});
    REQUIRE(page.has_value());
    CHECK(!(id_of(path) == old));  // who has the old one mapped never sees the new one half made
  }
  std::ofstream(path) << "precious";
  const auto refused = StatePage::create(*socket_folder, {path, -1, kInstance});
  REQUIRE(!refused.has_value());
  CHECK(refused.error().reason == Reason::kSocketPath);
  CHECK(refused.error().message.find("gate.socket") != std::string::npos);
  CHECK(fs::file_size(path) == 8);
}
