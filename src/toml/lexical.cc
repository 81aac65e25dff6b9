// TOML 1.0, https://toml.io/en/v1.0.0. Where a text breaks its rules the functions go on somehow: the parser, which
// reports it, stops there.
#include "toml/lexical.h"

#include <algorithm>
#include <vector>

namespace readygate::toml {
namespace {

constexpr std::string_view kWhitespace = " \t";

std::size_t skip_blanks(std::string_view text, std::size_t at) {
  return std::min(text.find_first_not_of(kWhitespace, at), text.size());
}

bool at_char(std::string_view text, std::size_t at, char c) { return at < text.size() && text[at] == c; }

class DepthScan {
 public:
  explicit DepthScan(std::string_view text) : text_(text) {}

  std::optional<std::size_t> run() {
    while (at_ < text_.size() && !found_) {
      const char c = text_[at_];
      if (c == '#') {
        at_ = end_of_line(text_, at_);
      } else if (c == '[') {
        header();
      } else if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
        ++at_;
      } else {
        entry();
      }
    }
    return found_;
  }

 private:
  void reach(std::size_t depth) {
    if (depth > kMaxDepth && !found_) found_ = at_;
  }

  // Moves past a key and the "=" after it; the number of its parts.
  std::size_t key() {
    const KeySpan span = key_span(text_, skip_blanks(text_, at_));
    at_ = skip_blanks(text_, std::max(span.end, at_));
    if (at_char(text_, at_, '=')) ++at_;
    return span.parts;
  }

  void header() {
    at_ += at_char(text_, at_ + 1, '[') ? 2 : 1;
    header_ = key();
    reach(header_);
    at_ = end_of_line(text_, at_);
  }

  void entry() {
    const std::size_t begin = at_;
    const std::size_t depth = header_ + key();
    reach(depth);
    value(depth);
    if (at_ == begin) ++at_;
  }

  // Up to the end of the line that closes what the value opened.
  void value(std::size_t depth) {
    struct Open {
      char bracket;
      std::size_t depth;  // of what stands in it
    };
    std::vector<Open> open;
    const auto inside = [&] { return open.empty() ? depth : open.back().depth; };
    while (at_ < text_.size() && !found_) {
      const char c = text_[at_];
      if (c == '"' || c == '\'') {
        at_ = end_of_string(text_, at_);
      } else if (c == '#') {
        at_ = end_of_line(text_, at_);
      } else if (c == '\n' && open.empty()) {
        return;
      } else if (c == '[') {
        open.push_back({c, inside() + 1});
        reach(open.back().depth);
        ++at_;
      } else if (c == '{') {
        ++at_;
        const std::size_t outer = inside();
        open.push_back({c, outer + 1 + key()});
        reach(open.back().depth);
      } else if (c == ',' && !open.empty() && open.back().bracket == '{') {
        ++at_;
        open.pop_back();
        const std::size_t outer = inside();
        open.push_back({'{', outer + 1 + key()});
        reach(open.back().depth);
      } else {
        if ((c == ']' || c == '}') && !open.empty()) open.pop_back();
        ++at_;
      }
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t header_ = 0;  // parts of the header that is in force
  std::optional<std::size_t> found_;
};

}  // namespace

std::size_t end_of_line(std::string_view text, std::size_t at) { return std::min(text.find('\n', at), text.size()); }

std::size_t end_of_string(std::string_view text, std::size_t at) {
  const char quote = text[at];
  const bool escapes = quote == '"';
  const std::string_view three = escapes ? "\"\"\"" : "'''";
  const bool many_lines = text.substr(at).starts_with(three);
  std::size_t i = at + (many_lines ? 3 : 1);
  while (i < text.size()) {
    if (escapes && text[i] == '\\') {
      i += 2;
    } else if (many_lines && text.substr(i).starts_with(three)) {
      i += 3;
      // Up to two quotes can stand right before the closing three.
      for (int more = 0; more < 2 && at_char(text, i, quote); ++more) ++i;
      return i;
    } else if (!many_lines && (text[i] == quote || text[i] == '\n')) {
      return text[i] == quote ? i + 1 : i;
    } else {
      ++i;
    }
  }
  return text.size();
}

KeySpan key_span(std::string_view text, std::size_t at) {
  KeySpan span{at, 0};
  for (;;) {
    const std::size_t begin = skip_blanks(text, at);
    if (at_char(text, begin, '"') || at_char(text, begin, '\'')) {
      at = end_of_string(text, begin);
    } else {
      at = std::min(text.find_first_of(" \t\r\n.=[]{},#\"'", begin), text.size());
    }
    span = KeySpan{at, span.parts + 1};
    const std::size_t dot = skip_blanks(text, at);
    if (!at_char(text, dot, '.')) return span;
    at = dot + 1;
  }
}

std::optional<std::size_t> too_deep(std::string_view text) { return DepthScan(text).run(); }

LineColumn line_column(std::string_view text, std::size_t at) {
  const std::string_view before = text.substr(0, at);
  const std::size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
  const std::string_view line = before.substr(line_start);
  const auto characters = std::count_if(line.begin(), line.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;  // not a continuation byte of UTF-8
  });
  const auto lines = std::count(before.begin(), before.end(), '\n');
  return {static_cast<std::uint32_t>(lines + 1), static_cast<std::uint32_t>(characters + 1)};
}

}  // namespace readygate::toml
