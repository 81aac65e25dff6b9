#include "server/state_page.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <new>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

namespace readygate::server {
namespace {

constexpr std::array<char, 8> kMagic = {'R', 'D', 'Y', 'G', 'A', 'T', 'E', '\0'};
constexpr std::uint32_t kVersion = 1;
constexpr mode_t kMode = 0640;

std::uint64_t magic_word() {
  std::uint64_t word = 0;
  std::memcpy(&word, kMagic.data(), sizeof word);
  return word;
}

// Sixteen bytes from 32 hex digits; hyphens are passed over. None: anything else.
std::optional<std::array<std::uint8_t, 16>> bytes_of(std::string_view hex) {
  std::array<std::uint8_t, 16> bytes{};
  std::size_t digits = 0;
  for (const char c : hex) {
    if (c == '-') continue;
    const std::size_t value = std::string_view("0123456789abcdef").find(c);
    if (value == std::string_view::npos || digits == 32) return std::nullopt;
    std::uint8_t& byte = bytes[digits / 2];
    byte = static_cast<std::uint8_t>(byte * std::size_t{16} + value);
    ++digits;
  }
  if (digits != 32) return std::nullopt;
  return bytes;
}

std::optional<std::array<std::uint8_t, 16>> boot_id() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string text;
  file >> text;
  return bytes_of(text);
}

// A line is `monotonic SECONDS NANOSECONDS`; kernels without time namespaces have no such file.
std::int64_t clock_offset_ms() {
  std::ifstream file("/proc/self/timens_offsets");
  std::string clock;
  std::int64_t seconds = 0;
  std::int64_t nanos = 0;
  while (file >> clock >> seconds >> nanos) {
    if (clock == "monotonic") return seconds * 1000 + nanos / 1'000'000;
  }
  return 0;
}

// Whether a file there may be replaced: a page of an earlier daemon, or nothing.
bool replaceable(const std::string& path) {
  struct stat there {};
  if (::lstat(path.c_str(), &there) != 0) return errno == ENOENT;
  return S_ISREG(there.st_mode) && there.st_size == static_cast<off_t>(kPageSize);
}

}  // namespace

std::uint8_t fact_bits(const core::Facts& facts) {
  unsigned bits = 0;
  unsigned bit = 1;
  for (const bool fact : {facts.open, facts.ready, facts.initialized, facts.healthy, facts.reachable, facts.live}) {
    if (fact) bits |= bit;
    bit <<= 1U;
  }
  return static_cast<std::uint8_t>(bits);
}

Millis coarse_now() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return Millis(static_cast<std::int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000);
}

std::string page_path(const std::string& socket_path) { return socket_path + ".page"; }

Result<std::unique_ptr<StatePage>> StatePage::create(const SocketFolder& folder, const PageOptions& options) {
  if (!replaceable(options.path)) {
    return fail(Reason::kSocketPath, fmt::format("the state page {} cannot be created: a file that is no state page is "
                                                 "there; remove it, or set gate.socket",
                                                 options.path));
  }
  std::unique_ptr<StatePage> made(new StatePage(options.path));
  const std::string temporary = folder.full(folder.temporary_name());
  const auto give_up = [&](int error) {
    ::unlink(temporary.c_str());
    return fail(Reason::kSocketPath,
                fmt::format("the state page {} cannot be created: {}; the folder needs {} bytes of room", options.path,
                            std::strerror(error), kPageSize));
  };
  const UniqueFd fd(::open(temporary.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return give_up(errno);
  // Its blocks are there before anybody maps it: on a full volume a store would be SIGBUS.
  if (const int error = ::posix_fallocate(fd.get(), 0, kPageSize); error != 0) return give_up(error);
  void* memory = ::mmap(nullptr, kPageSize, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (memory == MAP_FAILED) return give_up(errno);
  made->page_ = ::new (memory) PageLayout();

  PageLayout& page = *made->page_;
  page.version = kVersion;
  page.size = kPageSize;
  const auto boot = boot_id();
  if (!boot) made->warning_ = "the kernel tells no boot id: readers of the state page will not believe it";
  page.boot_id = boot.value_or(std::array<std::uint8_t, 16>{});
  page.instance_id = bytes_of(options.instance).value_or(std::array<std::uint8_t, 16>{});
  page.clock_offset_ms = clock_offset_ms();
  page.magic.store(magic_word());

  const Result<std::string> owned = folder.own(temporary, options.path, kMode, options.group);
  if (!owned) {
    ::unlink(temporary.c_str());
    return tl::unexpected<Error>(owned.error());
  }
  if (!owned->empty()) made->warning_ = *owned;
  const FileId id = id_of(temporary);
  if (::rename(temporary.c_str(), options.path.c_str()) != 0) return give_up(errno);
  made->id_ = id;
  return made;
}

StatePage::~StatePage() {
  if (page_ == nullptr) return;
  // First what a new reader looks at, then what one that has it mapped does; the snapshot under its lock, so that no
  // copy of it is half zeroes.
  page_->magic.store(0);
  page_->word.store(0);
  page_->sequence.fetch_add(1, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_release);
  page_->length.store(0, std::memory_order_relaxed);
  for (std::atomic<std::uint64_t>& piece : page_->snapshot) piece.store(0, std::memory_order_relaxed);
  page_->sequence.store(0, std::memory_order_release);
  page_->version = 0;
  page_->size = 0;
  page_->boot_id = {};
  page_->instance_id = {};
  page_->clock_offset_ms = 0;
  unlink_if(path_, id_);
  ::munmap(page_, kPageSize);
}

void StatePage::publish(const core::Published& snapshot, Millis now) {
  facts_ = fact_bits(snapshot.facts);
  beat(now);
  store(snapshot.full);
}

void StatePage::beat(Millis now) {
  const auto expires = static_cast<std::uint64_t>((now + kPageExpiry).count());
  page_->word.store(expires << 8U | facts_, std::memory_order_release);
}

void StatePage::store(std::string_view snapshot) {
  const std::uint32_t sequence = page_->sequence.load(std::memory_order_relaxed);
  page_->sequence.store(sequence + 1, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_release);
  const bool fits = snapshot.size() <= kPageRoom;
  page_->length.store(fits ? static_cast<std::uint32_t>(snapshot.size()) : kPageLeftOut, std::memory_order_relaxed);
  if (!fits) snapshot = {};
  for (std::size_t at = 0; at < snapshot.size(); at += sizeof(std::uint64_t)) {
    std::uint64_t piece = 0;
    std::memcpy(&piece, snapshot.data() + at, std::min(sizeof piece, snapshot.size() - at));
    page_->snapshot[at / sizeof piece].store(piece, std::memory_order_relaxed);
  }
  page_->sequence.store(sequence + 2, std::memory_order_release);
}

}  // namespace readygate::server
