// Which options go together is from the server's create_collection.cpp and the manual's pages on each kind of
// collection; what only an older server refuses, it says itself.
#include "schema/parse_collection.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/json.h"
#include "schema/collection_options.h"
#include "schema/encryption.h"
#include "schema/fields.h"
#include "schema/json_source.h"
#include "schema/normalise.h"
#include "schema/parse_encryption.h"
#include "schema/parse_values.h"
#include "toml/keys.h"

namespace readygate::schema {
namespace {

class OptionsParser {
 public:
  OptionsParser(const toml::Table& table, const std::string& folder, toml::Mistakes& mistakes)
      : table_(table), folder_(folder), mistakes_(mistakes) {}

  Document run() {
    validator();
    capped();
    timeseries();
    clustered();
    if (const auto* inner = table_at("collation", kCollationKeys)) {
      const toml::Place& place = table_.find("collation")->place;
      if (const auto form = parse_collation(*inner, "collection.collation", place, mistakes_); form && !form->empty()) {
        append(options_, "collation", *form);
      }
    }
    expire_after();
    if (flag_at("pre_images")) {
      Document form;
      append(form, "enabled", true);
      append(options_, "changeStreamPreAndPostImages", form);
    }
    storage_engine();
    encryption();
    combinations();
    return normalised_collection(options_);
  }

 private:
  void add(const toml::Place& place, std::string message) {
    mistakes_.push_back(toml::Mistake{place, Reason::kSchemaInvalid, std::move(message)});
  }

  bool flag_at(std::string_view key) const {
    const toml::Value* value = table_.find(key);
    const bool* flag = value != nullptr ? std::get_if<bool>(&value->data) : nullptr;
    return flag != nullptr && *flag;
  }
  // A table that is as it should be.
  const toml::Table* table_at(std::string_view key, toml::Keys keys) const {
    const toml::Value* value = table_.find(key);
    const auto* inner = value != nullptr ? std::get_if<toml::Table>(&value->data) : nullptr;
    return inner != nullptr && clean(*inner, keys) ? inner : nullptr;
  }

  void validator() {
    const std::string* json = string_at(table_, "validator");
    const std::string* path = string_at(table_, "validator_file");
    const toml::Value* validation = table_.find("validation");
    std::optional<Document> rule;
    if (json != nullptr && path != nullptr) {
      add(table_.find("validator_file")->key_place, "collection.validator and validator_file exclude each other");
    } else if (json != nullptr) {
      rule = parse_document(*json, "collection.validator", table_.find("validator")->place, mistakes_);
    } else if (path != nullptr) {
      if (const auto file = in_file(*path, "validator_file", "validator")) rule = file->document;
    } else if (validation != nullptr && !table_.find("validator") && !table_.find("validator_file")) {
      add(validation->key_place, "collection.validation does nothing without a validator or validator_file");
    }
    if (!rule) return;
    append(options_, "validator", *rule);
    if (const auto* how = table_at("validation", kValidationKeys)) {
      const toml::Reader reader(*how, kValidationKeys);
      append(options_, "validationLevel", reader.string("level"));
      append(options_, "validationAction", reader.string("action"));
      if (reader.string("level") == "constraint" && reader.string("action") == "warn") {
        add(reader.value("action")->place,
            "collection.validation.action must be \"error\" or \"errorAndLog\" where the level is \"constraint\"");
      }
    }
  }

  struct InFile {
    JsonText json;
    Document document;
  };
  // The document in the file that `key` names; `what` is what it says, in words.
  std::optional<InFile> in_file(const std::string& path, std::string_view key, std::string_view what) {
    auto file = json_file(path, fmt::format("collection.{}", key), fmt::format("the {} file", what),
                          table_.find(key)->place, folder_, mistakes_);
    if (!file) return std::nullopt;
    toml::Mistakes inside;
    auto document = parse_document(file->text, fmt::format("the {}", what), file->place, inside);
    for (toml::Mistake& mistake : inside) {
      mistake.place = file->of_error(mistake.message);
      mistakes_.push_back(std::move(mistake));
    }
    if (!document) return std::nullopt;
    return InFile{std::move(*file), std::move(*document)};
  }

  void encryption() {
    const std::string* json = string_at(table_, "encrypted_fields");
    const std::string* path = string_at(table_, "encrypted_fields_file");
    const std::string* name = string_at(table_, "name");
    if (json != nullptr && path != nullptr) {
      add(table_.find("encrypted_fields_file")->key_place,
          "collection.encrypted_fields and encrypted_fields_file exclude each other");
      return;
    }
    const std::string collection = name != nullptr ? *name : "";
    if (json != nullptr) {
      const std::string what = "collection.encrypted_fields";
      const JsonText text{*json, table_.find("encrypted_fields")->place};
      const auto document = parse_document(*json, what, text.place, mistakes_);
      if (!document) return;
      check_encryption(*document, text, what, collection, mistakes_);
      append(options_, kEncryptedFields, *document);
    } else if (path != nullptr) {
      const auto file = in_file(*path, "encrypted_fields_file", "encrypted fields");
      if (!file) return;
      check_encryption(file->document, file->json, "the encrypted fields", collection, mistakes_);
      append(options_, kEncryptedFields, file->document);
    }
  }

