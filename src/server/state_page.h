// The state page: a file beside the socket that a process maps to know, for the price of one load and one look at a
// coarse clock, whether the gate is open. docs/protocol.md has its layout for readers; it is written down once more
// here, because the two never change: another layout is another version.
//
// The word is one aligned store, so it is never torn. The snapshot is guarded by a sequence lock: every byte of it is
// stored as an atomic, so that a reader that copies while it changes reads nonsense, sees that, and reads again.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/snapshot.h"
#include "server/socket_folder.h"

namespace readygate::server {

inline constexpr std::size_t kPageSize = 4096;
inline constexpr std::size_t kPageRoom = 3960;              // of the snapshot
inline constexpr std::uint32_t kPageLeftOut = 0xFFFF'FFFF;  // the length of a snapshot that did not fit
inline constexpr Millis kPageHeartbeat{500};
inline constexpr Millis kPageExpiry{3'000};

// In the machine's own byte order.
struct PageLayout {
  std::atomic<std::uint64_t> magic;           // the bytes "RDYGATE\0"
  std::uint32_t version;                      // 1
  std::uint32_t size;                         // kPageSize
  std::array<std::uint8_t, 16> boot_id;       // of the kernel
  std::array<std::uint8_t, 16> instance_id;   // of the daemon
  std::int64_t clock_offset_ms;               // of CLOCK_MONOTONIC in the writer's time namespace
  std::uint64_t reserved;                     // 0
  std::atomic<std::uint64_t> word;            // (expires_ms << 8) | fact bits
  std::array<std::uint8_t, 56> reserved_too;  // 0
  std::atomic<std::uint32_t> sequence;        // odd: the snapshot is being written
  std::atomic<std::uint32_t> length;          // bytes of the snapshot
  std::array<std::atomic<std::uint64_t>, kPageRoom / 8> snapshot;
};
static_assert(sizeof(PageLayout) == kPageSize && offsetof(PageLayout, word) == 64 &&
              offsetof(PageLayout, sequence) == 128 && offsetof(PageLayout, snapshot) == 136);
static_assert(std::atomic<std::uint64_t>::is_always_lock_free && std::atomic<std::uint32_t>::is_always_lock_free);

// 1 open, 2 ready, 4 initialized, 8 healthy, 16 reachable, 32 live.
std::uint8_t fact_bits(const core::Facts& facts);

// CLOCK_MONOTONIC_COARSE: the clock of the page's expiry.
Millis coarse_now();

struct PageOptions {
  std::string path;           // the final one
  std::int64_t group = -1;    // a gid; -1: the folder's
  std::string_view instance;  // 32 hex digits
};

// The writer. Of one thread.
class StatePage {
 public:
  // Made whole beside its place and renamed into it, saying "not open" until publish(). Fails with kSocketPath: no
  // room, or something that is no page lies there.
  static Result<std::unique_ptr<StatePage>> create(const SocketFolder& folder, const PageOptions& options);
  // Zeroes the page, for those who have it mapped, and unlinks it if the file is still this one.
  ~StatePage();
  StatePage(const StatePage&) = delete;
  StatePage& operator=(const StatePage&) = delete;

  // `now` is coarse_now(). What is told expires kPageExpiry later, unless beat() says it again.
  void publish(const core::Published& snapshot, Millis now);
  void beat(Millis now);

  // "" or a sentence for the log: what a reader will miss.
  const std::string& warning() const { return warning_; }

 private:
  explicit StatePage(std::string path) : path_(std::move(path)) {}
  void store(std::string_view snapshot);

  std::string path_;
  std::string warning_;
  FileId id_;
  PageLayout* page_ = nullptr;  // mapped
  std::uint8_t facts_ = 0;
};

// "/run/readygate/gate.sock" -> "/run/readygate/gate.sock.page"
std::string page_path(const std::string& socket_path);

}  // namespace readygate::server
