// JSON Schema cannot say all that the checker says (durations have a range, strings a length in bytes): it is an
// editor's help, and whatever it lets pass `readygate check` still sees.
#include "json_schema.h"

#include <limits>

#include <fmt/format.h>

#include "base/duration.h"
#include "base/json.h"

namespace readygate {
namespace {

using toml::Key;
using toml::Keys;
using toml::Type;

class Writer {
 public:
  explicit Writer(const TomlFile& file) : file_(file) {}

  std::string run() {
    json_.begin_object().field("$schema", "http://json-schema.org/draft-07/schema#");
    json_.field("title", file_.title).field("description", file_.description);
    table(file_.keys, "");
    if (!file_.needs.empty()) {
      json_.key("dependencies").begin_object();
      for (const auto& [key, others] : file_.needs) {
        json_.key(key).begin_array();
        for (const std::string_view other : others) {
          if (other != key) json_.value(other);
        }
        json_.end_array();
      }
      json_.end_object();
    }
    return json_.end_object().take();
  }

 private:
  void table(Keys keys, const std::string& path) {
    json_.field("type", "object").field("additionalProperties", false).key("properties").begin_object();
    bool required = false;
    for (const Key& key : keys) {
      required = required || key.required;
      json_.key(key.name).begin_object();
      this->key(key, path.empty() ? std::string(key.name) : fmt::format("{}.{}", path, key.name));
      json_.end_object();
    }
    json_.end_object();
    if (!required) return;
    json_.key("required").begin_array();
    for (const Key& key : keys) {
      if (key.required) json_.value(key.name);
    }
    json_.end_array();
  }

  void key(const Key& key, const std::string& path) {
    json_.field("description", std::string_view(description(key)));
    if (key.fallback) fallback(key);
    if (key.or_type == Type::kNone) {
      value(key, key.type, path);
      return;
    }
    json_.key("anyOf").begin_array();
    for (const Type type : {key.type, key.or_type}) {
      json_.begin_object();
      value(key, type, path);
      json_.end_object();
    }
    json_.end_array();
  }

  static std::string description(const Key& key) {
    std::string text(key.help);
    if (key.type == Type::kDuration && key.range) {
      text += fmt::format("; from {} to {}", format_duration(Millis(key.range->min)),
                          format_duration(Millis(key.range->max)));
    }
    return text;
  }

  void fallback(const Key& key) {
    json_.key("default");
    if (key.type == Type::kString || key.type == Type::kDuration) {
      json_.value(*key.fallback);
    } else {
      json_.raw(*key.fallback);
    }
  }

  void value(const Key& key, Type type, const std::string& path) {
    const bool ranged = key.range && type == key.type;  // a range belongs to the first type
    switch (type) {
      case Type::kNone:
      case Type::kAny: return;
      case Type::kString:
        json_.field("type", "string");
        words(key);
        if (ranged) range(*key.range, "minLength", "maxLength");
        return;
      case Type::kDuration: json_.field("type", "string").field("pattern", "^[0-9]+(ms|s|m|h)$"); return;
      case Type::kInteger:
        json_.field("type", "integer");
        if (ranged) range(*key.range, "minimum", "maximum");
        return;
      case Type::kFloat:
        json_.field("type", "number");
        if (ranged) range(*key.range, "minimum", "maximum");
        return;
      case Type::kBoolean: json_.field("type", "boolean"); return;
      case Type::kTable:
        if (key.free_keys) {
          free_table(key, path);
        } else {
          table(key.keys, path);
        }
        return;
      case Type::kArray: array(key, path); return;
    }
  }

  void words(const Key& key) {
    if (key.allowed.empty()) return;
    json_.key("enum").begin_array();
    for (const std::string_view word : toml::words(key.allowed)) json_.value(word);
    json_.end_array();
  }

  void range(const toml::Range& range, std::string_view min, std::string_view max) {
    json_.field(min, range.min);
    if (range.max != std::numeric_limits<std::int64_t>::max()) json_.field(max, range.max);
  }

  void free_table(const Key& key, const std::string& path) {
    Key item = key;
    item.type = key.item;
    json_.field("type", "object").key("additionalProperties").begin_object();
    value(item, item.type, path);
    json_.end_object();
  }

  void array(const Key& key, const std::string& path) {
    json_.field("type", "array");
    if (key.range) range(*key.range, "minItems", "maxItems");
    if (const auto items = file_.items.find(path); items != file_.items.end()) {
      json_.key("items").raw(items->second);
      return;
    }
    Key item = key;
    item.type = key.item;
    item.range.reset();
    json_.key("items").begin_object();
    if (item.type != Type::kArray) value(item, item.type, path);
    json_.end_object();
  }

  const TomlFile& file_;
  JsonWriter json_;
};

}  // namespace

std::string json_schema(const TomlFile& file) { return Writer(file).run(); }

}  // namespace readygate
