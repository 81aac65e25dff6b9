// From checked TOML tables to a Schema. Types and known keys are toml::check's work; here are the rules that need more
// than one key. A table with a mistake in it is passed over, so that one mistake is not reported as several.
#include <algorithm>
#include <charconv>
#include <cstddef>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "base/json.h"
#include "schema/canonical.h"
#include "schema/fields.h"
#include "schema/names.h"
#include "schema/normalise.h"
#include "schema/options.h"
#include "schema/parse_index.h"
#include "schema/sources.h"
#include "toml/keys.h"

namespace readygate::schema {
namespace {

constexpr std::size_t kMaxIndexes = 64;  // of a collection, with the one on _id
constexpr std::string_view kHead[] = {"schema", "database", "version", "min_open", "policy"};
constexpr std::string_view kRequired[] = {"schema", "database", "version"};

bool clean(const toml::Table& table, toml::Keys keys) {
  toml::Mistakes mistakes;
  toml::check(table, keys, {}, mistakes);
  return mistakes.empty();
}

// The line and column of a byte (from 0) of a text.
toml::Place place_in(const std::string& text, std::size_t position, const std::string& file) {
  position = std::min(position, text.size());
  const std::size_t line_start = position == 0 ? std::string::npos : text.rfind('\n', position - 1);
  const auto lines = std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(position), '\n');
  const std::size_t column = line_start == std::string::npos ? position : position - line_start - 1;
  return toml::Place{file, static_cast<std::uint32_t>(lines + 1), static_cast<std::uint32_t>(column + 1)};
}

// libbson says "… position 17: …" in a syntax error.
toml::Place place_of_json_error(const std::string& message, const std::string& text, const std::string& file) {
  constexpr std::string_view kMark = "position ";
  const std::size_t at = message.find(kMark);
  std::size_t position = 0;
  if (at == std::string::npos) return toml::Place{file, 0, 0};
  std::from_chars(message.data() + at + kMark.size(), message.data() + message.size(), position);
  return place_in(text, position, file);
}

class Parser {
 public:
  explicit Parser(toml::Mistakes mistakes) : whole_(mistakes.empty()), mistakes_(std::move(mistakes)) {}

  tl::expected<Schema, toml::Mistakes> run(const std::vector<Source>& sources) {
    for (const Source& source : sources) {
      const toml::Where where{.place = {source.file, 0, 0}, .path = "", .reason = Reason::kSchemaInvalid};
      toml::check(source.table, kSchemaKeys, where, mistakes_);
    }
    if (!sources.empty()) head(sources);
    for (const Source& source : sources) collections(source);
    if (!mistakes_.empty()) return tl::unexpected(std::move(mistakes_));
    schema_.hash = canonical_hash(schema_);
    return std::move(schema_);
  }

 private:
  void add(const toml::Place& place, std::string message) {
    mistakes_.push_back(toml::Mistake{place, Reason::kSchemaInvalid, std::move(message)});
  }

  static const toml::Value* first_of_head(const Source& source) {
    for (const auto& [key, value] : source.table.entries) {
      if (std::find(std::begin(kHead), std::end(kHead), key) != std::end(kHead)) return &value;
    }
    return nullptr;
  }

  void head(const std::vector<Source>& sources) {
    const Source* head = nullptr;
    for (const Source& source : sources) {
      const toml::Value* first = first_of_head(source);
      if (first == nullptr) continue;
      if (head != nullptr) {
        add(first->key_place,
            fmt::format("schema, database, version, min_open and [policy] belong in one file, and {} has them: {}",
                        head->file, to_string(first_of_head(*head)->key_place)));
        continue;
      }
      head = &source;
    }
    if (head == nullptr && !whole_) return;  // it may be in the file that could not be read
    const Source& source = head != nullptr ? *head : sources.front();
    for (const std::string_view key : kRequired) {
      if (source.table.find(key) == nullptr) {
        add({source.file, 0, 0}, fmt::format("\"{}\" is missing: {}", key, toml::Keys(kSchemaKeys).find(key)->help));
      }
    }
    head_values(source.table);
  }

