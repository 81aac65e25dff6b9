#include "mongo/catalog_reader.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/printable.h"
#include "core/server_codes.h"
#include "mongo/commands.h"
#include "mongo/shard_reader.h"

namespace readygate::mongo {

namespace {

using core::Doing;
using core::Domain;
using core::Failure;
using Documents = std::vector<schema::Document>;

Failure strange(const Error& error) { return Failure{Domain::kOther, 0, Doing::kReadCatalog, error.message, {}}; }

// Every document of a cursor; none when its collection is not there.
tl::expected<Documents, Failure> drain(Client& client, CursorHandle cursor) {
  const std::int64_t started = bson_get_monotonic_time();
  Documents documents;
  const bson_t* document = nullptr;
  while (mongoc_cursor_next(cursor.get(), &document)) documents.emplace_back(*document);
  bson_error_t error{};
  const bson_t* reply = nullptr;
  if (mongoc_cursor_error_document(cursor.get(), &error, &reply)) {
    const Millis elapsed((bson_get_monotonic_time() - started) / 1000);
    Failure failure = client.failure(error, reply, Doing::kReadCatalog, elapsed);
    if (core::said(failure, core::code::kNamespaceNotFound)) return Documents{};
    return tl::unexpected(std::move(failure));
  }
  client.worked();
  return documents;
}

tl::expected<Documents, Failure> list_collections(Client& client, const std::string& database,
                                                  const std::vector<std::string>& names) {
  schema::Document options;
  bson_t filter;
  bson_t name;
  bson_t in;
  BSON_APPEND_DOCUMENT_BEGIN(options.get(), "filter", &filter);
  BSON_APPEND_DOCUMENT_BEGIN(&filter, "name", &name);
  BSON_APPEND_ARRAY_BEGIN(&name, "$in", &in);
  for (std::size_t i = 0; i < names.size(); ++i) BSON_APPEND_UTF8(&in, std::to_string(i).c_str(), names[i].c_str());
  bson_append_array_end(&name, &in);
  bson_append_document_end(&filter, &name);
  bson_append_document_end(options.get(), &filter);
  const DatabaseHandle handle{mongoc_client_get_database(client.get(), database.c_str())};
  return drain(client, CursorHandle{mongoc_database_find_collections_with_opts(handle.get(), options.get())});
}

enum class Builds { kShown, kHidden };

tl::expected<Documents, Failure> list_indexes(Client& client, const std::string& database, const std::string& name,
                                              Builds builds) {
  schema::Document options;
  if (builds == Builds::kShown) BSON_APPEND_BOOL(options.get(), "includeBuildUUIDs", true);
  const CollectionHandle handle{mongoc_client_get_collection(client.get(), database.c_str(), name.c_str())};
  return drain(client, CursorHandle{mongoc_collection_find_indexes_with_opts(handle.get(), options.get())});
}

// Servers that do not know the option say so in different ways: FailedToParse, InvalidOptions, IDLUnknownField.
bool option_unknown(const Failure& failure) {
  return core::said(failure, 9) || core::said(failure, 72) || core::said(failure, 40415);
}

std::string utf8_field(const bson_t& document, const char* field) {
  bson_iter_t iter;
  bson_iter_t found;
  if (!bson_iter_init(&iter, &document) || !bson_iter_find_descendant(&iter, field, &found) ||
      !BSON_ITER_HOLDS_UTF8(&found)) {
    return "";
  }
  return bson_iter_utf8(&found, nullptr);
}

// What the collection's own statistics say: no scan, and not exact after a crash (manual, "count"). Whether there is
// anything at all decides what may be done, so a zero is looked at. None: the server does not say. One that is
// overloaded would say it later.
tl::expected<std::optional<std::int64_t>, Failure> estimated_count(Client& client, const std::string& database,
                                                                   const std::string& name) {
  schema::Document command;
  BSON_APPEND_UTF8(command.get(), "count", name.c_str());
  const auto reply = run(client, Sort::kRead, database, command.get(), nullptr, Doing::kReadCatalog);
  if (!reply && core::overloaded(reply.error())) return tl::unexpected(reply.error());
  bson_iter_t n;
  if (!reply || !bson_iter_init_find(&n, reply->get(), "n") || !BSON_ITER_HOLDS_NUMBER(&n)) return std::nullopt;
  if (bson_iter_as_int64(&n) > 0) return bson_iter_as_int64(&n);
  schema::Document find;
  BSON_APPEND_UTF8(find.get(), "find", name.c_str());
  BSON_APPEND_INT32(find.get(), "limit", 1);
  BSON_APPEND_BOOL(find.get(), "singleBatch", true);
  const auto found = run(client, Sort::kRead, database, find.get(), nullptr, Doing::kReadCatalog);
  if (!found && core::overloaded(found.error())) return tl::unexpected(found.error());
  const auto batch = found ? first_batch(*found) : std::nullopt;
  if (!batch || !batch->documents.empty()) return std::nullopt;
  return 0;
}

constexpr std::size_t kLongestName = 64;  // bytes of a product's name or version that are shown

struct OwnName {
  std::string product;
  std::string version;
};

// How a product that is no MongoDB calls itself in its answer to buildInfo: "secantusVersion": "0.7.0" or, as FerretDB
// does, "name": { "version": "…" }. MongoDB's own answer has neither.
std::optional<OwnName> own_name(const bson_t& build_info) {
  constexpr std::string_view kVersion = "Version";
  bson_iter_t field;
  if (!bson_iter_init(&field, &build_info)) return std::nullopt;
  while (bson_iter_next(&field)) {
    const std::string_view key = bson_iter_key(&field);
    std::string product(key);
    std::string version;
    bson_iter_t inner;
    if (BSON_ITER_HOLDS_UTF8(&field) && key.ends_with(kVersion) && key != "gitVersion") {
      product.resize(key.size() - kVersion.size());
      version = bson_iter_utf8(&field, nullptr);
    } else if (BSON_ITER_HOLDS_DOCUMENT(&field) && bson_iter_recurse(&field, &inner) &&
               bson_iter_find(&inner, "version") && BSON_ITER_HOLDS_UTF8(&inner)) {
      version = bson_iter_utf8(&inner, nullptr);
    }
    if (!product.empty() && !version.empty()) return OwnName{std::move(product), std::move(version)};
  }
  return std::nullopt;
}

}  // namespace

tl::expected<std::vector<std::string>, Failure> collection_names(Client& client, const std::string& database) {
  schema::Document options;
  BSON_APPEND_BOOL(options.get(), "nameOnly", true);
  const DatabaseHandle handle{mongoc_client_get_database(client.get(), database.c_str())};
  auto listed = drain(client, CursorHandle{mongoc_database_find_collections_with_opts(handle.get(), options.get())});
  if (!listed) return tl::unexpected(std::move(listed.error()));
  std::vector<std::string> names;
  for (const schema::Document& entry : *listed) names.push_back(utf8_field(*entry.get(), "name"));
  return names;
}

schema::Server server_from(const bson_t& build_info, const std::string& hosts, const std::string& topology) {
  schema::Server server;
  server.topology = topology;
  server.version = utf8_field(build_info, "version");
  if (std::string version = utf8_field(build_info, "ferretdb.version"); !version.empty()) {
    server.product = "ferretdb";
    server.version = version.starts_with('v') ? version.substr(1) : version;
  } else if (hosts.find(".docdb.amazonaws.com") != std::string::npos ||
             hosts.find(".docdb-elastic.amazonaws.com") != std::string::npos) {
    server.product = "documentdb";
  } else if (hosts.find(".cosmos.azure.com") != std::string::npos) {
    server.product = "cosmosdb";
  } else if (const auto own = own_name(build_info)) {
    server.mongodb_version = std::move(server.version);
    server.product = shortened(printable(own->product), kLongestName);
    server.version = shortened(printable(own->version), kLongestName);
  }
  return server;
}

tl::expected<core::CatalogRead, Failure> read_catalog(Client& client, const std::string& database,
                                                      const core::ReadCatalog& work) {
  const std::vector<std::string>& collections = work.collections;
  core::CatalogRead read;
  if (work.part == core::ReadCatalog::Part::kNames) {
    auto all = collection_names(client, database);
    if (!all) return tl::unexpected(std::move(all.error()));
    std::copy_if(all->begin(), all->end(), std::back_inserter(read.names), [&](const std::string& name) {
      return std::find(collections.begin(), collections.end(), name) != collections.end();
    });
    return read;
  }
  if (work.rest()) {
    schema::Document build_info;
    BSON_APPEND_INT32(build_info.get(), "buildInfo", 1);
    auto info = run(client, Sort::kPlain, "admin", build_info.get(), nullptr, Doing::kReadCatalog);
    if (!info) return tl::unexpected(std::move(info.error()));
    read.catalog.server = server_from(*info->get(), client.pool().hosts(), client.pool().watch().topology());
    if (work.part == core::ReadCatalog::Part::kRest) return read;
  }
  const bool sharded = client.pool().watch().topology() == "sharded";

  auto listed = list_collections(client, database, collections);
  if (!listed) return tl::unexpected(std::move(listed.error()));
  Builds builds = client.pool().builds_are_hidden() ? Builds::kHidden : Builds::kShown;
  for (const schema::Document& entry : *listed) {
    auto collection = schema::collection_from(entry);
    if (!collection) return tl::unexpected(strange(collection.error()));
    // A server may not know the filter.
    if (std::find(collections.begin(), collections.end(), collection->name) == collections.end()) continue;
    if (collection->type != "view") {
      auto indexes = list_indexes(client, database, collection->name, builds);
      if (!indexes && builds == Builds::kShown && option_unknown(indexes.error())) {
        builds = Builds::kHidden;
        client.pool().hide_builds();
        indexes = list_indexes(client, database, collection->name, builds);
      }
      if (!indexes) return tl::unexpected(std::move(indexes.error()));
      if (indexes->empty() && collection->type == "collection") continue;  // every collection has _id_: it was dropped
      for (const schema::Document& index_entry : *indexes) {
        auto index = schema::index_from(index_entry);
        if (!index) return tl::unexpected(strange(index.error()));
        if (builds == Builds::kHidden) index->build = schema::Build::kUnknown;
        collection->indexes.push_back(std::move(*index));
      }
    }
    if (work.count && collection->type == "collection") {
      auto count = estimated_count(client, database, collection->name);
      if (!count) return tl::unexpected(std::move(count.error()));
      collection->documents = *count;
    }
    if (sharded && collection->type != "view") {
      auto sharding = read_sharding(client, database, collection->name);
      if (!sharding) return tl::unexpected(std::move(sharding.error()));
      collection->sharding = std::move(*sharding);
    }
    read.catalog.collections.push_back(std::move(*collection));
  }
  return read;
}

}  // namespace readygate::mongo
