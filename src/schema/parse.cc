// From checked TOML tables to a Schema. Types and known keys are toml::check's work; here are the rules that need more
// than one key. A table with a mistake in it is passed over, so that one mistake is not reported as several.
#include <algorithm>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "base/json.h"
#include "schema/canonical.h"
#include "schema/encryption.h"
#include "schema/fields.h"
#include "schema/json_source.h"
#include "schema/names.h"
#include "schema/normalise.h"
#include "schema/options.h"
#include "schema/parse_collection.h"
#include "schema/parse_index.h"
#include "schema/parse_migrations.h"
#include "schema/parse_values.h"
#include "schema/sources.h"
#include "toml/keys.h"

namespace readygate::schema {
namespace {

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
    for (const Source& source : sources) views(source);
    view_cycles();
    parse_seeds_and_migrations(sources, whole_, schema_, mistakes_);
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
      if (std::find(kHeadKeys.begin(), kHeadKeys.end(), key) != kHeadKeys.end()) return &value;
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
    for (const std::string_view key : kRequiredHeadKeys) {
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
    const std::string extra = reader.string("extra_indexes");
    schema_.policy.extra_indexes = extra == "hide"   ? Policy::Extra::kHide
                                   : extra == "drop" ? Policy::Extra::kDrop
                                                     : Policy::Extra::kReport;
    schema_.policy.conflict =
        reader.string("conflict") == "replace" ? Policy::Conflict::kReplace : Policy::Conflict::kFail;
    schema_.policy.contract =
        reader.string("contract") == "apply" ? Policy::Contract::kApply : Policy::Contract::kReport;
    schema_.policy.newer = reader.string("newer") == "fail" ? Policy::Newer::kFail : Policy::Newer::kOpen;
    schema_.policy.verify = verify == "ledger" ? Policy::Verify::kLedger
                            : verify == "open" ? Policy::Verify::kOpen
                                               : Policy::Verify::kAfter;
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
    collection.name = name_of(table, "collection");
    collection.options = parse_collection_options(table, source.folder, mistakes_);
    collection.level_at = place_in_validation(table, "level");
    collection.action_at = place_in_validation(table, "action");
    if (encrypts(collection.options)) state_names(collection.name, table);
    indexes(table, collection);
    schema_.collections.push_back(std::move(collection));
  }

  // The longer of the two that go along with encrypted fields.
  void state_names(const std::string& collection, const toml::Table& table) {
    const std::string longest = state_collections(collection).back();
    const toml::Value* name = table.find("name");
    if (name == nullptr || schema_.database.size() + 1 + longest.size() <= kMaxNamespace) return;
    add(name->place, fmt::format("collection.name {} is too long for encrypted fields: database, dot and {} may be {} "
                                 "bytes together",
                                 json_quote(collection), json_quote(longest), kMaxNamespace));
  }

  // Collections and views share one space of names.
  std::string name_of(const toml::Table& table, std::string_view kind) {
    const std::string* name = string_at(table, "name");
    if (name == nullptr) return {};
    const std::string wrong = collection_name_mistake(*name, schema_.database);
    const toml::Place& at = table.find("name")->place;
    if (!wrong.empty()) add(at, fmt::format("{}.name {} {}", kind, json_quote(*name), wrong));
    const auto [first, is_new] = names_.emplace(*name, at);
    if (!is_new) {
      add(at,
          fmt::format("the {} {} is declared twice; first at {}", kind, json_quote(*name), to_string(first->second)));
    }
    return *name;
  }

  void views(const Source& source) {
    const toml::Value* all = source.table.find("view");
    const auto* items = all != nullptr ? std::get_if<toml::Array>(&all->data) : nullptr;
    if (items == nullptr) return;
    for (const toml::Value& item : *items) {
      const auto* table = std::get_if<toml::Table>(&item.data);
      if (table == nullptr) continue;
      View view;
      view.place = item.place;
      view.name = name_of(*table, "view");
      if (const std::string* on = string_at(*table, "on")) {
        const std::string wrong = collection_name_mistake(*on, schema_.database);
        if (!wrong.empty()) add(table->find("on")->place, fmt::format("view.on {} {}", json_quote(*on), wrong));
      }
      view.options = parse_view_options(*table, mistakes_);
      schema_.views.push_back(std::move(view));
    }
  }

  // A view that shows itself over others would be refused by the server when half of them are made.
  void view_cycles() {
    for (const View& start : schema_.views) {
      const View* at = &start;
      for (std::size_t steps = 0; at != nullptr && steps <= schema_.views.size(); ++steps) {
        const std::optional<Field> on = field(at->options, "viewOn");
        const std::string next = on ? on->string().value_or("") : "";
        if (next == start.name) {
          add(start.place, fmt::format("the view {} shows itself{}", json_quote(start.name),
                                       at == &start ? "" : fmt::format(", over {}", json_quote(at->name))));
          return;
        }
        const auto found = std::find_if(schema_.views.begin(), schema_.views.end(),
                                        [&](const View& view) { return view.name == next; });
        at = found == schema_.views.end() ? nullptr : &*found;
      }
    }
  }

  void indexes(const toml::Table& table, Collection& collection) {
    const toml::Value* all = table.find("index");
    const auto* items = all != nullptr ? std::get_if<toml::Array>(&all->data) : nullptr;
    if (items == nullptr) return;
    const std::optional<Field> given = field(collection.options, "collation");
    const Document collation = given ? *given->document() : Document();
    for (const toml::Value& item : *items) {
      if (collection.indexes.size() >= kMaxIndexes) break;  // each is compared with all: thousands would take minutes
      const auto* spec = std::get_if<toml::Table>(&item.data);
      if (spec == nullptr || !clean(*spec, kIndexKeys)) continue;
      const toml::Value* name = spec->find("name");
      const toml::Place& place = name != nullptr ? name->place : item.place;
      if (std::optional<Index> index = parse_index(*spec, place, collation, mistakes_)) {
        check_index_of(*index, collection.options, mistakes_);
        compare_with_siblings(*index, collection);
        collection.indexes.push_back(std::move(*index));
      }
    }
    const bool encrypted = encrypts(collection.options);
    const std::size_t most = kMaxIndexes - (encrypted ? 2 : 1);
    if (items->size() > most) {
      add((*items)[most].place,
          fmt::format("the collection {} has {} indexes; {} are allowed, with the {} {}", json_quote(collection.name),
                      items->size(), most, encrypted ? "ones on _id and for the encrypted fields" : "one on _id",
                      kMaxIndexes));
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