  // Each value on its own: another one of the head may be wrong.
  void head_values(const toml::Table& table) {
    if (const std::string* name = string_at(table, "schema")) {
      schema_.name = *name;
      complain("schema", table, schema_name_mistake(*name));
    }
    if (const std::string* name = string_at(table, "database")) {
      schema_.database = *name;
      complain("database", table, database_name_mistake(*name));
    }
    const toml::Reader reader(table, kSchemaKeys);
    if (integer_at(table, "version")) schema_.version = static_cast<std::int32_t>(reader.integer("version"));
    if (integer_at(table, "min_open")) {
      schema_.min_open = static_cast<std::int32_t>(reader.integer("min_open"));
      if (integer_at(table, "version") && schema_.min_open > schema_.version) {
        add(table.find("min_open")->place,
            fmt::format("min_open must be at most version, which is {}: this very version could not open",
                        schema_.version));
      }
    }
    policy(table);
  }

  void policy(const toml::Table& table) {
    const toml::Value* value = table.find("policy");
    const auto* policy = value != nullptr ? std::get_if<toml::Table>(&value->data) : nullptr;
    if (policy == nullptr || !clean(*policy, kPolicyKeys)) return;
    const toml::Reader reader(*policy, kPolicyKeys);
    const std::string verify = reader.string("verify");
    schema_.policy.not_honoured =
        reader.string("not_honoured") == "report" ? Policy::NotHonoured::kReport : Policy::NotHonoured::kFail;
    schema_.policy.newer = reader.string("newer") == "fail" ? Policy::Newer::kFail : Policy::Newer::kOpen;
    schema_.policy.verify = verify == "ledger" ? Policy::Verify::kLedger
                            : verify == "open" ? Policy::Verify::kOpen
                                               : Policy::Verify::kAfter;
  }

  static const std::string* string_at(const toml::Table& table, std::string_view key) {
    const toml::Value* value = table.find(key);
    return value != nullptr ? std::get_if<std::string>(&value->data) : nullptr;
  }
  static bool integer_at(const toml::Table& table, std::string_view key) {
    const toml::Value* value = table.find(key);
    const auto* number = value != nullptr ? std::get_if<std::int64_t>(&value->data) : nullptr;
    return number != nullptr && *number >= 1 && *number <= INT32_MAX;
  }
  void complain(std::string_view key, const toml::Table& table, const std::string& wrong) {
    if (!wrong.empty()) {
      add(table.find(key)->place, fmt::format("{} {} {}", key, json_quote(*string_at(table, key)), wrong));
    }
  }

  void collections(const Source& source) {
    const toml::Value* all = source.table.find("collection");
    const auto* items = all != nullptr ? std::get_if<toml::Array>(&all->data) : nullptr;
    if (items == nullptr) return;
    for (const toml::Value& item : *items) {
      if (const auto* table = std::get_if<toml::Table>(&item.data)) collection(*table, item.place, source);
    }
  }

  void collection(const toml::Table& table, const toml::Place& place, const Source& source) {
    Collection collection;
    collection.place = place;
    if (const std::string* name = string_at(table, "name")) {
      collection.name = *name;
      const std::string wrong = collection_name_mistake(*name, schema_.database);
      const toml::Place& at = table.find("name")->place;
      if (!wrong.empty()) add(at, fmt::format("collection.name {} {}", json_quote(*name), wrong));
      const auto [first, is_new] = names_.emplace(*name, at);
      if (!is_new) {
        add(at, fmt::format("the collection {} is declared twice; first at {}", json_quote(*name),
                            to_string(first->second)));
      }
    }
    validator(table, source, collection);
    indexes(table, collection);
    schema_.collections.push_back(std::move(collection));
  }

