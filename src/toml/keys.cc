// Each value is checked on its own and nothing stops at the first mistake; a value of the wrong type has one mistake,
// and what would follow from it is not reported on top.
#include "toml/keys.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>

#include <fmt/format.h>

#include "base/json.h"
#include "base/suggest.h"

namespace readygate::toml {
namespace {

constexpr std::int64_t kNoLimit = std::numeric_limits<std::int64_t>::max();

[[noreturn]] void misuse(std::string_view name, const char* what) {
  fmt::print(stderr, "readygate: bug: the key \"{}\" {}\n", name, what);
  std::abort();
}

bool holds(const Value& value, Type type) {
  switch (type) {
    case Type::kNone: return false;
    case Type::kAny: return true;
    case Type::kString:
    case Type::kDuration: return std::holds_alternative<std::string>(value.data);
    case Type::kInteger: return std::holds_alternative<std::int64_t>(value.data);
    case Type::kFloat:
      return std::holds_alternative<double>(value.data) || std::holds_alternative<std::int64_t>(value.data);
    case Type::kBoolean: return std::holds_alternative<bool>(value.data);
    case Type::kTable: return std::holds_alternative<Table>(value.data);
    case Type::kArray: return std::holds_alternative<Array>(value.data);
  }
  return false;
}

std::string found(const Value& value) {
  const std::string_view type = type_name(value);
  const bool vowel = type.starts_with('i') || type.starts_with('a');
  return fmt::format("{} {}", vowel ? "an" : "a", type);
}

// "\"json\" or \"text\"", "\"a\", \"b\" or \"c\"".
std::string listed(const std::vector<std::string_view>& all) {
  std::string out;
  for (std::size_t i = 0; i < all.size(); ++i) {
    out += i == 0 ? "" : i + 1 == all.size() ? " or " : ", ";
    out += fmt::format("\"{}\"", all[i]);
  }
  return out;
}

bool contains(std::string_view alternatives, std::string_view word) {
  const std::vector<std::string_view> all = words(alternatives);
  return std::find(all.begin(), all.end(), word) != all.end();
}

// Checks one value; what is wrong with it goes to `mistakes`.
class Checker {
 public:
  Checker(Reason reason, Mistakes& mistakes) : reason_(reason), mistakes_(mistakes) {}

  void table(const Table& table, Keys keys, const Place& place, const std::string& path) {
    std::vector<std::string_view> names;
    for (const Key& key : keys) names.push_back(key.name);
    for (const auto& [name, value] : table.entries) {
      const std::string full = join(path, name);
      if (const Key* key = keys.find(name)) {
        this->value(value, *key, full);
      } else {
        add(value.key_place, fmt::format("unknown key {}{}", json_quote(full), did_you_mean(name, names)));
      }
    }
    for (const Key& key : keys) {
      if (key.required && table.find(key.name) == nullptr) {
        add(place, fmt::format("\"{}\" is missing: {}", join(path, key.name), key.help));
      }
    }
  }

  void value(const Value& value, const Key& key, const std::string& path) {
    const bool second = !holds(value, key.type) && holds(value, key.or_type);
    if (!holds(value, key.type) && !second) {
      add(value.place, fmt::format("{} must be {}, not {}", path, expected(key), found(value)));
      return;
    }
    const Type type = second ? key.or_type : key.type;
    if (const auto* text = std::get_if<std::string>(&value.data)) {
      string(*text, value.place, key, type, path);
    } else if (const auto* number = std::get_if<std::int64_t>(&value.data)) {
      // A range belongs to the first type: that of a duration is in milliseconds, not for a plain number beside it.
      if (!second) range(*number, value.place, key, path, "", std::to_string(*number));
    } else if (const auto* real = std::get_if<double>(&value.data)) {
      this->real(*real, value.place, key, path);
    } else if (const auto* inner = std::get_if<Table>(&value.data)) {
      if (type != Type::kTable) return;
      if (key.free_keys) {
        each(*inner, key, path);
      } else {
        table(*inner, key.keys, value.place, path);
      }
    } else if (const auto* items = std::get_if<Array>(&value.data)) {
      if (type == Type::kArray) array(*items, value.place, key, path);
    }
  }

