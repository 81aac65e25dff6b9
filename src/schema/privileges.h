// What the user of the URI must be allowed to do, in one table (docs/mongodb.md shows it), and what of it a server says
// that the user may not.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "schema/catalog.h"
#include "schema/schema.h"

namespace readygate::schema {

enum class Purpose { kStart, kVerify, kApply, kDocuments, kProgress, kSharded, kProbe };
std::string_view name(Purpose purpose);     // "start", "verify", …: part of `plan --format json`
std::string_view meaning(Purpose purpose);  // a clause

enum class Scope {
  kLedger,       // the collection _readygate
  kDatabase,     // the database as a whole
  kCollections,  // each declared collection
  kListed,       // each declared collection, and those that go along with encrypted fields
  kDeclared,     // likewise, and each declared view
  kWritten,      // each collection that a seed or migration writes
  kRemoved,      // each collection that a migration deletes from
  kCluster,
  kShardCatalog,  // config.collections
  kScratch,       // the collection that plan --probe makes
};
std::string_view name(Scope scope);  // for people

// One line of the table.
struct Need {
  Purpose purpose;
  std::string_view actions;  // "find insert update"
  Scope scope;
  std::string_view without;  // what is lost without it; "": it does not go without
};
std::span<const Need> needs();

// https://www.mongodb.com/docs/manual/reference/resource-document/
struct Resource {
  std::string database;    // "": every one
  std::string collection;  // "": every one, but for system collections
  bool cluster = false;
  bool any = false;
  bool operator==(const Resource&) const = default;
};
struct Privilege {
  Resource resource;
  std::vector<std::string> actions;
};
// From the answer to connectionStatus with showPrivileges. None: it names no user, or no privileges.
std::optional<std::vector<Privilege>> privileges_from(const Document& connection_status);

struct Missing {
  Purpose purpose;
  std::vector<std::string> actions;
  Resource resource;
  std::string_view without;
};
enum class Probing { kNo, kYes };
// `server`: as far as it is known; the needs of a sharded cluster are those of one.
std::vector<Missing> missing_privileges(const std::vector<Privilege>& granted, const Schema& schema,
                                        const Server& server, Probing probing);

// For a terminal: a line for each purpose and set of actions.
std::string render_text(const std::vector<Missing>& missing);
// An array of {"for", "actions", "resource", "needed"}; the resource in the form of a role's definition.
std::string render_json(const std::vector<Missing>& missing);

// Names of scratch collections begin so.
inline constexpr std::string_view kScratchPrefix = "_readygate_probe_";

}  // namespace readygate::schema
