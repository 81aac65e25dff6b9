// A reader of the state page as a client has one, written from docs/protocol.md alone and sharing nothing with the
// writer: numbers of bytes, not its structure.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

namespace readygate::testing {

inline std::int64_t coarse_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000;
}

class PageReader {
 public:
  enum Fact : std::uint64_t { kOpen = 1, kReady = 2, kInitialized = 4, kHealthy = 8, kReachable = 16, kLive = 32 };

  PageReader() = default;
  // `boot_id`: the 16 bytes of the running kernel's. Not mapped when anything is wrong with the file.
  PageReader(const std::string& path, const std::string& boot_id) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    struct stat file {};
    if (::fstat(fd, &file) == 0 && file.st_size == 4096) {
      void* memory = ::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, fd, 0);
      if (memory != MAP_FAILED) page_ = static_cast<unsigned char*>(memory);
    }
    ::close(fd);
    if (page_ == nullptr) return;
    const bool ours = bytes(0, 8) == std::string("RDYGATE\0", 8) && number<std::uint32_t>(8) == 1 &&
                      number<std::uint32_t>(12) == 4096 && bytes(16, 16) == boot_id;
    if (!ours) close();
  }
  PageReader(const PageReader&) = delete;
  PageReader& operator=(const PageReader&) = delete;
  ~PageReader() { close(); }

  bool mapped() const { return page_ != nullptr; }
  std::uint64_t word() const { return load<std::uint64_t>(64, __ATOMIC_ACQUIRE); }
  // One load, one look at the clock. `offset_ms`: of the writer's time namespace, less the reader's.
  bool holds(Fact fact, std::int64_t offset_ms = 0) const {
    const std::uint64_t now = word();
    return (now & fact) != 0 && coarse_ms() + offset_ms < static_cast<std::int64_t>(now >> 8U);
  }
  // None: it did not fit, or it changed a hundred times.
  std::optional<std::string> snapshot() const {
    for (int i = 0; i < 100; ++i) {
      const auto before = load<std::uint32_t>(128, __ATOMIC_ACQUIRE);
      if (before % 2 != 0) continue;
      const auto length = load<std::uint32_t>(132, __ATOMIC_RELAXED);
      std::array<std::uint64_t, 495> copy;
      for (std::size_t k = 0; k < copy.size() && length <= 3960 && k * 8 < length; ++k) {
        copy[k] = load<std::uint64_t>(136 + k * 8, __ATOMIC_RELAXED);
      }
      __atomic_thread_fence(__ATOMIC_ACQUIRE);
      if (load<std::uint32_t>(128, __ATOMIC_RELAXED) != before) continue;
      if (length > 3960) return std::nullopt;
      std::string text(length, '\0');
      std::memcpy(text.data(), copy.data(), length);
      return text;
    }
    return std::nullopt;
  }
  std::string bytes(std::size_t at, std::size_t count) const {
    std::string text(count, '\0');
    std::memcpy(text.data(), page_ + at, count);
    return text;
  }
  template <typename Number>
  Number number(std::size_t at) const {
    Number value{};
    std::memcpy(&value, page_ + at, sizeof value);
    return value;
  }

 private:
  template <typename Number>
  Number load(std::size_t at, int order) const {
    const void* place = page_ + at;
    return __atomic_load_n(static_cast<const Number*>(place), order);
  }
  void close() {
    if (page_ != nullptr) ::munmap(page_, 4096);
    page_ = nullptr;
  }

  unsigned char* page_ = nullptr;
};

}  // namespace readygate::testing