 private:
  static std::string join(const std::string& path, std::string_view name) {
    return path.empty() ? std::string(name) : fmt::format("{}.{}", path, name);
  }

  static std::string expected(const Key& key) {
    std::string text(described(key.type));
    if (key.or_type != Type::kNone) text += fmt::format(" or {}", described(key.or_type));
    return text;
  }

  void add(const Place& place, std::string message) {
    mistakes_.push_back(Mistake{place, reason_, std::move(message)});
  }

  void string(const std::string& text, const Place& place, const Key& key, Type type, const std::string& path) {
    if (type == Type::kDuration) {
      const std::optional<Millis> duration = parse_duration(text);
      if (!duration) {
        add(place, fmt::format("{} must be a duration like \"30s\" (units ms, s, m, h; at most 10000h), not {}", path,
                               json_quote(text)));
      } else {
        range(duration->count(), place, key, path, "", fmt::format("\"{}\"", text));
      }
      return;
    }
    if (type != Type::kString) return;
    if (!key.allowed.empty() && !contains(key.allowed, text)) {
      const std::vector<std::string_view> all = words(key.allowed);
      add(place, fmt::format("{} must be {}, not {}{}", path, listed(all), json_quote(text), did_you_mean(text, all)));
    } else {
      range(static_cast<std::int64_t>(text.size()), place, key, path, " bytes long", std::to_string(text.size()));
    }
  }

  void range(std::int64_t number, const Place& place, const Key& key, const std::string& path, std::string_view what,
             const std::string& given) {
    if (!key.range || (number >= key.range->min && number <= key.range->max)) return;
    const auto shown = [&](std::int64_t limit) {
      return key.type == Type::kDuration ? format_duration(Millis(limit)) : std::to_string(limit);
    };
    const std::string limits = key.range->max == kNoLimit
                                   ? fmt::format("at least {}", shown(key.range->min))
                                   : fmt::format("from {} to {}", shown(key.range->min), shown(key.range->max));
    const std::string unit = key.unit.empty() || !what.empty() ? "" : fmt::format(" {}", key.unit);
    add(place, fmt::format("{} must be {}{}{}, not {}", path, limits, unit, what, given));
  }

  void real(double number, const Place& place, const Key& key, const std::string& path) {
    if (!std::isfinite(number)) {
      add(place, fmt::format("{} must be a finite number", path));
    } else if (key.range &&
               (number < static_cast<double>(key.range->min) || number > static_cast<double>(key.range->max))) {
      add(place, fmt::format("{} must be from {} to {}, not {}", path, key.range->min, key.range->max, number));
    }
  }

  void array(const Array& items, const Place& place, const Key& key, const std::string& path) {
    range(static_cast<std::int64_t>(items.size()), place, key, path, " items long", std::to_string(items.size()));
    for (const Value& item : items) {
      if (!holds(item, key.item)) {
        add(item.place, fmt::format("each item of {} must be {}, not {}", path, described(key.item), found(item)));
      } else if (key.item == Type::kTable) {
        table(std::get<Table>(item.data), key.keys, item.place, path);
      } else if (key.item == Type::kString && !key.allowed.empty()) {
        string(std::get<std::string>(item.data), item.place, key, Type::kString, path);
      }
    }
  }

  // A table whose keys are its user's.
  void each(const Table& table, const Key& key, const std::string& path) {
    for (const auto& [name, value] : table.entries) {
      if (!holds(value, key.item)) {
        add(value.place, fmt::format("{} must be {}, not {}", join(path, name), described(key.item), found(value)));
      } else if (const auto* number = std::get_if<std::int64_t>(&value.data)) {
        range(*number, value.place, key, join(path, name), "", std::to_string(*number));
      }
    }
  }

  Reason reason_;
  Mistakes& mistakes_;
};

template <typename T>
T number_from(std::string_view text, std::string_view name) {
  T number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) misuse(name, "has a default that is no number");
  return number;
}

}  // namespace

const Key* Keys::find(std::string_view name) const {
  const Key* key = std::find_if(begin(), end(), [&](const Key& each) { return each.name == name; });
  return key == end() ? nullptr : key;
}

