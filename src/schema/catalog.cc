// A server's answers, read with suspicion: what is missing or has another type than documented ends the reading.
#include "schema/catalog.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "schema/encryption.h"
#include "schema/fields.h"
#include "schema/migration_commands.h"

namespace readygate::schema {
namespace {

tl::unexpected<Error> strange(std::string_view command, std::string_view what) {
  return fail(Reason::kInternal, fmt::format("the server's answer to {} is not understood: {}", command, what));
}

// Why nobody should look into the entry, or "".
std::string unsafe(const Document& entry) {
  if (entry.too_deep()) return fmt::format("an entry nests deeper than {} levels", kMaxNesting);
  return entry.whole() ? "" : "an entry is no BSON inside";
}

std::optional<std::string> string_of(const Document& document, std::string_view name) {
  const std::optional<Field> found = field(document, name);
  return found ? found->string() : std::nullopt;
}

}  // namespace

const CatalogCollection* Catalog::find(std::string_view name) const {
  const auto it = std::find_if(collections.begin(), collections.end(),
                               [&](const CatalogCollection& collection) { return collection.name == name; });
  return it == collections.end() ? nullptr : &*it;
}

std::string shown(const Server& server) {
  std::string text = fmt::format("{} {}", server.product, server.version);
  if (!server.mongodb_version.empty()) text += fmt::format(" (as MongoDB {})", server.mongodb_version);
  return text;
}

const ForeignOwner* Catalog::owner(std::string_view collection) const {
  const auto it = std::find_if(owned_elsewhere.begin(), owned_elsewhere.end(),
                               [&](const ForeignOwner& each) { return each.collection == collection; });
  return it == owned_elsewhere.end() ? nullptr : &*it;
}

std::vector<std::string> declared_names(const Schema& schema) {
  std::vector<std::string> names;
  names.reserve(schema.collections.size() + schema.views.size());
  for (const Collection& collection : schema.collections) {
    names.push_back(collection.name);
    if (!encrypts(collection.options)) continue;
    for (std::string& state : state_collections(collection.name)) names.push_back(std::move(state));
  }
  for (const View& view : schema.views) names.push_back(view.name);
  return names;
}

std::vector<std::string> written_names(const Schema& schema) {
  std::vector<std::string> names;
  const auto add = [&](std::string name) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(std::move(name));
  };
  for (const Seed& seed : schema.seeds) add(seed.collection);
  for (const Migration& migration : schema.migrations) {
    if (const Batch* batch = migration.batch()) add(batch->collection);
    if (const CommandList* list = migration.commands()) {
      for (const Document& command : list->commands) {
        add(collection_of(command));
        if (std::string into = merged_into(command); !into.empty()) add(std::move(into));
      }
    }
  }
  return names;
}

std::vector<std::string> touched_names(const Schema& schema) {
  std::vector<std::string> names = declared_names(schema);
  for (std::string& name : written_names(schema)) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(std::move(name));
  }
  return names;
}

Result<CatalogCollection> collection_from(const Document& entry) {
  constexpr std::string_view kCommand = "listCollections";
  if (const std::string wrong = unsafe(entry); !wrong.empty()) return strange(kCommand, wrong);
  CatalogCollection collection;
  const std::optional<std::string> name = string_of(entry, "name");
  if (!name || name->empty()) return strange(kCommand, "an entry has no name");
  collection.name = *name;
  collection.type = "collection";  // servers before 3.4 report none
  if (entry.has("type")) {
    const std::optional<std::string> type = string_of(entry, "type");
    if (!type) return strange(kCommand, fmt::format("the type of \"{}\" is no string", *name));
    collection.type = *type;
  }
  if (entry.has("options")) {
    const std::optional<Document> options = document_at(entry, "options");
    if (!options) return strange(kCommand, fmt::format("the options of \"{}\" are no document", *name));
    collection.options = *options;
  }
  return collection;
}

Result<CatalogIndex> index_from(const Document& entry) {
  constexpr std::string_view kCommand = "listIndexes";
  if (const std::string wrong = unsafe(entry); !wrong.empty()) return strange(kCommand, wrong);
  // With includeBuildUUIDs an index that is being built comes as { spec: {…}, buildUUID: … }; with
  // includeIndexBuildInfo every one comes as { spec: {…} }, and one being built with indexBuildInfo.
  CatalogIndex found;
  found.build = entry.has("buildUUID") || entry.has("indexBuildInfo") ? Build::kRunning : Build::kDone;
  Document spec = entry;
  if (entry.has("spec")) {
    const std::optional<Document> inner = document_at(entry, "spec");
    if (!inner) return strange(kCommand, "the spec of an index is no document");
    spec = *inner;
  }
  const std::optional<std::string> name = string_of(spec, "name");
  if (!name || name->empty()) return strange(kCommand, "an index has no name");
  const std::optional<Document> key = document_at(spec, "key");
  if (!key || key->empty()) return strange(kCommand, fmt::format("the index \"{}\" has no key", *name));
  found.index.name = *name;
  found.index.key = *key;
  found.index.options = without(spec, {"v", "ns", "key", "name", "buildUUID", "indexBuildInfo"});
  return found;
}

}  // namespace readygate::schema
