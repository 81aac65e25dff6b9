// The only translation unit that sees toml++, used header-only and without its exceptions: a syntax error is a value.
#include "toml/tree.h"

#include <algorithm>
#include <tuple>

#include <fmt/format.h>

#define TOML_EXCEPTIONS 0
// A file that begins a table header with "[&" breaks an assertion of toml++ 3.3 before the check that would report it
// (marzer/tomlplusplus#294): assertions off, and not taken as promises to the optimiser either.
#undef NDEBUG
#define TOML_ASSERT(expr) static_cast<void>(0)
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

#include "toml/lexical.h"

namespace readygate::toml {
namespace {

// Converts what toml++ made, and collects what we have no use for: dates and times.
class Converter {
 public:
  Converter(std::string file, Mistakes& mistakes) : file_(std::move(file)), mistakes_(mistakes) {}

  Table table(const ::toml::table& from) {
    Table to;
    to.entries.reserve(from.size());
    for (const auto& [key, node] : from) {
      Value value = this->value(node);
      value.key_place = place(key.source());
      to.entries.emplace_back(std::string(key.str()), std::move(value));
    }
    // toml++ sorts by name; people read by place.
    std::stable_sort(to.entries.begin(), to.entries.end(), [](const auto& a, const auto& b) {
      return std::tie(a.second.key_place.line, a.second.key_place.column) <
             std::tie(b.second.key_place.line, b.second.key_place.column);
    });
    return to;
  }

 private:
  Place place(const ::toml::source_region& region) const {
    return Place{file_, static_cast<std::uint32_t>(region.begin.line), static_cast<std::uint32_t>(region.begin.column)};
  }

  Value value(const ::toml::node& node) {
    Value to;
    to.place = place(node.source());
    switch (node.type()) {
      case ::toml::node_type::table: to.data = table(*node.as_table()); break;
      case ::toml::node_type::array: {
        Array items;
        items.reserve(node.as_array()->size());
        for (const ::toml::node& item : *node.as_array()) items.push_back(value(item));
        to.data = std::move(items);
        break;
      }
      case ::toml::node_type::string: to.data = node.as_string()->get(); break;
      case ::toml::node_type::integer: to.data = node.as_integer()->get(); break;
      case ::toml::node_type::floating_point: to.data = node.as_floating_point()->get(); break;
      case ::toml::node_type::boolean: to.data = node.as_boolean()->get(); break;
      case ::toml::node_type::none:
      case ::toml::node_type::date:
      case ::toml::node_type::time:
      case ::toml::node_type::date_time:
        mistakes_.push_back(Mistake{to.place, Reason::kConfigInvalid, "a date or time stands where no key takes one"});
        break;
    }
    return to;
  }

  std::string file_;
  Mistakes& mistakes_;
};

// Everything in it was written at `place`.
void put_at(Value& value, const Place& place) {
  value.place = value.key_place = place;
  if (auto* items = std::get_if<Array>(&value.data)) {
    for (Value& item : *items) put_at(item, place);
  } else if (auto* table = std::get_if<Table>(&value.data)) {
    for (auto& entry : table->entries) put_at(entry.second, place);
  }
}

}  // namespace

std::string to_string(const Place& place) {
  if (place.line == 0) return place.file;
  return fmt::format("{}:{}:{}", place.file, place.line, place.column);
}

const Value* Table::find(std::string_view key) const {
  const auto it = std::find_if(entries.begin(), entries.end(), [&](const auto& entry) { return entry.first == key; });
  return it == entries.end() ? nullptr : &it->second;
}

std::string_view type_name(const Value& value) {
  static constexpr std::string_view kNames[] = {"string", "integer", "float", "boolean", "array", "table"};
  return kNames[value.data.index()];
}

std::string to_string(const Mistakes& mistakes) {
  std::vector<const Mistake*> sorted;
  sorted.reserve(mistakes.size());
  for (const Mistake& mistake : mistakes) sorted.push_back(&mistake);
  std::stable_sort(sorted.begin(), sorted.end(), [](const Mistake* a, const Mistake* b) {
    return std::tie(a->place.file, a->place.line, a->place.column) <
           std::tie(b->place.file, b->place.line, b->place.column);
  });
  std::string out;
  for (const Mistake* mistake : sorted) {
    const std::string place = to_string(mistake->place);
    out += fmt::format("{}{}{}\n", place, place.empty() ? "" : ": ", mistake->message);
  }
  return out;
}

tl::expected<Table, Mistakes> parse(std::string_view text, std::string file) {
  Mistakes mistakes;
  // toml++ 3.3 bounds the nesting of values, but not the parts of a dotted key, each of which is a table in a table.
  if (const auto at = too_deep(text)) {
    const LineColumn place = line_column(text, *at);
    mistakes.push_back(
        Mistake{{std::move(file), place.line, place.column},
                Reason::kConfigInvalid,
                fmt::format("this nests deeper than {} levels of tables, arrays and dotted keys", kMaxDepth)});
    return tl::unexpected(std::move(mistakes));
  }
  const ::toml::parse_result result = ::toml::parse(text, file);
  if (!result) {
    const ::toml::parse_error& error = result.error();
    Place place{std::move(file), static_cast<std::uint32_t>(error.source().begin.line),
                static_cast<std::uint32_t>(error.source().begin.column)};
    std::string sentence(error.description());
    while (sentence.ends_with('.')) sentence.pop_back();
    mistakes.push_back(Mistake{std::move(place), Reason::kConfigInvalid, std::move(sentence)});
    return tl::unexpected(std::move(mistakes));
  }
  Table table = Converter(std::move(file), mistakes).table(result.table());
  if (!mistakes.empty()) return tl::unexpected(std::move(mistakes));
  return table;
}

tl::expected<Value, Mistakes> parse_value(std::string_view text, std::string name) {
  const Place place{std::move(name), 0, 0};  // a line and a column say nothing about a variable
  auto table = parse(fmt::format("v = {}", text), place.file);
  if (!table) {
    for (Mistake& mistake : table.error()) mistake.place = place;
    return tl::unexpected(std::move(table.error()));
  }
  if (table->entries.size() != 1) {
    return tl::unexpected(Mistakes{{place, Reason::kConfigInvalid, "one value is expected, not more"}});
  }
  Value value = std::move(table->entries.front().second);
  put_at(value, place);
  return value;
}

}  // namespace readygate::toml
