// https://toml.io/en/v1.0.0#string
#include "toml/print.h"

#include <algorithm>

#include "base/json.h"

namespace readygate::toml {

std::string quoted(std::string_view text) {
  std::string json = json_quote(text);  // its escapes are TOML's as well
  const bool control =
      std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == '\x7f'; });
  const bool valid = json.find("\\ufffd") == std::string::npos;
  const bool escapes = text.find_first_of("\"\\") != std::string_view::npos;
  if (escapes && !control && valid && text.find('\'') == std::string_view::npos) return "'" + std::string(text) + "'";
  return json;
}

std::string key_text(std::string_view name) {
  const bool bare = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
  return bare ? std::string(name) : quoted(name);
}

}  // namespace readygate::toml
