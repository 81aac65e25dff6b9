#include "http/header_file.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include <fmt/format.h>
#include <string.h>

#include "base/file.h"

namespace readygate::http {
namespace {

constexpr std::size_t kMostBytes = 64U << 10U;

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

// RFC 9110, section 5.6.2.
bool is_token(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 ||
           std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) != std::string_view::npos;
  });
}

bool is_value(std::string_view value) {
  return std::all_of(value.begin(), value.end(), [](unsigned char c) { return c >= 0x20 || c == '\t'; });
}

}  // namespace

Result<std::vector<Header>> parse_headers(std::string_view text, std::string_view file) {
  std::vector<Header> headers;
  int number = 0;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (line.empty() || line.front() == '#') continue;
    const auto colon = line.find(':');
    const std::string_view name = line.substr(0, colon);
    if (colon == std::string_view::npos || !is_token(name) || !is_value(line.substr(colon))) {
      return fail(Reason::kConfigInvalid,
                  fmt::format("{}:{}: not a header; write \"Authorization: Bearer ...\", one on a line", file, number));
    }
    headers.push_back({std::string(name), Secret(std::string(trimmed(line.substr(colon + 1))))});
  }
  return headers;
}

Result<std::vector<Header>> read_headers(const std::string& file) {
  if (file.empty()) return std::vector<Header>{};
  auto text = read_file(file, kMostBytes);
  if (!text) return tl::unexpected(text.error());
  auto headers = parse_headers(*text, file);
  ::explicit_bzero(text->data(), text->size());
  return headers;
}

}  // namespace readygate::http