  void capped() {
    const auto* inner = table_at("capped", kCappedKeys);
    if (inner == nullptr) return;
    const toml::Reader reader(*inner, kCappedKeys);
    append(options_, "capped", true);
    append(options_, "size", reader.integer("size"));
    if (reader.has("max")) append(options_, "max", reader.integer("max"));
  }

  void timeseries() {
    const auto* inner = table_at("timeseries", kTimeseriesKeys);
    if (inner == nullptr) return;
    const toml::Reader reader(*inner, kTimeseriesKeys);
    Document form;
    const std::string time = reader.string("time_field");
    field_of(reader, "time_field");
    append(form, "timeField", time);
    if (reader.has("meta_field")) {
      const std::string meta = reader.string("meta_field");
      field_of(reader, "meta_field");
      if (meta == time || meta == "_id") {
        add(reader.value("meta_field")->place, "collection.timeseries.meta_field must not be time_field or \"_id\"");
      }
      append(form, "metaField", meta);
    }
    if (reader.has("granularity")) append(form, "granularity", reader.string("granularity"));
    if (const toml::Value* span = reader.value("bucket_span")) {
      if (reader.has("granularity")) {
        add(span->key_place, "collection.timeseries.granularity and bucket_span exclude each other");
      } else if (const auto seconds =
                     parse_seconds(*span, "collection.timeseries.bucket_span", 1, kMaxBucketSeconds, mistakes_)) {
        append(form, "bucketMaxSpanSeconds", *seconds);
        append(form, "bucketRoundingSeconds", *seconds);
      }
    }
    append(options_, "timeseries", form);
  }

  // The name of a field at the top of a document (create, "timeField").
  void field_of(const toml::Reader& reader, std::string_view key) {
    const std::string name = reader.string(key);
    if (name.find('.') != std::string::npos || name.find('\0') != std::string::npos || name.starts_with('$')) {
      add(reader.value(key)->place,
          fmt::format("collection.timeseries.{} {} must be the name of a field, without dots, NUL bytes and a \"$\" "
                      "before it",
                      key, json_quote(name)));
    }
  }

  void clustered() {
    const auto* inner = table_at("clustered", kClusteredKeys);
    if (inner == nullptr && !flag_at("clustered")) return;
    Document key;
    append(key, "_id", 1);
    Document form;
    append(form, "key", key);
    append(form, "unique", true);
    if (inner != nullptr) append(form, "name", toml::Reader(*inner, kClusteredKeys).string("name"));
    append(options_, "clusteredIndex", form);
  }

  void expire_after() {
    const toml::Value* value = table_.find("expire_after");
    if (value == nullptr || !clean_value("expire_after", *value)) return;
    if (const auto seconds = parse_seconds(*value, "collection.expire_after", 0, kMaxExpireSeconds, mistakes_)) {
      append(options_, "expireAfterSeconds", *seconds);
    }
  }
  static bool clean_value(std::string_view key, const toml::Value& value) {
    toml::Mistakes mistakes;
    toml::check_value(value, *toml::Keys(kCollectionKeys).find(key), {}, mistakes);
    return mistakes.empty();
  }

  void storage_engine() {
    for (const std::string_view key : {"storage_engine", "index_storage_engine"}) {
      const std::string* json = string_at(table_, key);
      if (json == nullptr) continue;
      const std::string what = fmt::format("collection.{}", key);
      auto form = parse_document(*json, what, table_.find(key)->place, mistakes_);
      if (!form) continue;
      if (key == "storage_engine") {
        append(options_, "storageEngine", *form);
      } else {
        Document outer;
        append(outer, "storageEngine", *form);
        append(options_, "indexOptionDefaults", outer);
      }
    }
  }

  void combinations() {
    const auto written = [&](std::string_view key) { return table_.find(key) != nullptr; };
    const auto exclude = [&](std::string_view first, std::string_view second) {
      if (written(first) && written(second) && (second != "clustered" || options_.has("clusteredIndex"))) {
        add(table_.find(second)->key_place, fmt::format("collection.{} and {} exclude each other", first, second));
      }
    };
    exclude("capped", "timeseries");
    exclude("capped", "clustered");
    exclude("timeseries", "clustered");
    exclude("timeseries", "validator");
    exclude("timeseries", "validator_file");
    if (flag_at("pre_images")) exclude("timeseries", "pre_images");
    for (const std::string_view key : {"encrypted_fields", "encrypted_fields_file"}) {
      exclude("capped", key);
      exclude("timeseries", key);
      if (written(key)) encrypted_validation();
    }
    if (written("expire_after") && !written("timeseries") && !written("clustered")) {
      add(table_.find("expire_after")->key_place,
          "collection.expire_after is for a timeseries or clustered collection; of another, declare an index with "
          "expire_after");
    }
  }

