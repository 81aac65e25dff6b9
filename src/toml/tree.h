// TOML text as a tree with places, so that a mistake found anywhere later can be shown as file:line:column. toml++ is
// seen by tree.cc alone.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"

namespace readygate::toml {

// Where something was written. Lines and columns count from 1; 0 means "in the file as a whole" or "not in a file".
struct Place {
  std::string file;
  std::uint32_t line = 0;
  std::uint32_t column = 0;
};
std::string to_string(const Place& place);  // "schema.toml:12:3"

struct Value;
struct Entry;  // of a table: first is the key, second its value
using Array = std::vector<Value>;
struct Table {
  std::vector<Entry> entries;  // in the order of the file
  const Value* find(std::string_view key) const;
};

struct Value {
  std::variant<std::string, std::int64_t, double, bool, Array, Table> data;
  Place place;      // of the value
  Place key_place;  // of its key, where it has one
};

// Not a pair: a pair of an incomplete type cannot stand in a Table that a Value holds.
struct Entry {
  Entry(std::string key, Value value) : first(std::move(key)), second(std::move(value)) {}

  std::string first;
  Value second;
};
std::string_view type_name(const Value& value);  // "string", "integer", "float", "boolean", "array", "table"

// A mistake in a file. All are collected and reported at once.
struct Mistake {
  Place place;
  Reason reason = Reason::kConfigInvalid;
  std::string message;  // what is wrong and what to write instead; one sentence, no full stop
};
using Mistakes = std::vector<Mistake>;
// One "file:line:column: message" per line, ordered by place.
std::string to_string(const Mistakes& mistakes);

// The table of a TOML 1.0 document. A date or time (no key of ours takes one) and a syntax error are mistakes; toml++
// stops at the first syntax error. `file` is only a name for places.
tl::expected<Table, Mistakes> parse(std::string_view text, std::string file);

// One TOML value alone, as a READYGATE_… variable or a flag holds it: `[1000, 1001]`, `{ initial = "1s" }`, `true`.
// Its places are the name alone.
tl::expected<Value, Mistakes> parse_value(std::string_view text, std::string name);

}  // namespace readygate::toml
