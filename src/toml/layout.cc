// The parser has accepted the text before: what is asked here is only where each part ends.
#include "toml/layout.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <utility>

#include "toml/lexical.h"
#include "toml/tree.h"

namespace readygate::toml {
namespace {

constexpr std::string_view kBlank = " \t\r";
constexpr std::string_view kBlankOrLine = " \t\r\n";

std::string_view trimmed_right(std::string_view text) {
  return text.substr(0, text.find_last_not_of(kBlankOrLine) + 1);  // npos + 1 is 0
}

// One part of a key without its quotes.
std::string part_name(std::string_view raw) {
  if (raw.empty() || (raw.front() != '"' && raw.front() != '\'')) return std::string(raw);
  const auto value = parse_value(raw, "");
  const std::string* name = value ? std::get_if<std::string>(&value->data) : nullptr;
  return name != nullptr ? *name : std::string(raw);
}

// Moves from part to part of a text.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  bool done() const { return at_ >= text_.size(); }
  char peek() const { return done() ? '\0' : text_[at_]; }
  void skip(std::string_view characters) { at_ = std::min(text_.find_first_not_of(characters, at_), text_.size()); }
  void advance(std::size_t count = 1) { at_ = std::min(at_ + count, text_.size()); }
  bool take(char c) {
    if (peek() != c) return false;
    advance();
    return true;
  }

  std::string comment() {  // from "#" to the end of the line
    const std::size_t begin = std::exchange(at_, end_of_line(text_, at_));
    return std::string(trimmed_right(text_.substr(begin, at_ - begin)));
  }

  std::vector<std::string> key() {
    std::vector<std::string> path;
    const std::size_t end = key_span(text_, at_).end;
    while (at_ < end) {
      skip(kBlank);
      const std::size_t begin = at_;
      if (peek() == '"' || peek() == '\'') {
        at_ = end_of_string(text_, at_);
      } else {
        at_ = std::min(text_.find_first_of(" \t.", at_), end);
      }
      path.push_back(part_name(text_.substr(begin, at_ - begin)));
      skip(kBlank);
      if (at_ < end) take('.');
    }
    return path;
  }

  // A string, an array, a table, or whatever else ends before one of `stops`.
  std::string value(std::string_view stops) {
    const std::size_t begin = at_;
    if (peek() == '"' || peek() == '\'') {
      at_ = end_of_string(text_, at_);
    } else if (peek() == '[' || peek() == '{') {
      std::size_t open = 0;
      do {
        const char c = peek();
        if (c == '"' || c == '\'') {
          at_ = end_of_string(text_, at_);
          continue;
        }
        if (c == '#') {
          at_ = end_of_line(text_, at_);
          continue;
        }
        if (c == '[' || c == '{') ++open;
        if (c == ']' || c == '}') --open;
        advance();
      } while (open > 0 && !done());
    } else {
      at_ = std::min(text_.find_first_of(stops, at_), text_.size());
    }
    return std::string(trimmed_right(text_.substr(begin, at_ - begin)));
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

// Takes the first lines of `from`, as many as there are before `end`.
Lines taken(Lines& from, Lines::iterator end) {
  Lines lines(std::make_move_iterator(from.begin()), std::make_move_iterator(end));
  from.erase(from.begin(), end);
  return lines;
}

class LayoutReader {
 public:
  explicit LayoutReader(std::string_view text) : cursor_(text) { layout_.tables.emplace_back(); }

  Layout run() {
    for (cursor_.skip(kBlank); !cursor_.done(); cursor_.skip(kBlank)) {
      if (cursor_.take('\n')) {
        before_.emplace_back();
      } else if (cursor_.peek() == '#') {
        before_.push_back(cursor_.comment());
        cursor_.take('\n');
      } else if (cursor_.take('[')) {
        header();
      } else {
        entry();
      }
    }
    if (!first_) after(before_.end());
    layout_.end = std::move(before_);
    return std::move(layout_);
  }

 private:
  void header() {
    top();
    if (const auto blank = std::find(before_.begin(), before_.end(), ""); blank != before_.end()) after(blank);
    LaidOutTable table;
    table.before = std::exchange(before_, {});
    table.array = cursor_.take('[');
    cursor_.skip(kBlank);
    table.path = cursor_.key();
    cursor_.skip(kBlank);
    cursor_.advance(table.array ? 2 : 1);
    table.comment = rest_of_line();
    layout_.tables.push_back(std::move(table));
  }

  void entry() {
    top();
    LaidOutEntry entry;
    entry.before = std::exchange(before_, {});
    entry.path = cursor_.key();
    cursor_.skip(kBlank);
    cursor_.take('=');
    cursor_.skip(kBlank);
    entry.value = cursor_.value("#\n");
    entry.comment = rest_of_line();
    layout_.tables.back().entries.push_back(std::move(entry));
  }

  std::string rest_of_line() {
    cursor_.skip(kBlank);
    std::string comment = cursor_.peek() == '#' ? cursor_.comment() : std::string();
    while (!cursor_.done() && cursor_.peek() != '\n') cursor_.advance();
    cursor_.take('\n');
    return comment;
  }

  void top() {
    if (!std::exchange(first_, false)) return;
    auto end = std::find(before_.rbegin(), before_.rend(), "").base();
    if (end == before_.begin() && !before_.empty() && before_.front().starts_with("#:")) ++end;
    layout_.top = taken(before_, end);
  }

  // The lines up to the first blank one belong to the table before, up to `end` at most.
  void after(Lines::iterator end) {
    const bool headless = layout_.tables.size() == 1 && layout_.tables.front().entries.empty();
    if (headless) return;
    layout_.tables.back().after = taken(before_, std::find(before_.begin(), end, ""));
  }

  Cursor cursor_;
  Layout layout_;
  Lines before_;
  bool first_ = true;  // neither a key nor a header has come yet
};

}  // namespace

Layout layout_of(std::string_view text) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  return LayoutReader(text).run();
}

std::vector<Item> items_of(std::string_view value) {
  std::vector<Item> items;
  Cursor cursor(value);
  const bool table = cursor.peek() == '{';
  cursor.advance();
  for (;;) {
    cursor.skip(kBlankOrLine);
    if (cursor.done() || cursor.peek() == ']' || cursor.peek() == '}') return items;
    if (cursor.take(',')) continue;
    Item item;
    if (table) {
      item.path = cursor.key();
      cursor.skip(kBlank);
      cursor.take('=');
      cursor.skip(kBlank);
    }
    item.value = cursor.value(",]} \t\r\n");
    items.push_back(std::move(item));
  }
}

bool has_comment(std::string_view value) {
  for (std::size_t i = 0; i < value.size();) {
    if (value[i] == '"' || value[i] == '\'') {
      i = end_of_string(value, i);
    } else if (value[i] == '#') {
      return true;
    } else {
      ++i;
    }
  }
  return false;
}

}  // namespace readygate::toml