std::string_view described(Type type) {
  switch (type) {
    case Type::kNone: return "nothing";
    case Type::kAny: return "any value";
    case Type::kString: return "a string";
    case Type::kDuration: return "a duration like \"30s\"";
    case Type::kInteger: return "an integer";
    case Type::kFloat: return "a number";
    case Type::kBoolean: return "true or false";
    case Type::kTable: return "a table";
    case Type::kArray: return "an array";
  }
  return "";
}

void check(const Table& table, Keys keys, const Where& where, Mistakes& mistakes) {
  Checker(where.reason, mistakes).table(table, keys, where.place, where.path);
}

void check_value(const Value& value, const Key& key, const Where& where, Mistakes& mistakes) {
  Checker(where.reason, mistakes).value(value, key, where.path);
}

std::vector<std::string_view> words(std::string_view alternatives) {
  std::vector<std::string_view> all;
  while (!alternatives.empty()) {
    const std::size_t end = std::min(alternatives.find('|'), alternatives.size());
    all.push_back(alternatives.substr(0, end));
    alternatives.remove_prefix(std::min(end + 1, alternatives.size()));
  }
  return all;
}

const Key& Reader::key(std::string_view name) const {
  const Key* found_key = keys_.find(name);
  if (found_key == nullptr) misuse(name, "is not in the table of keys");
  return *found_key;
}

std::string_view Reader::fallback(std::string_view name) const {
  const Key& known = key(name);
  if (!known.fallback) misuse(name, "is read without being given, and has no default");
  return *known.fallback;
}

const Value* Reader::value(std::string_view name) const {
  key(name);
  return table_->find(name);
}

bool Reader::has(std::string_view name) const { return value(name) != nullptr; }

namespace {

// The value as a T, or nullptr when it was not given.
template <typename T>
const T* given(const Value* value, std::string_view name) {
  if (value == nullptr) return nullptr;
  const T* data = std::get_if<T>(&value->data);
  if (data == nullptr) misuse(name, "is read as another type than it has");
  return data;
}

template <typename T>
std::vector<T> items_of(const Value* value, std::string_view name) {
  std::vector<T> all;
  if (const auto* array = given<Array>(value, name)) {
    for (const Value& item : *array) all.push_back(*given<T>(&item, name));
  }
  return all;
}

}  // namespace

std::string Reader::string(std::string_view name) const {
  const auto* text = given<std::string>(value(name), name);
  return text != nullptr ? *text : std::string(fallback(name));
}

std::int64_t Reader::integer(std::string_view name) const {
  const auto* number = given<std::int64_t>(value(name), name);
  return number != nullptr ? *number : number_from<std::int64_t>(fallback(name), name);
}

double Reader::real(std::string_view name) const {
  const Value* written = value(name);
  if (written == nullptr) return number_from<double>(fallback(name), name);
  if (const auto* whole = std::get_if<std::int64_t>(&written->data)) return static_cast<double>(*whole);
  return *given<double>(written, name);
}

bool Reader::boolean(std::string_view name) const {
  const bool* flag = given<bool>(value(name), name);
  return flag != nullptr ? *flag : fallback(name) == "true";
}

Millis Reader::duration(std::string_view name) const {
  const auto* text = given<std::string>(value(name), name);
  const std::optional<Millis> duration = parse_duration(text != nullptr ? std::string_view(*text) : fallback(name));
  if (!duration) misuse(name, "is read as a duration and is none");
  return *duration;
}

std::vector<std::string> Reader::strings(std::string_view name) const {
  return items_of<std::string>(value(name), name);
}

std::vector<std::int64_t> Reader::integers(std::string_view name) const {
  return items_of<std::int64_t>(value(name), name);
}

Reader Reader::table(std::string_view name) const {
  static const Table kEmpty;
  const auto* inner = given<Table>(value(name), name);
  return Reader(inner != nullptr ? *inner : kEmpty, key(name).keys);
}

std::vector<Reader> Reader::tables(std::string_view name) const {
  std::vector<Reader> all;
  if (const auto* array = given<Array>(value(name), name)) {
    for (const Value& item : *array) all.emplace_back(*given<Table>(&item, name), key(name).keys);
  }
  return all;
}

}  // namespace readygate::toml
