// What comes out is compared with what went in, meaning and comments, before anybody gets it: a mistake here may not
// cost anyone a schema.
#include "toml/format.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "toml/layout.h"
#include "toml/print.h"

namespace readygate::toml {
namespace {

constexpr std::size_t kWidth = 100;           // columns of a line
constexpr std::size_t kWidestCommented = 60;  // a longer line does not push the comments of its neighbours
constexpr std::size_t kUnknown = std::numeric_limits<std::size_t>::max();

std::size_t columns(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

std::size_t rank(Keys keys, std::string_view name) {
  const Key* key = keys.find(name);
  return key == nullptr ? kUnknown : static_cast<std::size_t>(std::distance(keys.begin(), key));
}

Keys below(Keys keys, std::string_view name) {
  const Key* key = keys.find(name);
  return key == nullptr ? Keys() : key->keys;
}

// Where a dotted key stands among its siblings; the file's order decides between equals.
std::vector<std::size_t> rank(Keys keys, const std::vector<std::string>& path) {
  std::vector<std::size_t> ranks;
  for (const std::string& part : path) {
    ranks.push_back(rank(keys, part));
    keys = below(keys, part);
  }
  return ranks;
}

template <typename T>
void sort_by_key(std::vector<T>& entries, Keys keys) {
  std::stable_sort(entries.begin(), entries.end(),
                   [&](const T& a, const T& b) { return rank(keys, a.path) < rank(keys, b.path); });
}

std::string dotted(const std::vector<std::string>& path) {
  std::string out;
  for (const std::string& part : path) out += (out.empty() ? "" : ".") + key_text(part);
  return out;
}

// A value that a line of its own would break, or that holds what only its author can lay out.
bool as_it_is(std::string_view value) {
  const bool brackets = value.starts_with('[') || value.starts_with('{');
  if (!brackets)
    return value.find('\n') != std::string_view::npos || value.starts_with("\"\"\"") || value.starts_with("'''");
  if (has_comment(value)) return true;
  const std::vector<Item> items = items_of(value);
  return std::any_of(items.begin(), items.end(), [](const Item& item) { return as_it_is(item.value); });
}

std::string on_one_line(const std::string& value, Keys keys) {
  if (value.starts_with('"') || value.starts_with('\'')) {
    const auto parsed = parse_value(value, "");
    const std::string* text = parsed ? std::get_if<std::string>(&parsed->data) : nullptr;
    return text != nullptr ? toml::quoted(*text) : value;
  }
  if (!value.starts_with('[') && !value.starts_with('{')) return value;
  const bool table = value.starts_with('{');
  std::vector<Item> items = items_of(value);
  if (table) sort_by_key(items, keys);
  std::string out;
  for (const Item& item : items) {
    if (!out.empty()) out += ", ";
    Keys inner = keys;
    for (const std::string& part : item.path) inner = below(inner, part);
    if (table) out += dotted(item.path) + " = ";
    out += on_one_line(item.value, inner);
  }
  if (!table) return "[" + out + "]";
  return out.empty() ? "{}" : "{ " + out + " }";
}

// `before` columns of the first line are taken, and one more may be needed behind it.
std::string value_text(const std::string& value, Keys keys, std::size_t indent, std::size_t before) {
  if (as_it_is(value)) return value;
  std::string line = on_one_line(value, keys);
  if (!value.starts_with('[') || line == "[]" || before + columns(line) <= kWidth) return line;
  std::string out = "[\n";
  for (const Item& item : items_of(value)) {
    const std::size_t inside = indent + 2;
    out += fmt::format("{:{}}{},\n", "", inside, value_text(item.value, keys, inside, inside + 1));
  }
  return out + fmt::format("{:{}}]", "", indent);
}

// A table header with the tables that belong to it and follow it.
using Block = std::vector<LaidOutTable>;

class Formatter {
 public:
  Formatter(Layout layout, Keys keys) : layout_(std::move(layout)), keys_(keys) {}

  std::string run() {
    comments(layout_.top, 0);
    table(layout_.tables.front());
    for (const Block& block : blocks()) {
      for (const LaidOutTable& each : block) table(each);
    }
    if (!layout_.end.empty()) blank();
    comments(layout_.end, 0);
    while (out_.ends_with("\n\n")) out_.pop_back();
    return std::move(out_);
  }

 private:
  void blank() {
    if (!out_.empty() && !out_.ends_with("\n\n")) out_ += '\n';
  }

  void comments(const Lines& lines, std::size_t indent) {
    for (const std::string& line : lines) {
      if (line.empty()) {
        blank();
      } else {
        out_ += fmt::format("{:{}}{}\n", "", indent, line);
      }
    }
  }

  // Tables that are written once come first, in the order of their keys; [[…]] stay in the order of the file.
  std::vector<Block> blocks() const {
    std::vector<Block> all;
    for (auto it = std::next(layout_.tables.begin()); it != layout_.tables.end(); ++it) {
      const bool inner = it->path.size() > 1 && !all.empty() && all.back().front().path.front() == it->path.front();
      if (!inner) all.emplace_back();
      all.back().push_back(*it);
    }
    const auto place = [&](const Block& block) {
      const LaidOutTable& first = block.front();
      return first.path.size() == 1 && !first.array ? rank(keys_, first.path.front()) : kUnknown;
    };
    std::stable_sort(all.begin(), all.end(), [&](const Block& a, const Block& b) { return place(a) < place(b); });
    return all;
  }

  void table(LaidOutTable table) {
    Keys keys = keys_;
    for (const std::string& part : table.path) keys = below(keys, part);
    std::size_t indent = 0;
    if (!table.path.empty()) {
      indent = 2 * (table.path.size() - 1);
      blank();
      comments(table.before, indent);
      const std::string_view brackets = table.array ? "[[]]" : "[]";
      const std::size_t half = brackets.size() / 2;
      out_ +=
          fmt::format("{:{}}{}{}{}", "", indent, brackets.substr(0, half), dotted(table.path), brackets.substr(half));
      out_ += table.comment.empty() ? "\n" : fmt::format("  {}\n", table.comment);
    }
    sort_by_key(table.entries, keys);
    entries(table.entries, keys, indent);
    comments(table.after, indent);
  }

  struct Line {
    std::string text;  // with line feeds, where the value has some
    std::string_view comment;
    std::size_t width = 0;  // of its last line
  };

  void entries(const std::vector<LaidOutEntry>& all, Keys keys, std::size_t indent) {
    std::vector<Line> run;  // lines without anything between them: their comments stand below each other
    for (const LaidOutEntry& entry : all) {
      const bool first = &entry == &all.front();
      // A blank line alone has nothing to set apart; the first of the table has nothing to be set apart from.
      auto begin = entry.before.begin();
      while (begin != entry.before.end() && begin->empty() && (first || is_blank(begin, entry.before.end()))) ++begin;
      if (begin != entry.before.end()) {
        flush(run);
        comments(Lines(begin, entry.before.end()), indent);
      }
      Keys inner = keys;
      for (const std::string& part : entry.path) inner = below(inner, part);
      std::string text = fmt::format("{:{}}{} = ", "", indent, dotted(entry.path));
      text += value_text(entry.value, inner, indent, columns(text));
      const std::size_t width = columns(std::string_view(text).substr(text.rfind('\n') + 1));
      run.push_back({std::move(text), entry.comment, width});
    }
    flush(run);
  }

  static bool is_blank(Lines::const_iterator begin, Lines::const_iterator end) {
    return std::all_of(begin, end, [](const std::string& line) { return line.empty(); });
  }

  void flush(std::vector<Line>& run) {
    std::size_t widest = 0;
    for (const Line& line : run) {
      if (!line.comment.empty() && line.width <= kWidestCommented) widest = std::max(widest, line.width);
    }
    for (const Line& line : run) {
      out_ += line.text;
      if (!line.comment.empty()) {
        out_ += fmt::format("{:{}}  {}", "", widest - std::min(line.width, widest), line.comment);
      }
      out_ += '\n';
    }
    run.clear();
  }

  Layout layout_;
  Keys keys_;
  std::string out_;
};

bool same_value(const Value& a, const Value& b);

bool same_array(const Array& a, const Array& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), same_value);
}

bool same_value(const Value& a, const Value& b) {
  if (a.data.index() != b.data.index()) return false;
  if (const auto* table = std::get_if<Table>(&a.data)) return same(*table, std::get<Table>(b.data));
  if (const auto* array = std::get_if<Array>(&a.data)) return same_array(*array, std::get<Array>(b.data));
  if (const auto* real = std::get_if<double>(&a.data)) {
    const double other = std::get<double>(b.data);
    return *real == other || (std::isnan(*real) && std::isnan(other));
  }
  if (const auto* text = std::get_if<std::string>(&a.data)) return *text == std::get<std::string>(b.data);
  if (const auto* number = std::get_if<std::int64_t>(&a.data)) return *number == std::get<std::int64_t>(b.data);
  return std::get<bool>(a.data) == std::get<bool>(b.data);
}

// Every comment of the file that stands on a line of its own or behind a value, in no order.
std::vector<std::string> all_comments(const Layout& layout) {
  std::vector<std::string> all;
  const auto add = [&](const Lines& lines) {
    std::copy_if(lines.begin(), lines.end(), std::back_inserter(all), [](const auto& line) { return !line.empty(); });
  };
  add(layout.top);
  add(layout.end);
  for (const LaidOutTable& table : layout.tables) {
    add(table.before);
    add(table.after);
    add({table.comment});
    for (const LaidOutEntry& entry : table.entries) {
      add(entry.before);
      add({entry.comment});
    }
  }
  std::sort(all.begin(), all.end());
  return all;
}

}  // namespace

bool same(const Table& a, const Table& b) {
  return a.entries.size() == b.entries.size() &&
         std::all_of(a.entries.begin(), a.entries.end(), [&](const Entry& entry) {
           const Value* other = b.find(entry.first);
           return other != nullptr && same_value(entry.second, *other);
         });
}

tl::expected<std::string, Mistakes> format(std::string_view text, const std::string& file, Keys keys) {
  const auto before = parse(text, file);
  if (!before) return tl::unexpected(before.error());
  const Layout layout = layout_of(text);
  const std::string out = Formatter(layout, keys).run();
  const auto after = parse(out, file);
  if (!after || !same(*before, *after) || all_comments(layout) != all_comments(layout_of(out))) {
    return tl::unexpected(
        Mistakes{{{file, 0, 0}, Reason::kInternal, "readygate cannot lay out this file without changing it"}});
  }
  return out;
}

}  // namespace readygate::toml