  // checkValidationOptionsCanBeUsed of the server: a document that is let pass may be one that nobody encrypted.
  void encrypted_validation() {
    const auto* how = table_at("validation", kValidationKeys);
    if (how == nullptr) return;
    const toml::Reader reader(*how, kValidationKeys);
    for (const std::string_view key : {"level", "action"}) {
      const std::string_view only = *toml::Keys(kValidationKeys).find(key)->fallback;
      const bool constraint = reader.string(key) == "constraint";
      if (reader.string(key) == only || constraint) continue;
      add(reader.value(key)->place,
          fmt::format("collection.validation.{} must be \"{}\"{} where there are encrypted fields", key, only,
                      key == "level" ? " or \"constraint\"" : ""));
    }
  }

  const toml::Table& table_;
  const std::string& folder_;
  toml::Mistakes& mistakes_;
  Document options_;
};

}  // namespace

const std::string* string_at(const toml::Table& table, std::string_view key) {
  const toml::Value* value = table.find(key);
  return value != nullptr ? std::get_if<std::string>(&value->data) : nullptr;
}

std::optional<toml::Place> place_in_validation(const toml::Table& table, std::string_view key) {
  const toml::Value* validation = table.find("validation");
  const auto* inner = validation != nullptr ? std::get_if<toml::Table>(&validation->data) : nullptr;
  const toml::Value* value = inner != nullptr ? inner->find(key) : nullptr;
  return value != nullptr ? std::optional(value->place) : std::nullopt;
}

Document parse_collection_options(const toml::Table& table, const std::string& folder, toml::Mistakes& mistakes) {
  return OptionsParser(table, folder, mistakes).run();
}

namespace {

// https://www.mongodb.com/docs/manual/core/queryable-encryption/reference/limitations/, and createIndexes of the server
void check_index_beside(const Document& encrypted_fields, const Index& index, toml::Mistakes& mistakes) {
  const auto add = [&](std::string_view wrong) {
    mistakes.push_back(toml::Mistake{index.place, Reason::kSchemaInvalid,
                                     fmt::format("the index {} {}", json_quote(index.name), wrong)});
  };
  if (index.options.has("expireAfterSeconds")) {
    add("cannot delete documents: with encrypted fields they can only be deleted by who has the keys");
  }
  if (index.name == safe_content_index({}).name) add("must have another name: that is the server's own");
  for (const Field& each : fields(index.key)) {
    // "a.$**" is on everything in a; "$**" alone is taken.
    std::string_view path = each.name();
    if (path.ends_with(".$**")) path.remove_suffix(4);
    if (overlap(path, kSafeContent)) {
      add(fmt::format("cannot be on {}: the one on it is made along with the encrypted fields", kSafeContent));
    } else if (const std::string at = encrypted_field_at(encrypted_fields, path); !at.empty()) {
      add(fmt::format("cannot be on {}: {} is encrypted, and the server keeps what it can be queried for",
                      json_quote(each.name()), json_quote(at)));
    }
  }
}

}  // namespace

void check_index_of(const Index& index, const Document& options, toml::Mistakes& mistakes) {
  if (encrypts(options)) check_index_beside(*field(options, kEncryptedFields)->document(), index, mistakes);
  if (!options.has("timeseries")) return;
  // https://www.mongodb.com/docs/manual/core/timeseries/timeseries-secondary-index/
  const IndexKind kind = kind_of(index.key);
  std::string wrong;
  if (index.options.has("unique")) wrong = "unique";
  if (kind == IndexKind::kText || kind == IndexKind::k2d)
    wrong = std::string("a ") + std::string(name(kind)) + " index";
  if (wrong.empty()) return;
  mistakes.push_back(toml::Mistake{
      index.place, Reason::kSchemaInvalid,
      fmt::format("the index {} cannot be {}: its collection is a time series", json_quote(index.name), wrong)});
}

Document parse_view_options(const toml::Table& table, toml::Mistakes& mistakes) {
  Document options;
  if (const std::string* on = string_at(table, "on")) append(options, "viewOn", *on);
  if (const std::string* json = string_at(table, "pipeline")) {
    const auto pipeline = parse_pipeline(*json, "view.pipeline", table.find("pipeline")->place, mistakes);
    if (pipeline) append(options, *field(*pipeline, "pipeline"));
  }
  const toml::Value* value = table.find("collation");
  const auto* inner = value != nullptr ? std::get_if<toml::Table>(&value->data) : nullptr;
  if (inner != nullptr && clean(*inner, kCollationKeys)) {
    const auto form = parse_collation(*inner, "view.collation", value->place, mistakes);
    if (form && !form->empty()) append(options, "collation", *form);
  }
  return normalised_view(options);
}

}  // namespace readygate::schema
