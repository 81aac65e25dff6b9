// What can be said of TOML text without parsing it: where a string or a comment ends, and how deep the text nests. The
// parser is recursive and so is everything that walks its tree: text that nests too deep must not reach either.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace readygate::toml {

// Tables, arrays and the parts of dotted keys, one inside the other. The deepest of our files needs eight.
inline constexpr std::size_t kMaxDepth = 64;

// Past the end of the string whose first quote is at `at`; the end of the text for one that does not end. A string on
// one line ends with the line, whether it is closed or not.
std::size_t end_of_string(std::string_view text, std::size_t at);

// The line feed that ends the line of `at`, or the end of the text.
std::size_t end_of_line(std::string_view text, std::size_t at);

// Past the end of the last part of the dotted key that begins at `at`, and of how many parts it is.
struct KeySpan {
  std::size_t end = 0;
  std::size_t parts = 0;
};
KeySpan key_span(std::string_view text, std::size_t at);

// The first byte at which the text nests deeper than kMaxDepth. Never too late for any text that a parser would still
// be reading there; of a text that is no TOML nothing else is promised. Linear, and not recursive.
std::optional<std::size_t> too_deep(std::string_view text);

// Line and column of a byte, both from 1; columns count characters.
struct LineColumn {
  std::uint32_t line = 1;
  std::uint32_t column = 1;
};
LineColumn line_column(std::string_view text, std::size_t at);

}  // namespace readygate::toml