  void validator(const toml::Table& table, const Source& source, Collection& collection) {
    const std::string* json = string_at(table, "validator");
    const std::string* path = string_at(table, "validator_file");
    const toml::Value* validation = table.find("validation");
    std::optional<Document> rule;
    if (json != nullptr && path != nullptr) {
      add(table.find("validator_file")->key_place, "collection.validator and validator_file exclude each other");
    } else if (json != nullptr) {
      rule = parse_document(*json, "collection.validator", table.find("validator")->place, mistakes_);
    } else if (path != nullptr) {
      rule = validator_in_file(*path, table.find("validator_file")->place, source.folder);
    } else if (validation != nullptr && !table.find("validator") && !table.find("validator_file")) {
      add(validation->key_place, "collection.validation does nothing without a validator or validator_file");
    }
    if (!rule) return;
    append(collection.options, "validator", *rule);
    const auto* how = validation != nullptr ? std::get_if<toml::Table>(&validation->data) : nullptr;
    if (how != nullptr && clean(*how, kValidationKeys)) {
      const toml::Reader reader(*how, kValidationKeys);
      append(collection.options, "validationLevel", reader.string("level"));
      append(collection.options, "validationAction", reader.string("action"));
    }
    collection.options = normalised_collection(collection.options);
  }

  std::optional<Document> validator_in_file(const std::string& path, const toml::Place& place,
                                            const std::string& folder) {
    if (path.find('\0') != std::string::npos) {
      add(place, "collection.validator_file must not hold a NUL byte");
      return std::nullopt;
    }
    const std::string full = (std::filesystem::path(folder) / path).string();
    const auto text = read_file(full, "the validator file", place);
    if (!text) {
      mistakes_.push_back(text.error());
      return std::nullopt;
    }
    toml::Mistakes inside;
    auto document = parse_document(*text, "the validator", toml::Place{full, 0, 0}, inside);
    for (toml::Mistake& mistake : inside) {
      mistake.place = place_of_json_error(mistake.message, *text, full);
      mistakes_.push_back(std::move(mistake));
    }
    return document;
  }

  void indexes(const toml::Table& table, Collection& collection) {
    const toml::Value* all = table.find("index");
    const auto* items = all != nullptr ? std::get_if<toml::Array>(&all->data) : nullptr;
    if (items == nullptr) return;
    for (const toml::Value& item : *items) {
      const auto* spec = std::get_if<toml::Table>(&item.data);
      if (spec == nullptr || !clean(*spec, kIndexKeys)) continue;
      const toml::Value* name = spec->find("name");
      if (std::optional<Index> index = parse_index(*spec, name != nullptr ? name->place : item.place, mistakes_)) {
        compare_with_siblings(*index, collection);
        collection.indexes.push_back(std::move(*index));
      }
    }
    if (items->size() + 1 > kMaxIndexes) {
      add((*items)[kMaxIndexes - 1].place,
          fmt::format("the collection {} has {} indexes; {} are allowed, with the one on _id {}",
                      json_quote(collection.name), items->size(), kMaxIndexes - 1, kMaxIndexes));
    }
  }

  void compare_with_siblings(const Index& index, const Collection& collection) {
    for (const Index& other : collection.indexes) {
      if (other.name == index.name) {
        add(index.place,
            fmt::format("the index {} is declared twice; first at {}", json_quote(index.name), to_string(other.place)));
      } else if (same_signature(index, other)) {
        add(index.place,
            fmt::format("the index {} has the same key and options as {} at {}; the server keeps one of them",
                        json_quote(index.name), json_quote(other.name), to_string(other.place)));
      } else if (kind_of(index.key) == IndexKind::kText && kind_of(other.key) == IndexKind::kText) {
        add(index.place, fmt::format("the index {} is the second text index, after {} at {}; a collection can have one",
                                     json_quote(index.name), json_quote(other.name), to_string(other.place)));
      }
    }
  }

  bool whole_;  // every file could be read and parsed
  toml::Mistakes mistakes_;
  Schema schema_;
  std::map<std::string, toml::Place, std::less<>> names_;  // of collections, and where each was declared
};

}  // namespace

tl::expected<Schema, toml::Mistakes> schema_from(const std::vector<Source>& sources, toml::Mistakes mistakes) {
  return Parser(std::move(mistakes)).run(sources);
}

}  // namespace readygate::schema
