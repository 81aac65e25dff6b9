#include "mongo/seed_collision.h"

#include <map>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "core/server_codes.h"
#include "schema/fields.h"

namespace readygate::mongo {

namespace {

using core::Failure;
using core::SeedCollision;
using schema::append;
using schema::Document;
using schema::Field;

// FerretDB passes on what its engine calls an internal error.
constexpr int kInternalError = 1;

// "… collection: shop.users index: username_1 dup key: …" of MongoDB, "… Index 'username_1'" of FerretDB.
bool names(const Failure& failure, std::string_view index) {
  const std::string_view words = failure.message;
  if (words.find(fmt::format("'{}'", index)) != std::string_view::npos) return true;
  const std::string plain = fmt::format("index: {}", index);
  for (auto at = words.find(plain); at != std::string_view::npos; at = words.find(plain, at + 1)) {
    const auto end = at + plain.size();
    if (end == words.size() || words[end] == ' ') return true;
  }
  return false;
}

struct UniqueIndex {
  std::string name;
  Document key;
  std::optional<Document> collation;
  std::optional<Document> only;  // partialFilterExpression
};

std::vector<UniqueIndex> unique_indexes(Fenced& fenced, const std::string& collection) {
  Document command;
  append(command, "listIndexes", collection);
  const auto listed = fenced.find(std::move(command));
  std::vector<UniqueIndex> indexes;
  for (const Document& each : listed.value_or(std::vector<Document>{})) {
    const auto unique = schema::field(each, "unique");
    const auto prepared = schema::field(each, "prepareUnique");
    const auto name = schema::field(each, "name");
    const auto key = schema::field(each, "key");
    if (!name || !name->string() || *name->string() == "_id_" || !key || !key->document()) continue;
    if (!(unique && unique->truthy()) && !(prepared && prepared->truthy())) continue;
    const auto part = [&](std::string_view which) {
      const auto value = schema::field(each, which);
      return value ? value->document() : std::nullopt;
    };
    indexes.push_back({*name->string(), *key->document(), part("collation"), part("partialFilterExpression")});
  }
  return indexes;
}

// The condition that a value of the path is what the document has there, as the index sees it.
Document same_value(const Document& document, std::string_view path) {
  Document condition;
  const auto dot = path.find('.');
  const auto value = schema::field(document, path.substr(0, dot));
  if (dot != std::string_view::npos && value && value->type() == BSON_TYPE_DOCUMENT) {
    return same_value(*value->document(), path.substr(dot + 1));
  }
  if (dot != std::string_view::npos || !value) {
    bson_append_null(condition.get(), "$eq", -1);
  } else if (value->type() == BSON_TYPE_ARRAY) {
    append(condition, "$in", *value);  // each element is a key of its own
  } else {
    append(condition, "$eq", *value);
  }
  return condition;
}

Document first_of(const std::string& collection, const Document& filter) {
  Document command;
  append(command, "find", collection);
  append(command, "filter", filter);
  append(command, "limit", 1);
  append(command, "singleBatch", true);
  return command;
}

// The document as the seed makes it: `merge` leaves the fields that it does not name.
Document as_written(Fenced& fenced, const core::RunSeed& work, const Document& document, const Field& id) {
  if (work.mode != schema::Seed::Mode::kMerge) return document;
  Document filter;
  append(filter, id);
  const auto found = fenced.find(first_of(work.collection, filter));
  if (!found || found->empty()) return document;
  Document whole = document;
  for (const Field& each : schema::fields(found->front())) {
    if (!document.has(each.name())) append(whole, each);
  }
  return whole;
}

// The _id of another document that has the key, as JSON.
std::optional<std::string> other_with(Fenced& fenced, const std::string& collection, const UniqueIndex& index,
                                      const Document& document, const Field& id) {
  Document another;
  append(another, "$ne", id);
  Document filter;
  append(filter, "_id", another);
  for (const Field& part : schema::fields(index.key)) {
    append(filter, part.name(), same_value(document, part.name()));
  }
  Document all;
  append(all, "$and", index.only ? std::vector<Document>{filter, *index.only} : std::vector<Document>{filter});
  Document projection;
  append(projection, "_id", 1);
  Document command = first_of(collection, all);
  append(command, "projection", projection);
  if (index.collation) append(command, "collation", *index.collation);
  const auto found = fenced.find(std::move(command));
  if (!found || found->empty()) return std::nullopt;
  const auto other = schema::field(found->front(), "_id");
  return other ? std::optional(other->to_json()) : std::nullopt;
}

// Two documents of the seed itself. What was written of it is taken back, where there is a transaction.
std::optional<SeedCollision> among_themselves(const std::vector<Document>& documents, const UniqueIndex& index) {
  std::map<std::string, std::string> seen;  // by key: the _id
  for (const Document& document : documents) {
    const auto id = schema::field(document, "_id");
    std::string key;
    for (const Field& part : schema::fields(index.key)) key += same_value(document, part.name()).to_json() + '\n';
    const auto [first, fresh] = seen.try_emplace(key, id ? id->to_json() : "");
    if (!fresh && id) return SeedCollision{id->to_json(), index.name, index.key.to_json(), first->second, true};
  }
  return std::nullopt;
}

}  // namespace

bool is_duplicate_key(const Failure& failure) {
  return core::said(failure, core::code::kDuplicateKey) ||
         (core::said(failure, kInternalError) && failure.message.find("uplicate key") != std::string::npos);
}

bool is_race_for_id(const Failure& failure) { return is_duplicate_key(failure) && names(failure, "_id_"); }

std::optional<SeedCollision> find_collision(Fenced& fenced, const core::RunSeed& work,
                                            const std::vector<Document>& documents, const Failure& failure) {
  std::vector<UniqueIndex> indexes = unique_indexes(fenced, work.collection);
  std::vector<UniqueIndex> named;
  for (const UniqueIndex& index : indexes) {
    if (names(failure, index.name)) named.push_back(index);
  }
  if (!named.empty()) indexes = std::move(named);
  for (const Document& document : documents) {
    const auto id = schema::field(document, "_id");
    if (!id) continue;
    const Document whole = as_written(fenced, work, document, *id);
    for (const UniqueIndex& index : indexes) {
      if (auto other = other_with(fenced, work.collection, index, whole, *id)) {
        bool ours = false;
        for (const Document& each : work.docs) ours = ours || schema::field(each, "_id")->to_json() == *other;
        return SeedCollision{id->to_json(), index.name, index.key.to_json(), std::move(*other), ours};
      }
    }
  }
  for (const UniqueIndex& index : indexes) {
    if (auto twice = among_themselves(documents, index)) return twice;
  }
  // The server's word is enough for which key it is.
  if (indexes.size() == 1 && names(failure, indexes.front().name)) {
    return SeedCollision{"", indexes.front().name, indexes.front().key.to_json(), "", false};
  }
  return std::nullopt;
}

}  // namespace readygate::mongo
