// The commands that read and write documents, enough for control documents, seeds, and looking for duplicates; and the
// table of all commands. See catalog_model.h.
//
// Sources (manual): "find", "count", "aggregate", "insert", "update", "delete", "findAndModify", "Unique Indexes".
#include <algorithm>
#include <utility>

#include "scripted_server/catalog_model.h"
#include "scripted_server/collection_options.h"
#include "scripted_server/index_spec.h"
#include "scripted_server/query.h"

namespace readygate::scripted {

namespace {

std::vector<Doc> limited(std::vector<Doc> documents, const Doc& command) {
  const std::int64_t skip = std::min(command.integer("skip"), static_cast<std::int64_t>(documents.size()));
  documents.erase(documents.begin(), documents.begin() + skip);
  const std::int64_t limit = command.integer("limit");
  if (limit > 0) documents.resize(std::min(documents.size(), static_cast<std::size_t>(limit)));
  return documents;
}

/// {field: value, …} of the index's fields, missing ones as null (manual, "Unique Indexes", Missing Document Field).
Doc key_of(const Doc& spec, const Doc& document) {
  Doc values;
  const Doc key = spec.document("key");
  for (const Field& field : key.fields()) {
    if (const auto value = document.find_path(field.key())) {
      values.add(field.key(), *value);
    } else {
      values.add_null(field.key());
    }
  }
  return values;
}

Result<bool> is_indexed(const Doc& spec, const Doc& document) {
  if (const auto partial = spec.find("partialFilterExpression")) return matches(partial->document(), document);
  if (!spec.truthy("sparse")) return true;
  const Doc key = spec.document("key");
  const auto fields = key.fields();
  return std::ranges::any_of(fields, [&](const Field& field) { return document.find_path(field.key()).has_value(); });
}

}  // namespace

Access access_of(std::string_view command) {
  constexpr std::array<std::string_view, 10> kWrites = {"create", "createIndexes", "collMod", "dropIndexes",
                                                        "drop",   "dropDatabase",  "insert",  "update",
                                                        "delete", "findAndModify"};
  constexpr std::array<std::string_view, 6> kReads = {"find",        "count",        "aggregate", "listCollections",
                                                      "listIndexes", "listDatabases"};
  if (std::ranges::find(kWrites, command) != kWrites.end()) return Access::kWrite;
  if (std::ranges::find(kReads, command) != kReads.end()) return Access::kRead;
  return Access::kNone;
}

const std::map<std::string_view, CatalogModel::Handler>& CatalogModel::handlers() {
  static const std::map<std::string_view, Handler> kTable = {
      {"create", &CatalogModel::create},
      {"createIndexes", &CatalogModel::create_indexes},
      {"collMod", &CatalogModel::modify_collection},
      {"dropIndexes", &CatalogModel::drop_indexes},
      {"listCollections", &CatalogModel::list_collections},
      {"listIndexes", &CatalogModel::list_indexes},
      {"listDatabases", &CatalogModel::list_databases},
      {"drop", &CatalogModel::drop_collection},
      {"dropDatabase", &CatalogModel::drop_database},
      {"find", &CatalogModel::find},
      {"count", &CatalogModel::count},
      {"aggregate", &CatalogModel::aggregate},
      {"insert", &CatalogModel::insert},
      {"update", &CatalogModel::update},
      {"delete", &CatalogModel::remove},
      {"findAndModify", &CatalogModel::find_and_modify},
      {"findandmodify", &CatalogModel::find_and_modify},
  };
  return kTable;
}

bool CatalogModel::knows(std::string_view command) { return handlers().contains(command); }

Result<Doc> CatalogModel::run(const std::string& database, const Doc& command) {
  const auto first = command.first();
  if (!first) return fail(Code::kFailedToParse, "an empty command");
  const auto handler = handlers().find(first->key());
  if (handler == handlers().end()) {
    return fail(Code::kCommandNotFound, "no such command: '" + std::string(first->key()) + "'");
  }
  const Call call{database, std::string(first->text()), command};
  // document_validation_helpers.cpp of the server: also what is valid.
  const Collection* collection = command.truthy("bypassDocumentValidation") ? find_collection(call) : nullptr;
  if (collection != nullptr && insists_on_validation(collection->options)) {
    return fail(Code::kBadValue, "bypassDocumentValidation is not allowed on " + call.full_name());
  }
  return (this->*handler->second)(call);
}

Result<Doc> first_duplicate(const Doc& spec, const std::vector<Doc>& documents) {
  std::vector<Doc> seen;
  for (const Doc& document : documents) {
    const auto indexed = is_indexed(spec, document);
    if (!indexed) return tl::unexpected(indexed.error());
    if (!*indexed) continue;
    const Doc key = key_of(spec, document);
    if (std::ranges::any_of(seen, [&](const Doc& other) { return other.same(key); })) {
      return Doc().add("keyPattern", spec.document("key")).add("keyValue", key);
    }
    seen.push_back(key);
  }
  return Doc();
}

/// The documents of a collection, or of a view through its pipeline; none when it does not exist.
Result<std::vector<Doc>> CatalogModel::read(const Call& call, const Doc& filter) {
  const Collection* collection = find_collection(call);
  if (collection == nullptr) return std::vector<Doc>();
  Doc match;
  match.add("$match", filter);
  if (collection->type != "view") return run_pipeline(Doc::array_of(std::vector<Doc>{match}), collection->documents);
  auto source = read(Call{call.database, collection->options.text("viewOn"), call.command}, Doc());
  if (!source) return source;
  auto shown = run_pipeline(collection->options.document("pipeline"), std::move(*source));
  if (!shown) return shown;
  return run_pipeline(Doc::array_of(std::vector<Doc>{match}), std::move(*shown));
}

Result<Doc> CatalogModel::find(const Call& call) {
  auto found = read(call, call.command.document("filter"));
  if (!found) return tl::unexpected(found.error());
  return cursor_reply(call.full_name(), limited(std::move(*found), call.command));
}

Result<Doc> CatalogModel::count(const Call& call) {
  auto found = read(call, call.command.document("query"));
  if (!found) return tl::unexpected(found.error());
  return Doc().add("n", static_cast<std::int32_t>(limited(std::move(*found), call.command).size()));
}

Result<Doc> CatalogModel::aggregate(const Call& call) {
  auto source = read(call, Doc());
  if (!source) return tl::unexpected(source.error());
  const auto rows = run_pipeline(call.command.document("pipeline"), std::move(*source));
  if (!rows) return tl::unexpected(rows.error());
  return cursor_reply(call.full_name(), *rows);
}

Result<void> CatalogModel::replace_one(const Call& call, Collection& collection, std::size_t at, Doc document) {
  std::vector<Doc> changed = collection.documents;
  changed[at] = std::move(document);
  for (const Doc& spec : collection.indexes) {
    // manual, "collMod", prepareUnique: new duplicates are refused as in a unique index.
    if (!is_id_index(spec) && !spec.truthy("unique") && !spec.truthy("prepareUnique")) continue;
    // The changed document last, so that what it collides with was there before.
    std::rotate(changed.begin() + static_cast<std::ptrdiff_t>(at),
                changed.begin() + static_cast<std::ptrdiff_t>(at) + 1, changed.end());
    const auto duplicate = first_duplicate(spec, changed);
    std::rotate(changed.begin() + static_cast<std::ptrdiff_t>(at), changed.end() - 1, changed.end());
    if (!duplicate) return tl::unexpected(duplicate.error());
    if (duplicate->empty()) continue;
    return fail(Code::kDuplicateKey,
                "E11000 duplicate key error collection: " + call.full_name() + " index: " + spec.text("name") +
                    " dup key: " + duplicate->document("keyValue").json(),
                *duplicate);
  }
  collection.documents = std::move(changed);
  return {};
}

Result<void> CatalogModel::insert_one(const Call& call, Doc document) {
  Collection& collection = collection_for_writing(call);
  if (collection.type == "view") {
    return fail(Code::kCommandNotSupportedOnView, "Namespace " + call.full_name() + " is a view, not a collection");
  }
  if (!document.has("_id")) {
    Doc with_id;
    with_id.add_object_id("_id", next_id_++).add_all(document);
    document = with_id;
  }
  collection.documents.push_back(document);
  auto done = replace_one(call, collection, collection.documents.size() - 1, std::move(document));
  if (!done) collection.documents.pop_back();
  return done;
}

// manual, "insert", Output: a document that is refused is a writeError in a reply that is ok.
Result<Doc> CatalogModel::insert(const Call& call) {
  std::vector<Doc> errors;
  std::int32_t inserted = 0;
  std::int32_t index = 0;
  const auto ordered = call.command.find("ordered");
  for (const Doc& document : call.command.documents("documents")) {
    const auto done = insert_one(call, document);
    if (done) {
      ++inserted;
    } else {
      Doc error;
      error.add("index", index).add("code", static_cast<int>(done.error().code));
      errors.push_back(error.add_all(done.error().details).add("errmsg", done.error().message));
      if (!ordered || ordered->truthy()) break;
    }
    ++index;
  }
  Doc reply;
  reply.add("n", inserted);
  if (!errors.empty()) reply.add_array("writeErrors", Doc::array_of(errors));
  return reply;
}

/// One statement {q, u, multi, upsert}: {n, nModified, upserted?: {_id}, before?, after?}.
Result<Doc> CatalogModel::update_one(const Call& call, const Doc& statement) {
  const Doc filter = statement.document("q");
  const auto change = statement.find("u");
  if (!change) return fail(Code::kFailedToParse, "BSON field 'update.updates.u' is missing but a required field");
  std::int32_t matched = 0;
  std::int32_t modified = 0;
  Doc reply;
  if (Collection* collection = find_collection(call)) {
    for (std::size_t i = 0; i < collection->documents.size(); ++i) {
      const Doc before = collection->documents[i];
      const auto chosen = matches(filter, before);
      if (!chosen) return tl::unexpected(chosen.error());
      if (!*chosen) continue;
      auto after = apply_update(*change, before, false);
      if (!after) return after;
      if (const auto done = replace_one(call, *collection, i, *after); !done) return tl::unexpected(done.error());
      ++matched;
      if (!after->same(before)) ++modified;
      reply = Doc().add("before", before).add("after", *after);
      if (!statement.truthy("multi")) break;
    }
  }
  if (matched == 0 && statement.truthy("upsert")) {
    auto created = apply_update(*change, upsert_seed(filter), true);
    if (!created) return created;
    if (!created->has("_id")) created = Doc().add_object_id("_id", next_id_++).add_all(*created);
    if (const auto done = insert_one(call, *created); !done) return tl::unexpected(done.error());
    reply.add("upserted", Doc().add(*created->find("_id"))).add("after", *created);
    matched = 1;
  }
  return reply.add("n", matched).add("nModified", modified);
}

Result<Doc> CatalogModel::update(const Call& call) {
  std::int32_t matched = 0;
  std::int32_t modified = 0;
  std::int32_t index = 0;
  std::vector<Doc> upserted;
  std::vector<Doc> errors;
  for (const Doc& statement : call.command.documents("updates")) {
    const auto one = update_one(call, statement);
    if (one) {
      matched += static_cast<std::int32_t>(one->integer("n"));
      modified += static_cast<std::int32_t>(one->integer("nModified"));
      if (one->has("upserted")) upserted.push_back(Doc().add("index", index).add_all(one->document("upserted")));
    } else {
      Doc error;
      error.add("index", index).add("code", static_cast<int>(one.error().code));
      errors.push_back(error.add_all(one.error().details).add("errmsg", one.error().message));
      break;
    }
    ++index;
  }
  Doc reply;
  reply.add("n", matched).add("nModified", modified);
  if (!upserted.empty()) reply.add_array("upserted", Doc::array_of(upserted));
  if (!errors.empty()) reply.add_array("writeErrors", Doc::array_of(errors));
  return reply;
}

Result<Doc> CatalogModel::remove(const Call& call) {
  std::int32_t removed = 0;
  Collection* collection = find_collection(call);
  for (const Doc& statement : call.command.documents("deletes")) {
    if (collection == nullptr) break;
    const Doc filter = statement.document("q");
    for (std::size_t i = 0; i < collection->documents.size();) {
      const auto chosen = matches(filter, collection->documents[i]);
      if (!chosen) return tl::unexpected(chosen.error());
      if (!*chosen) {
        ++i;
        continue;
      }
      collection->documents.erase(collection->documents.begin() + static_cast<std::ptrdiff_t>(i));
      ++removed;
      if (statement.integer("limit") == 1) break;
    }
  }
  return Doc().add("n", removed);
}

// manual, "findAndModify": value is the document before, or after when `new`; null when nothing matched.
Result<Doc> CatalogModel::find_and_modify(const Call& call) {
  const Doc query = call.command.document("query");
  Doc last;
  std::optional<Doc> value;
  if (call.command.truthy("remove")) {
    const auto found = read(call, query);
    if (!found) return tl::unexpected(found.error());
    if (!found->empty()) {
      value = found->front();
      Collection* collection = find_collection(call);
      std::erase_if(collection->documents,
                    [&](const Doc& other) { return other.find("_id")->same(*value->find("_id")); });
    }
    last.add("n", value ? 1 : 0);
  } else {
    Doc statement;
    statement.add("q", query).add("upsert", call.command.truthy("upsert"));
    if (const auto change = call.command.find("update")) statement.add("u", *change);
    auto done = update_one(call, statement);
    if (!done) return done;
    last.add("n", static_cast<std::int32_t>(done->integer("n"))).add("updatedExisting", done->has("before"));
    const Doc upserted = done->document("upserted");
    if (const auto id = upserted.find("_id")) last.add("upserted", *id);
    const char* side = call.command.truthy("new") ? "after" : "before";
    if (done->has(side)) value = done->document(side);
  }
  Doc reply;
  reply.add("lastErrorObject", last);
  if (value) {
    reply.add("value", *value);
  } else {
    reply.add_null("value");
  }
  return reply;
}

}  // namespace readygate::scripted
