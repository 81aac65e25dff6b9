// plan = diff(schema, catalog): the steps that lead from what is to what is declared, and what was found on the way.
// Pure. An applied plan leads to an empty one; a test of every option holds it to that.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schema/catalog.h"
#include "schema/owns.h"
#include "schema/schema.h"

namespace readygate::schema {

// In what order the steps of one collection come is the planner's decision: those that only add first. From its first
// destructive step on, everything of a collection belongs to the second half of an apply (an index that is dropped and
// built again is built there).
enum class StepKind {
  kCreateCollection,
  kCreateView,
  kFindDuplicates,     // an aggregation: fails when documents share a key of an index that is to be unique
  kCreateIndexes,      // of one collection, in one command
  kAwaitIndexes,       // createIndexes of what is listed already: the server answers once it is built
  kModifyIndex,        // collMod: expireAfterSeconds
  kUnhideIndex,        // collMod: hidden = false
  kHideIndex,          // collMod: hidden = true
  kDropIndex,          // dropIndexes
  kPrepareUnique,      // collMod: prepareUnique = true; the server refuses new duplicates from here on
  kTryUnique,          // collMod: unique = true as a dry run; takes prepareUnique back when documents contradict
  kMakeUnique,         // collMod: unique = true; likewise
  kResetUnique,        // collMod: prepareUnique = false, which an earlier attempt left behind
  kFindViolations,     // a find: fails when documents violate a validator that is to be a constraint
  kPrepareConstraint,  // collMod: prepareConstraintValidationLevel = true; the server refuses to bypass validation
  kMakeConstraint,     // collMod: validationLevel = "constraint"; takes the preparation back when documents violate it
  kResetConstraint,    // collMod: prepareConstraintValidationLevel = false
  kModifyCollection,   // collMod: expireAfterSeconds, capped size, time series, pre-images
  kSetValidator,       // collMod: validator, its level and action
  kModifyView,         // collMod
};
std::string_view name(StepKind kind);  // "create_collection", …

// Whether the application's version before keeps working once the step is done.
enum class Effect {
  kExpand,
  kContract,  // may break it: only with policy.contract = "apply"
};
std::string_view name(Effect effect);  // "expand", "contract"

// What the step costs the server.
enum class Cost {
  kInstant,       // its time does not grow with the collection
  kScans,         // reads every document of the collection, while others read and write
  kBlocksWrites,  // writes to the collection wait until it is done
};
std::string_view name(Cost cost);  // "instant", "scans", "blocks_writes"

// One option that a step changes: relaxed Extended JSON on both sides, "" where it is absent.
struct Change {
  std::string option;  // as the server knows it: "expireAfterSeconds", "validator", …
  std::string from;
  std::string to;
};

struct Step {
  StepKind kind;
  std::string collection;            // or view
  std::string what;                  // for people: "create indexes portfolio_asof, external_id"
  Document command;                  // complete but for writeConcern, comment and maxTimeMS, which the executor adds
  std::vector<std::string> indexes;  // names of the indexes that it builds
  // Unique indexes that it builds, or that the index which it changes is to become: a failure is explained by the
  // documents that contradict them.
  std::vector<Index> unique;
  std::string object = {};  // the index that it changes or drops, or ""
  std::vector<Change> changes = {};
  Effect effect = Effect::kExpand;
  // Takes something away, so that a late one could undo a successor's work: sent last, after a fresh renewal of the
  // lease, with maxTimeMS = what is left of it.
  bool destructive = false;
  Cost cost = Cost::kInstant;
  std::optional<std::int64_t> documents = std::nullopt;  // estimated, of the collection; none: not known
  // The collection for whose sake this one is made: its own steps come after. "": none.
  std::string serves = {};
  // What names the documents that a validator which becomes a constraint is refused for; empty: it is about none.
  Document search = {};

  // Steps that have this in common are carried out in their order.
  const std::string& lane() const { return serves.empty() ? collection : serves; }
};

enum class FindingKind {
  kExtraIndex,         // in the database, not declared: policy.extra_indexes decides
  kOtherName,          // a declared index exists under another name: satisfied, reported
  kConflict,           // contradicts, and no step may or can mend it: fails
  kBuilding,           // a declared index is being built: the step that asks for it again waits for it
  kUnproven,           // the server does not say whether declared indexes that it lists are built: Plan::unproven
  kNotHonoured,        // the server says yes and does otherwise: policy.not_honoured decides
  kShardedUnverified,  // of a sharded collection, whose shards could not be asked one by one
  kPrepared,           // on its way to a constraint, which nobody declares: left alone
  kOwnedElsewhere,     // another schema of the database made it: nothing is planned for it, and it fails
};
std::string_view name(FindingKind kind);
// Whether no apply makes the database what is declared.
bool in_the_way(FindingKind kind);

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
  std::vector<Step> steps;     // those of one lane() in their order; different ones may run in parallel
  std::vector<Step> withheld;  // contract steps that policy.contract = "report" keeps back
  // kAwaitIndexes, where Build::kUnknown leaves open what is there. They change nothing: an apply does them first, and
  // who may only read leaves it open.
  std::vector<Step> unproven;
  std::vector<Finding> findings;

  bool empty() const { return steps.empty(); }
  const Finding* first(FindingKind kind) const;
};

// `owns` is what the ledger says that this schema made: nothing else is ever hidden or dropped for being extra. Without
// the documents of a collection counted (CatalogCollection::documents), it is taken to hold some.
Plan diff(const Schema& schema, const Catalog& catalog, const std::vector<Owns>& owns = {});

// For a terminal: one line per step and finding with a sign before it; in full, also what each step costs, and below it
// the options that change. Colour only when asked for. What the signs mean is in docs/operations.md.
enum class Colour { kOff, kOn };
enum class Detail { kLines, kFull };
std::string render_text(const Plan& plan, Colour colour, Detail detail = Detail::kLines);
// {"v":1,"changes":n,"steps":[…],"withheld":[…],"findings":[…],"missing_privileges":…}: docs/plan.schema.json.
// `missing_privileges`: a JSON array (privileges.h), or none where the server says nothing of them. `server`: null
// where the plan is against a file.
std::string render_json(const Plan& plan, const std::optional<std::string>& missing_privileges = std::nullopt,
                        const Server* server = nullptr);

}  // namespace readygate::schema
