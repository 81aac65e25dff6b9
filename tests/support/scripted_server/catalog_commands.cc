// The commands that read and change the catalog. See catalog_model.h.
#include <algorithm>
#include <set>
#include <utility>

#include "scripted_server/catalog_model.h"
#include "scripted_server/collection_options.h"
#include "scripted_server/encrypted_fields.h"
#include "scripted_server/index_spec.h"
#include "scripted_server/query.h"

namespace readygate::scripted {

namespace {

constexpr std::size_t kMaxIndexes = 64;  // manual, "Limits": number of indexes per collection

Result<Doc> no_namespace(const std::string& message) { return fail(Code::kNamespaceNotFound, message); }

Doc id_index_for(const Doc& options) {
  Doc spec;
  spec.add("v", 2).add("key", Doc().add("_id", 1)).add("name", "_id_");
  if (const auto collation = options.find("collation")) spec.add(*collation);
  // manual, "Clustered Collections": the clustered index is listed with unique and clustered set.
  if (options.has("clusteredIndex")) {
    spec =
        Doc().add("v", 2).add("key", Doc().add("_id", 1)).add("name", options.document("clusteredIndex").text("name"));
    spec.add("unique", true).add("clustered", true);
  }
  return spec;
}

}  // namespace

Doc cursor_reply(const std::string& namespace_name, const std::vector<Doc>& batch) {
  Doc cursor;
  cursor.add("id", std::int64_t{0}).add("ns", namespace_name).add_array("firstBatch", Doc::array_of(batch));
  return Doc().add("cursor", cursor);
}

CatalogModel::Collection* CatalogModel::find_collection(const Call& call) {
  const auto database = databases_.find(call.database);
  if (database == databases_.end()) return nullptr;
  const auto collection = database->second.find(call.name);
  return collection == database->second.end() ? nullptr : &collection->second;
}

CatalogModel::Collection& CatalogModel::add_collection(const Call& call, std::string type, Doc options) {
  Collection& collection = databases_[call.database][call.name];
  collection.type = std::move(type);
  collection.options = std::move(options);
  for (std::size_t i = 0; i < 4; ++i) collection.uuid[15 - i] = static_cast<std::uint8_t>(next_uuid_ >> (8 * i));
  collection.uuid[6] = 0x40;  // version 4, variant 1, so that drivers print it as a UUID
  collection.uuid[8] = 0x80;
  ++next_uuid_;
  if (collection.type == "collection") collection.indexes.push_back(id_index_for(collection.options));
  return collection;
}

// manual, "createIndexes" and "insert": a collection that does not exist is created.
CatalogModel::Collection& CatalogModel::collection_for_writing(const Call& call) {
  Collection* existing = find_collection(call);
  return existing != nullptr ? *existing : add_collection(call, "collection", Doc());
}

// manual, "create": identical options are a success without an effect, others are an error.
Result<Doc> CatalogModel::create(const Call& call) {
  auto options = normalise_collection_options(call.command);
  if (!options) return tl::unexpected(options.error());
  if (const auto good = check_collection_name(call.name); !good) return tl::unexpected(good.error());
  if (const auto good = check_validation(std::nullopt, call.command, feature_version); !good) {
    return tl::unexpected(good.error());
  }
  if (options->has("encryptedFields")) {
    const bool standalone = deployment_ == Deployment::kStandalone;
    if (const auto good = check_encrypted_collection(*options, standalone); !good) return tl::unexpected(good.error());
    const auto full = full_encrypted_fields(options->document("encryptedFields"), call.name);
    if (!full) return tl::unexpected(full.error());
    options = options->merged(Doc().add("encryptedFields", *full));
  }
  const bool view = options->has("viewOn");
  if (const Collection* existing = find_collection(call)) {
    if (view != (existing->type == "view")) {
      return fail(Code::kNamespaceExists,
                  "namespace " + call.full_name() + " already exists, but is " + (view ? "not a view" : "a view"));
    }
    if (existing->options.same_fields(*options)) return Doc();
    return fail(Code::kNamespaceExists, "namespace " + call.full_name() +
                                            " already exists, but with different options: " + existing->options.json());
  }
  const bool series = options->has("timeseries");
  add_collection(call, view ? "view" : series ? "timeseries" : "collection", *options);
  // What the server keeps behind them is listed too (manual, "Views" and "Time Series Collections").
  Call behind = call;
  behind.name = view ? "system.views" : "system.buckets." + call.name;
  if ((view || series) && find_collection(behind) == nullptr) add_collection(behind, "collection", Doc());
  return Doc();
}

Result<void> CatalogModel::add_index(const Call& call, Collection& collection, const Doc& spec, bool& added) const {
  const std::string name = spec.text("name");
  const auto requested = "Requested index: " + spec.json() + ", existing index: ";
  const auto with_name =
      std::ranges::find_if(collection.indexes, [&](const Doc& other) { return other.text("name") == name; });
  if (with_name != collection.indexes.end()) {
    switch (compare_indexes(spec, *with_name)) {
      case IndexComparison::kIdentical: return {};
      case IndexComparison::kEquivalent:
        return fail(Code::kIndexOptionsConflict,
                    "An equivalent index already exists with the same name but different options. " + requested +
                        with_name->json());
      case IndexComparison::kDifferent:
        return fail(Code::kIndexKeySpecsConflict,
                    "An existing index has the same name as the requested index. When index names are not specified, "
                    "they are auto generated and can cause conflicts. Please refer to our documentation. " +
                        requested + with_name->json());
    }
  }
  // manual, "createIndexes", Index Names: the same index again under another name is an error.
  for (const Doc& other : collection.indexes) {
    const auto comparison = compare_indexes(spec, other);
    if (comparison == IndexComparison::kIdentical) {
      if (is_id_index(spec)) return {};
      return fail(Code::kIndexOptionsConflict, "Index already exists with a different name: " + other.text("name"));
    }
    if (comparison == IndexComparison::kEquivalent) {
      return fail(Code::kIndexOptionsConflict,
                  "An equivalent index already exists with a different name and options. " + requested + other.json());
    }
  }
  // manual, "Text Indexes": a collection can have at most one.
  if (is_text_index(spec) && std::ranges::any_of(collection.indexes, is_text_index)) {
    return fail(Code::kCannotCreateIndex, "only one text index per collection allowed");
  }
  if (collection.indexes.size() >= kMaxIndexes) {
    return fail(Code::kCannotCreateIndex, "add index fails, too many indexes for " + call.full_name());
  }
  if (spec.truthy("unique")) {
    const auto duplicate = first_duplicate(spec, collection.documents);
    if (!duplicate) return tl::unexpected(duplicate.error());
    if (!duplicate->empty()) {
      return fail(Code::kDuplicateKey,
                  "Index build failed: E11000 duplicate key error collection: " + call.full_name() + " index: " + name +
                      " dup key: " + duplicate->document("keyValue").json(),
                  *duplicate);
    }
  }
  collection.indexes.push_back(spec);
  added = true;
  return {};
}

// manual, "createIndexes": all or none, the collection is created when absent, an existing identical index is noted.
Result<Doc> CatalogModel::create_indexes(const Call& call) {
  // manual, "createIndexes", commitQuorum: a matter of replica set members.
  if (call.command.has("commitQuorum") && deployment_ == Deployment::kStandalone) {
    return fail(Code::kBadValue, "Standalones can't specify commitQuorum");
  }
  const auto declared = call.command.documents("indexes");
  if (declared.empty()) return fail(Code::kBadValue, "Must specify at least one index to create");
  if (const auto good = check_collection_name(call.name); !good) return tl::unexpected(good.error());
  const Collection* existing = find_collection(call);
  if (existing != nullptr && existing->type == "view") {
    return fail(Code::kCommandNotSupportedOnView, "Cannot create indexes on a view");
  }
  const bool created = existing == nullptr;
  Collection work;  // committed only when every index is good
  if (created) {
    work.indexes.push_back(id_index_for(Doc()));
  } else {
    work = *existing;
  }
  const Doc collation = work.options.document("collation");
  const Doc encrypted = work.options.document("encryptedFields");
  const std::size_t before = work.indexes.size();
  bool all_existed = true;
  for (const Doc& index : declared) {
    const auto spec = normalise_index(index, call.full_name(), collation);
    if (!spec) return tl::unexpected(spec.error());
    // As it was asked for: the key of a text index is another afterwards.
    if (const auto good = check_index_beside(encrypted, index); !encrypted.empty() && !good) {
      return tl::unexpected(good.error());
    }
    bool added = false;
    if (const auto good = add_index(call, work, *spec, added); !good) return tl::unexpected(good.error());
    all_existed = all_existed && !added;
  }
  Collection& target = collection_for_writing(call);
  target.indexes = work.indexes;

  Doc reply;
  reply.add("numIndexesBefore", static_cast<std::int32_t>(before));
  reply.add("numIndexesAfter", static_cast<std::int32_t>(target.indexes.size()));
  reply.add("createdCollectionAutomatically", created);
  if (deployment_ == Deployment::kReplicaSet) reply.add("commitQuorum", "votingMembers");
  if (all_existed) reply.add("note", "all indexes already exist");
  return reply;
}

// manual, "dropIndexes": by name, by names, by key, or "*" for all but _id.
Result<Doc> CatalogModel::drop_indexes(const Call& call) {
  Collection* collection = find_collection(call);
  if (collection == nullptr) return no_namespace("ns not found " + call.full_name());
  const auto wanted = call.command.find("index");
  if (!wanted) return fail(Code::kFailedToParse, "BSON field 'dropIndexes.index' is missing but a required field");
  const auto before = static_cast<std::int32_t>(collection->indexes.size());

  std::vector<Doc> kept = collection->indexes;
  const auto drop = [&](const auto& chosen) { return std::erase_if(kept, chosen) > 0; };
  const auto drop_name = [&](std::string_view name) -> Result<void> {
    if (name == "_id_") return fail(Code::kInvalidOptions, "cannot drop _id index");
    if (drop([&](const Doc& spec) { return spec.text("name") == name; })) return {};
    return fail(Code::kIndexNotFound, "index not found with name [" + std::string(name) + "]");
  };
  Result<void> done;
  if (wanted->text() == "*") {
    drop([](const Doc& spec) { return !is_id_index(spec); });
  } else if (wanted->is_text()) {
    done = drop_name(wanted->text());
  } else if (wanted->is_array()) {
    const Doc names = wanted->document();
    for (const Field& name : names.fields()) {
      if (done) done = drop_name(name.text());
    }
  } else {
    const Doc key = wanted->document();
    if (!drop([&](const Doc& spec) { return !is_id_index(spec) && spec.document("key").same(key); })) {
      done = fail(Code::kIndexNotFound, "can't find index with key: " + key.json());
    }
  }
  if (!done) return tl::unexpected(done.error());
  collection->indexes = std::move(kept);
  return Doc().add("nIndexesWas", before);
}

// manual, "listCollections": name, type, options, info (readOnly, and uuid for what has data), idIndex.
Result<Doc> CatalogModel::list_collections(const Call& call) {
  std::vector<Doc> listed;
  for (const auto& [name, collection] : databases_[call.database]) {
    const bool view = collection.type == "view";
    Doc info;
    info.add("readOnly", view);
    if (!view) info.add_uuid("uuid", collection.uuid);
    Doc entry;
    entry.add("name", name).add("type", collection.type);
    if (!call.command.truthy("nameOnly")) {
      entry.add("options", collection.options).add("info", info);
      if (!collection.indexes.empty() && !collection.options.has("clusteredIndex")) {
        entry.add("idIndex", collection.indexes.front());
      }
    }
    const auto wanted = matches(call.command.document("filter"), entry);
    if (!wanted) return tl::unexpected(wanted.error());
    if (*wanted) listed.push_back(entry);
  }
  return cursor_reply(call.database + ".$cmd.listCollections", listed);
}

Result<Doc> CatalogModel::list_indexes(const Call& call) {
  const Collection* collection = find_collection(call);
  if (collection == nullptr) return no_namespace("ns does not exist: " + call.full_name());
  if (collection->type == "view") {
    return fail(Code::kCommandNotSupportedOnView, "Namespace " + call.full_name() + " is a view, not a collection");
  }
  // As FerretDB 2.7.0 answers.
  if (hides_builds && call.command.has("includeBuildUUIDs")) {
    return fail(Code::kUnknownCommandField,
                "The BSON field listIndexes.includeBuildUUIDs is not recognized as a valid field");
  }
  // src/mongo/db/commands/list_indexes.cpp, "Lists the indexes for a given collection"
  std::vector<Doc> listed = collection->indexes;
  for (Doc& spec : listed) {
    if (!call.command.truthy("includeBuildUUIDs") || !is_unfinished(call, spec)) continue;
    Doc entry;
    entry.add("spec", spec).add_uuid("buildUUID", collection->uuid);
    spec = entry;
  }
  return cursor_reply(call.full_name(), listed);
}

bool CatalogModel::is_unfinished(const Call& call, const Doc& spec) const {
  return unfinished.contains(call.full_name() + "." + spec.text("name"));
}

// manual, "Index Builds on Populated Collections": the same build again joins the one that runs.
bool CatalogModel::waits(const std::string& database, const Doc& command) const {
  if (!command.first() || command.first()->key() != "createIndexes") return false;
  const Call call{database, std::string(command.first()->text()), command};
  return std::ranges::any_of(command.documents("indexes"), [&](const Doc& spec) { return is_unfinished(call, spec); });
}

Result<Doc> CatalogModel::list_databases(const Call&) {
  std::vector<Doc> listed;
  for (const auto& [name, collections] : databases_) {
    if (!collections.empty()) listed.push_back(Doc().add("name", name).add("sizeOnDisk", 4096.0).add("empty", false));
  }
  return Doc().add_array("databases", Doc::array_of(listed)).add("totalSize", 4096.0);
}

// manual, "drop": since 7.0 dropping what does not exist is a success.
Result<Doc> CatalogModel::drop_collection(const Call& call) {
  const Collection* collection = find_collection(call);
  if (collection == nullptr) return Doc();
  Doc reply;
  reply.add("nIndexesWas", static_cast<std::int32_t>(collection->indexes.size())).add("ns", call.full_name());
  databases_[call.database].erase(call.name);
  return reply;
}

Result<Doc> CatalogModel::drop_database(const Call& call) {
  const bool existed = databases_.erase(call.database) > 0;
  return existed ? Doc().add("dropped", call.database) : Doc();
}

}  // namespace readygate::scripted
