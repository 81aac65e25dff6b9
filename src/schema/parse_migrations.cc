// Everything that can be known to be wrong without a database is said here: a migration that fails at the server fails
// in the middle of a rollout.
#include "schema/parse_migrations.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/json.h"
#include "base/suggest.h"
#include "schema/fields.h"
#include "schema/json_source.h"
#include "schema/migration_commands.h"
#include "schema/migration_keys.h"
#include "schema/parse_values.h"

namespace readygate::schema {
namespace {

// https://www.mongodb.com/docs/manual/reference/operator/update/
constexpr std::array<std::string_view, 15> kOperators = {
    "$set",  "$unset", "$inc",      "$mul", "$rename",  "$min", "$max",        "$currentDate",
    "$push", "$pull",  "$addToSet", "$pop", "$pullAll", "$bit", "$setOnInsert"};
// https://www.mongodb.com/docs/manual/tutorial/update-documents-with-aggregation-pipeline/
constexpr std::array<std::string_view, 6> kStages = {"$set",     "$addFields",   "$unset",
                                                     "$project", "$replaceRoot", "$replaceWith"};

bool contains(std::span<const std::string_view> all, std::string_view one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

class MigrationParser {
 public:
  MigrationParser(bool whole, Schema& schema, toml::Mistakes& mistakes)
      : whole_(whole), schema_(schema), mistakes_(mistakes) {
    for (const Collection& collection : schema.collections) collections_.push_back(collection.name);
  }

  void read(const Source& source) {
    tables(source, "seed", [&](const toml::Table& table, const toml::Place& place) { seed(table, place, source); });
    tables(source, "migration",
           [&](const toml::Table& table, const toml::Place& place) { migration(table, place, source); });
  }

 private:
  void add(toml::Place place, std::string message) {
    mistakes_.push_back(toml::Mistake{std::move(place), Reason::kSchemaInvalid, std::move(message)});
  }

  template <typename Use>
  static void tables(const Source& source, std::string_view key, Use use) {
    const toml::Value* all = source.table.find(key);
    const auto* items = all != nullptr ? std::get_if<toml::Array>(&all->data) : nullptr;
    if (items == nullptr) return;
    for (const toml::Value& item : *items) {
      if (const auto* table = std::get_if<toml::Table>(&item.data)) use(*table, item.place);
    }
  }

  void declared(const std::string& collection, const std::string& what, const toml::Place& place) {
    if (!whole_) return;
    const std::string wrong = undeclared(collection, collections_);
    if (!wrong.empty()) add(place, fmt::format("{} {}", what, wrong));
  }

  // ------------------------------------------------------------------------------------------------------- seeds

  void seed(const toml::Table& table, const toml::Place& place, const Source& source) {
    if (!clean(table, kSeedKeys)) return;
    const toml::Reader reader(table, kSeedKeys);
    Seed seed;
    seed.place = place;
    seed.collection = reader.string("collection");
    declared(seed.collection, "seed.collection", reader.value("collection")->place);
    const std::string mode = reader.string("mode");
    seed.mode = mode == "merge"     ? Seed::Mode::kMerge
                : mode == "replace" ? Seed::Mode::kReplace
                                    : Seed::Mode::kInsertMissing;
    if (reader.has("docs") == reader.has("docs_file")) {
      add(place, reader.has("docs") ? "seed.docs and docs_file exclude each other"
                                    : "a seed needs docs or docs_file: its documents");
      return;
    }
    if (reader.has("docs")) {
      documents({reader.string("docs"), reader.value("docs")->place, false}, "seed.docs", seed);
    } else if (auto file = json_file(reader.string("docs_file"), "seed.docs_file", "the documents' file",
                                     reader.value("docs_file")->place, source.folder, mistakes_)) {
      documents(*file, "the documents' file", seed);
    }
    seed.checksum = checksum_of(seed);
    for (const Seed& other : schema_.seeds) {
      if (other.checksum == seed.checksum && !seed.docs.empty()) {
        add(place, fmt::format("the seed is the same as the one at {}", to_string(other.place)));
      }
    }
    schema_.seeds.push_back(std::move(seed));
  }

  void documents(const JsonText& json, const std::string& what, Seed& seed) {
    const auto items = parse_array(json, what, mistakes_);
    if (!items) return;
    std::map<std::string, std::size_t> seen;
    for (std::size_t i = 0; i < items->size(); ++i) {
      const auto& [document, place] = (*items)[i];
      const std::string wrong = document_mistake(document, seed.mode);
      if (!wrong.empty()) {
        add(place, fmt::format("document {} of {} {}", i + 1, what, wrong));
        continue;
      }
      const auto [first, is_new] = seen.emplace(id_key(*field(document, "_id")), i + 1);
      if (!is_new) {
        add(place, fmt::format("document {} of {} has the _id of document {}: {}", i + 1, what, first->second,
                               field(document, "_id")->to_json()));
      }
      seed.docs.push_back(document);
    }
  }

  static std::string document_mistake(const Document& document, Seed::Mode mode) {
    const std::optional<Field> id = field(document, "_id");
    if (!id) return "has no _id: with one made by the server, each apply would insert it again";
    if (id->type() == BSON_TYPE_ARRAY || id->type() == BSON_TYPE_REGEX || id->type() == BSON_TYPE_UNDEFINED) {
      return "has an _id of a type that the server does not take";
    }
    if (mode == Seed::Mode::kMerge && fields(document).size() == 1) return "has nothing to merge beside its _id";
    for (const Field& each : fields(document)) {
      // In $set they would be paths and operators.
      if (each.name().starts_with('$') || each.name().find('.') != std::string_view::npos) {
        return fmt::format("has the field {}: names with \"$\" at the beginning or a dot are not supported",
                           json_quote(each.name()));
      }
    }
    return {};
  }

  // -------------------------------------------------------------------------------------------------- migrations

  void migration(const toml::Table& table, const toml::Place& place, const Source& source) {
    if (!clean(table, kMigrationKeys)) return;
    const toml::Reader reader(table, kMigrationKeys);
    Migration migration;
    migration.place = place;
    migration.id = reader.string("id");
    identifier(migration.id, reader.value("id")->place);
    migration.phase = reader.string("phase") == "background" ? Migration::Phase::kBackground : Migration::Phase::kPre;
    const std::string on_crash = reader.string("on_crash");
    migration.on_crash = on_crash == "retry"    ? Migration::OnCrash::kRetry
                         : on_crash == "manual" ? Migration::OnCrash::kManual
                                                : Migration::OnCrash::kResume;
    migration.pause = reader.duration("pause");
    migration.max_time = reader.duration("max_time");
    if (reader.has("batch") == reader.has("commands_file")) {
      add(place, reader.has("batch") ? "migration.batch and commands_file exclude each other"
                                     : "a migration needs [migration.batch] or commands_file: what it does");
      return;
    }
    if (reader.has("batch")) {
      migration.work = batch(reader.table("batch"));
    } else {
      migration.work = commands(reader, source);
    }
    migration.checksum = checksum_of(migration);
    schema_.migrations.push_back(std::move(migration));
  }

  void identifier(const std::string& id, const toml::Place& place) {
    const auto allowed = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
    };
    if (!std::all_of(id.begin(), id.end(), allowed)) {
      add(place, fmt::format("migration.id {} may hold only a-z, 0-9, \".\", \"_\" and \"-\"", json_quote(id)));
    }
    const auto [first, is_new] = ids_.emplace(id, place);
    if (!is_new) {
      add(place,
          fmt::format("the migration {} is declared twice; first at {}", json_quote(id), to_string(first->second)));
    }
  }

  Batch batch(const toml::Reader& reader) {
    Batch batch;
    batch.collection = reader.string("collection");
    declared(batch.collection, "migration.batch.collection", reader.value("collection")->place);
    batch.size = static_cast<std::int32_t>(reader.integer("size"));
    const toml::Place& at = reader.value("filter")->place;
    const std::string filter = reader.string("filter");
    const Result<Document> parsed = Document::from_json(filter);
    if (parsed && parsed->empty()) {
      add(at,
          "migration.batch.filter must not be empty: it says which documents are still to be changed, such as { "
          "\"state\": { \"$exists\": false } }");
    } else if (auto document = parse_document(filter, "migration.batch.filter", at, mistakes_)) {
      batch.filter = std::move(*document);
    }
    update({reader.string("update"), reader.value("update")->place, false}, batch);
    return batch;
  }

  void update(const JsonText& json, Batch& batch) {
    constexpr const char* kWhat = "migration.batch.update";
    const std::size_t first = json.text.find_first_not_of(" \t\r\n");
    batch.pipeline = first != std::string::npos && json.text[first] == '[';
    if (batch.pipeline) {
      const auto stages = parse_array(json, kWhat, mistakes_);
      if (!stages) return;
      for (std::size_t i = 0; i < stages->size(); ++i) {
        const Document& stage = (*stages)[i].document;
        const std::vector<Field> all = fields(stage);
        if (all.size() != 1 || !contains(kStages, all.front().name())) {
          add(json.place,
              fmt::format("stage {} of {} must have one key, one of {}", i + 1, kWhat, fmt::join(kStages, ", ")));
        }
        append(batch.update, std::to_string(i), stage);
      }
      return;
    }
    const Result<Document> parsed = Document::from_json(json.text);
    if (parsed && parsed->empty()) {
      add(json.place, fmt::format("{} must not be empty", kWhat));
      return;
    }
    auto document = parse_document(json.text, kWhat, json.place, mistakes_);
    if (!document) return;
    for (const Field& each : fields(*document)) {
      if (!contains(kOperators, each.name())) {
        add(json.place, fmt::format("{} has {}, which is no update operator{}", kWhat, json_quote(each.name()),
                                    each.name().starts_with('$') ? did_you_mean(each.name(), kOperators)
                                                                 : ": write { \"$set\": { … } }"));
      }
    }
    batch.update = std::move(*document);
  }

  CommandList commands(const toml::Reader& reader, const Source& source) {
    CommandList list;
    const auto file = json_file(reader.string("commands_file"), "migration.commands_file", "the commands' file",
                                reader.value("commands_file")->place, source.folder, mistakes_);
    const auto items = file ? parse_array(*file, "the commands' file", mistakes_) : std::nullopt;
    if (!items) return list;
    for (std::size_t i = 0; i < items->size(); ++i) {
      const auto& [command, place] = (*items)[i];
      const std::string wrong = command_mistake(command, collections_);
      // With a file missing, only what does not depend on the declared collections can be said; that waits as well.
      if (!wrong.empty() && whole_) add(place, fmt::format("command {} {}", i + 1, wrong));
      list.commands.push_back(command);
    }
    return list;
  }

  const bool whole_;
  Schema& schema_;
  toml::Mistakes& mistakes_;
  std::vector<std::string_view> collections_;
  std::map<std::string, toml::Place, std::less<>> ids_;
};

}  // namespace

void parse_seeds_and_migrations(const std::vector<Source>& sources, bool whole, Schema& schema,
                                toml::Mistakes& mistakes) {
  MigrationParser parser(whole, schema, mistakes);
  for (const Source& source : sources) parser.read(source);
}

}  // namespace readygate::schema
