// Files that this program writes: whole or not at all.
#pragma once

#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "base/error.h"

namespace readygate::cli {

enum class Existing { kReplace, kKeep };

// Writes `text` to a temporary file beside `path` and renames it, so that a reader sees the file before or the file
// after, whatever happens. A file that is there keeps its mode and, where that is allowed, its owner; a link stays one,
// and what it points to is written. With kKeep, a file that is there is kUsage and stays as it is. Otherwise
// kFileUnwritable.
tl::expected<void, Error> write_file(const std::string& path, std::string_view text, Existing existing);

}  // namespace readygate::cli
