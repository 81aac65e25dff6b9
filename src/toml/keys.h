// What keys a table may have, declared once: the checker, the reader with its defaults, the help texts and the JSON
// Schema for editors all come from the same table of keys.
//
//   constexpr std::array kBackoffKeys = {
//       Key{.name = "initial", .type = Type::kDuration, .fallback = "100ms", .help = "the first pause"},
//       Key{.name = "max", .type = Type::kDuration, .fallback = "5s", .help = "the longest pause"},
//   };
//   constexpr std::array kKeys = {Key{.name = "backoff", .type = Type::kTable, .keys = kBackoffKeys, .help = "…"}};
//
//   Mistakes mistakes;
//   check(table, kKeys, {.file = file}, mistakes);                        // every mistake at once
//   if (mistakes.empty()) Reader(table, kKeys).table("backoff").duration("max");   // 5 s when it is not given
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/duration.h"
#include "toml/tree.h"

namespace readygate::toml {

enum class Type : std::uint8_t {
  kNone,
  kAny,  // its owner checks it
  kString,
  kDuration,  // a string like "30s" (base/duration.h)
  kInteger,
  kFloat,  // an integer is taken too
  kBoolean,
  kTable,
  kArray,
};

struct Key;

// A view of a constant array of keys; does not own it.
class Keys {
 public:
  constexpr Keys() = default;
  template <std::size_t N>
  constexpr Keys(const std::array<Key, N>& keys) : first_(keys.data()), count_(N) {}  // implicit, as in std::span

  constexpr const Key* begin() const { return first_; }
  constexpr const Key* end() const;
  constexpr std::size_t size() const { return count_; }
  const Key* find(std::string_view name) const;

 private:
  const Key* first_ = nullptr;
  std::size_t count_ = 0;
};

// Both ends belong to it. Of an integer or float its value, of a duration milliseconds, of a string its bytes, of an
// array its items.
struct Range {
  std::int64_t min;
  std::int64_t max;
};

// Members in the order in which a table of keys names them.
struct Key {
  std::string_view name;
  Type type = Type::kString;
  Type or_type = Type::kNone;  // a second type that is taken as well
  Type item = Type::kNone;     // of an array: the type of its items
  bool required = false;
  // What holds when the key is not given: the text itself for strings and durations, TOML for numbers and booleans,
  // "[]" for arrays. None: nothing is the case (a table always has the defaults of its own keys).
  std::optional<std::string_view> fallback = std::nullopt;
  std::string_view allowed = {};  // of a string: "json|text"; empty: anything
  std::optional<Range> range = std::nullopt;
  std::string_view unit = {};  // "s", "bytes", for help texts; a duration has its own
  Keys keys = {};              // of a table, or of each table in an array
  bool free_keys = false;      // a table whose keys are its user's: their values are of type `item`
  std::string_view help = {};  // a clause for people, no full stop
  // Of a declaration, for the documentation:
  std::string_view since = {};     // the first MongoDB that knows it: "6.3"; empty: every one that is supported
  std::string_view changing = {};  // what happens when a later version of the file has it otherwise
  std::string_view example = {};   // TOML of a value, or of the whole line
};

constexpr const Key* Keys::end() const { return first_ + count_; }

// "a string", "a duration like \"30s\"", "an integer", …
std::string_view described(Type type);

// The path of a table in messages: {} at the top, then "gate", "collection.index". `place` is that of the table, for
// what is missing; `reason` that of what is wrong.
struct Where {
  Place place = {};
  std::string path = {};
  Reason reason = Reason::kConfigInvalid;
};

// Adds every mistake of the table and of the tables in it: unknown keys (with the near miss), what is missing, has the
// wrong type, is out of range, is none of the allowed words, or is not supported yet.
void check(const Table& table, Keys keys, const Where& where, Mistakes& mistakes);

// The same for one value of a key, whatever it is called in its source (a READYGATE_… variable, a flag).
void check_value(const Value& value, const Key& key, const Where& where, Mistakes& mistakes);

// A table that check() passed, with the defaults of its keys filled in. Asking for a key that is not in the table of
// keys, or as another type than is there, ends the program: a bug, not a mistake of the user. Refers to both tables;
// they must outlive it.
class Reader {
 public:
  Reader(const Table& table, Keys keys) : table_(&table), keys_(keys) {}

  bool has(std::string_view name) const;            // written in the file
  const Value* value(std::string_view name) const;  // as written, or nullptr
  std::string string(std::string_view name) const;
  std::int64_t integer(std::string_view name) const;
  double real(std::string_view name) const;
  bool boolean(std::string_view name) const;
  Millis duration(std::string_view name) const;
  std::vector<std::string> strings(std::string_view name) const;
  std::vector<std::int64_t> integers(std::string_view name) const;
  Reader table(std::string_view name) const;                // an absent one reads as empty
  std::vector<Reader> tables(std::string_view name) const;  // of an array of tables

 private:
  const Key& key(std::string_view name) const;
  std::string_view fallback(std::string_view name) const;

  const Table* table_;
  Keys keys_;
};

// The words of Key::allowed.
std::vector<std::string_view> words(std::string_view alternatives);

}  // namespace readygate::toml
