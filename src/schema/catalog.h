// What the database really is: one reading of listCollections and listIndexes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schema/document.h"
#include "schema/schema.h"

namespace readygate::schema {

// What is known of an index that is listed: kRunning is not there yet. Where a server does not tell the two apart, any
// may be either.
enum class Build { kDone, kRunning, kUnknown };

struct CatalogIndex {
  Index index;  // options as the server reports them, without v, ns, key, name, buildUUID
  Build build = Build::kDone;
};

// Of a sharded collection.
struct Sharding {
  Document key;                         // empty: it could not be read
  bool verified = false;                // every shard was asked for its indexes
  std::vector<std::string> incomplete;  // indexes that a shard lacks
};

struct CatalogCollection {
  std::string name;
  std::string type;  // "collection", "view", "timeseries"
  Document options;
  std::vector<CatalogIndex> indexes;
  std::optional<std::int64_t> documents = std::nullopt;  // estimated, but for 0, which is exact; none: not known
  std::optional<Sharding> sharding = std::nullopt;
};

// Who answers: what a product is known not to honour depends on it.
struct Server {
  std::string product = "mongodb";  // "mongodb", "ferretdb", "documentdb", "cosmosdb", or what one calls itself
  std::string version;              // of the product: "8.0.4", "2.7.0"
  std::string topology;             // "standalone", "replicaset", "sharded"
  // Of a product that nothing is known of: which MongoDB it says that it is. It is treated as that one.
  std::string mongodb_version = {};
};
std::string shown(const Server& server);  // "mongodb 8.0.4", "secantus 0.7.0 (as MongoDB 8.2.11)"

// A collection or view that the ledger of another schema of this database says was made by that one.
struct ForeignOwner {
  std::string collection;
  std::string schema;
};

struct Catalog {
  Server server;
  std::vector<CatalogCollection> collections;
  std::vector<ForeignOwner> owned_elsewhere = {};  // of the declared ones
  const CatalogCollection* find(std::string_view name) const;
  const ForeignOwner* owner(std::string_view collection) const;  // null: no other schema made it
};

// Every collection and view that the schema declares, and those that go along with encrypted fields: what there is to
// read, and to own.
std::vector<std::string> declared_names(const Schema& schema);
// Every collection whose documents a seed or migration writes, once.
std::vector<std::string> written_names(const Schema& schema);
// Both, once each.
std::vector<std::string> touched_names(const Schema& schema);

// From the documents that the server sends. A field of the wrong type is kInternal: the server is not what it says.
Result<CatalogCollection> collection_from(const Document& list_collections_entry);
Result<CatalogIndex> index_from(const Document& list_indexes_entry);

}  // namespace readygate::schema
