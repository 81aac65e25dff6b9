// What the scripted server holds: databases, their collections, views, indexes and documents, and the commands on them
// as functions from a document to a document. No sockets, no threads, no clock, no faults: those are elsewhere.
//
// Every rule follows the manual of MongoDB 7 to 9; the page is named where the rule is applied. Not here: enforcing
// validators, planning queries, transactions, sharding. Lists come back in one batch: no cursor is ever left open.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "scripted_server/failure.h"

namespace readygate::scripted {

/// Whether a command may run where the primary is not (manual, "Replica Set Read and Write Semantics").
enum class Access { kNone, kRead, kWrite };
Access access_of(std::string_view command);

class CatalogModel {
 public:
  enum class Deployment { kStandalone, kReplicaSet };
  explicit CatalogModel(Deployment deployment) : deployment_(deployment) {}

  static bool knows(std::string_view command);
  /// `command` is one of those it knows. The reply has no "ok" yet.
  Result<Doc> run(const std::string& database, const Doc& command);

  /// The indexes, as "db.collection.index", whose builds are not over; they are there, and listed.
  std::set<std::string, std::less<>> unfinished;
  int feature_version = 9;    // the major one of featureCompatibilityVersion
  bool hides_builds = false;  // listIndexes does not know includeBuildUUIDs
  /// Whether the command asks for an index that is being built: its answer comes when that is over.
  bool waits(const std::string& database, const Doc& command) const;

 private:
  struct Collection {
    std::string type = "collection";  // or "view", "timeseries", as listCollections says
    Doc options;
    std::array<std::uint8_t, 16> uuid{};
    std::vector<Doc> indexes;
    std::vector<Doc> documents;
  };
  using Database = std::map<std::string, Collection, std::less<>>;
  /// A command that names a collection, taken apart.
  struct Call {
    std::string database;
    std::string name;
    Doc command;
    std::string full_name() const { return database + "." + name; }
  };
  using Handler = Result<Doc> (CatalogModel::*)(const Call&);
  static const std::map<std::string_view, Handler>& handlers();

  // catalog_commands.cc
  Result<Doc> create(const Call& call);
  Result<Doc> create_indexes(const Call& call);
  Result<Doc> drop_indexes(const Call& call);
  Result<Doc> modify_collection(const Call& call);
  Result<Doc> list_collections(const Call& call);
  Result<Doc> list_indexes(const Call& call);
  Result<Doc> list_databases(const Call& call);
  Result<Doc> drop_collection(const Call& call);
  Result<Doc> drop_database(const Call& call);
  bool is_unfinished(const Call& call, const Doc& spec) const;
  Collection* find_collection(const Call& call);
  Collection& collection_for_writing(const Call& call);
  Collection& add_collection(const Call& call, std::string type, Doc options);
  Result<void> add_index(const Call& call, Collection& collection, const Doc& spec, bool& added) const;
  static Result<void> all_valid(const Collection& collection, const std::string& name);
  Result<Doc> modify_index(const Call& call, Collection& collection, const Doc& change);

  // data_commands.cc
  Result<Doc> find(const Call& call);
  Result<Doc> count(const Call& call);
  Result<Doc> aggregate(const Call& call);
  Result<Doc> insert(const Call& call);
  Result<Doc> update(const Call& call);
  Result<Doc> remove(const Call& call);
  Result<Doc> find_and_modify(const Call& call);
  Result<std::vector<Doc>> read(const Call& call, const Doc& filter);
  Result<Doc> update_one(const Call& call, const Doc& statement);
  Result<void> insert_one(const Call& call, Doc document);
  Result<void> replace_one(const Call& call, Collection& collection, std::size_t at, Doc document);

  Deployment deployment_;
  std::map<std::string, Database, std::less<>> databases_;
  std::uint32_t next_uuid_ = 1;  // counted, so that a test's transcript is the same every time
  std::uint32_t next_id_ = 1;
};

/// The first pair among `documents` that a unique index `spec` forbids, as {keyPattern, keyValue}; empty when there is
/// none. Arrays are compared whole: multikey uniqueness is not modelled.
Result<Doc> first_duplicate(const Doc& spec, const std::vector<Doc>& documents);

/// {cursor: {id: 0, ns, firstBatch}}
Doc cursor_reply(const std::string& namespace_name, const std::vector<Doc>& batch);

}  // namespace readygate::scripted
