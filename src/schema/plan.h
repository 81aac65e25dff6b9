// plan = diff(schema, catalog): the steps that lead from what is to what is declared, and what was found on the way.
// Pure. An applied plan leads to an empty one; a test of every option holds it to that.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "schema/catalog.h"
#include "schema/schema.h"

namespace readygate::schema {

// Only additive steps exist so far: none takes anything away from the version of the application before.
enum class StepKind {
  kCreateCollection,
  kCreateIndexes,  // of one collection, in one command
  kModifyIndex,    // collMod: expireAfterSeconds
  kSetValidator,   // collMod
};
std::string_view name(StepKind kind);  // "create_collection", …

struct Step {
  StepKind kind;
  std::string collection;
  std::string what;                  // for people: "create indexes portfolio_asof, external_id"
  Document command;                  // complete but for writeConcern and comment, which the executor adds
  std::vector<std::string> indexes;  // names of the indexes that it builds
  std::vector<std::string> unique;   // unique indexes among those that it builds: looked at for duplicates on failure
};

enum class FindingKind {
  kExtraIndex,   // in the database, not declared: left alone, reported
  kOtherName,    // a declared index exists under another name: satisfied, reported
  kConflict,     // contradicts, and cannot be changed by an additive step: fails
  kBuilding,     // a declared index is being built: the step that asks for it again waits for it
  kNotHonoured,  // the server says yes and does otherwise: policy.not_honoured decides
};
std::string_view name(FindingKind kind);

struct Finding {
  FindingKind kind;
  std::string collection;
  std::string object;    // index name, or "" for the collection itself
  std::string option;    // "unique", "validator", …, or ""
  std::string asked;     // relaxed Extended JSON, or ""
  std::string reported;  // likewise
  std::string message;   // the sentence for people
};

struct Plan {
  std::vector<Step> steps;  // steps of one collection in their order; different collections may run in parallel
  std::vector<Finding> findings;

  bool empty() const { return steps.empty(); }
  const Finding* first(FindingKind kind) const;
};

Plan diff(const Schema& schema, const Catalog& catalog);

// For a terminal: one line per step and finding, "+", "~", "!" and "?" before them, colour only when asked for.
enum class Colour { kOff, kOn };
std::string render_text(const Plan& plan, Colour colour);
// {"v":1,"changes":n,"steps":[…],"findings":[…]}
std::string render_json(const Plan& plan);

}  // namespace readygate::schema
