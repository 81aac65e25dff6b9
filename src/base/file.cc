#include "base/file.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "base/unique_fd.h"

namespace readygate {

Result<std::string> read_file(const std::string& path, std::size_t most) {
  const auto unreadable = [&](const std::string& why) {
    return fail(Reason::kFileUnreadable, fmt::format("{} cannot be read: {}", path, why));
  };
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));  // a FIFO must not hold us up
  if (!fd) return unreadable(std::strerror(errno));
  std::string content;
  char buffer[16384];
  for (;;) {
    const ssize_t n = ::read(fd.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return unreadable(std::strerror(errno));
    if (n == 0) return content;
    content.append(buffer, static_cast<std::size_t>(n));
    if (content.size() > most) {
      return unreadable(most >= 1U << 20U ? fmt::format("it is larger than {} MiB", most >> 20U)
                                          : fmt::format("it is larger than {} KiB", most >> 10U));
    }
  }
}

}  // namespace readygate
