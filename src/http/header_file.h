// Headers that hold a secret come from a file, so that they are in no configuration, variable or command line.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "http/client.h"

namespace readygate::http {

// Lines "Name: value"; empty ones and those that begin with # are skipped. Fails with kConfigInvalid, which names the
// line's number and none of its text.
Result<std::vector<Header>> parse_headers(std::string_view text, std::string_view file);

// The same of a file; "" has none. Blocks. Fails with kFileUnreadable too.
Result<std::vector<Header>> read_headers(const std::string& file);

}  // namespace readygate::http
