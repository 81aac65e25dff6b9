// A whole small file: configuration, a secret, a token.
#pragma once

#include <cstddef>
#include <string>

#include "base/error.h"

namespace readygate {

inline constexpr std::size_t kMostFileBytes = 16U << 20U;

// A file of at most so many bytes, or kFileUnreadable, which names it and says why. Blocks only as the disk does: a
// FIFO does not hold it up. Any thread.
Result<std::string> read_file(const std::string& path, std::size_t most = kMostFileBytes);

}  // namespace readygate
