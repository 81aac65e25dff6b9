// Strings and keys as TOML text, in the one spelling that this program writes.
#pragma once

#include <string>
#include <string_view>

namespace readygate::toml {

// "text"; 'text' where that saves escapes; with escapes where nothing else is left. Always on one line. Bytes that are
// not UTF-8 become U+FFFD, as no TOML file can hold them.
std::string quoted(std::string_view text);

// text where a bare key can be, else as quoted() writes it.
std::string key_text(std::string_view name);

}  // namespace readygate::toml
