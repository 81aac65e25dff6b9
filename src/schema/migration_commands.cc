// An allowed command is named here; a list of dangerous ones alone would never be complete.
// https://www.mongodb.com/docs/manual/core/transactions-operations/ says which run in a transaction.
#include "schema/migration_commands.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/json.h"
#include "base/suggest.h"
#include "schema/fields.h"

namespace readygate::schema {
namespace {

constexpr std::array kAllowed = {
    MigrationCommand{"insert", true, "adds documents"},
    MigrationCommand{"update", true, "changes documents; for very many use a batch"},
    MigrationCommand{"delete", true, "removes documents"},
    MigrationCommand{"findAndModify", true, "changes or removes one document"},
    MigrationCommand{"aggregate", false, "only with $merge as its last stage: writes what it computes to a collection"},
};

constexpr std::string_view kDeclareIt = "declare it in the schema file, where it is compared and verified";
constexpr std::string_view kByHand = "do that by hand, when no version of the application needs it any more";
constexpr std::string_view kOperator = "it is for an operator, not for a service's start";

constexpr std::array kRefused = {
    RefusedCommand{"drop", kByHand},
    RefusedCommand{"dropDatabase", kByHand},
    RefusedCommand{"renameCollection",
                   "copy with aggregate and $merge, so that the version before keeps its collection; drop it later"},
    RefusedCommand{"cloneCollectionAsCapped", kByHand},
    RefusedCommand{"convertToCapped", kByHand},
    RefusedCommand{"create", kDeclareIt},
    RefusedCommand{"createIndexes", kDeclareIt},
    RefusedCommand{"dropIndexes", kDeclareIt},
    RefusedCommand{"deleteIndexes", kDeclareIt},
    RefusedCommand{"collMod", kDeclareIt},
    RefusedCommand{"reIndex", kOperator},
    RefusedCommand{"compact", kOperator},
    RefusedCommand{"shutdown", kOperator},
    RefusedCommand{"fsync", kOperator},
    RefusedCommand{"killOp", kOperator},
    RefusedCommand{"setParameter", kOperator},
    RefusedCommand{"applyOps", kOperator},
    RefusedCommand{"replSetReconfig", kOperator},
    RefusedCommand{"replSetStepDown", kOperator},
    RefusedCommand{"createUser", kOperator},
    RefusedCommand{"dropUser", kOperator},
    RefusedCommand{"grantRolesToUser", kOperator},
};

// What readygate sets itself, and what would take a command out of the migration's hands.
constexpr std::array<std::string_view, 11> kOurs = {"writeConcern", "readConcern",     "comment",    "maxTimeMS",
                                                    "lsid",         "txnNumber",       "autocommit", "startTransaction",
                                                    "$db",          "$readPreference", "explain"};

std::string merge_mistake(const Document& command, std::span<const std::string_view> collections) {
  const std::optional<Field> pipeline = field(command, "pipeline");
  const std::optional<Document> stages =
      pipeline && pipeline->type() == BSON_TYPE_ARRAY ? pipeline->document() : std::nullopt;
  const std::vector<Field> all = stages ? fields(*stages) : std::vector<Field>{};
  for (const Field& each : all) {
    const std::optional<Document> stage = each.type() == BSON_TYPE_DOCUMENT ? each.document() : std::nullopt;
    if (stage && stage->has("$out")) return "must not use $out, which replaces a whole collection; use $merge";
  }
  const std::optional<Document> last = all.empty() ? std::nullopt : all.back().document();
  const std::optional<Field> merge = last ? field(*last, "$merge") : std::nullopt;
  if (!merge) return "must end in a $merge stage: an aggregation that only reads changes nothing";
  std::optional<std::string> into = merge->string();
  if (const std::optional<Document> spec = merge->document()) {
    const std::optional<Field> target = field(*spec, "into");
    into = target ? target->string() : std::nullopt;
    if (target && target->type() == BSON_TYPE_DOCUMENT) {
      return "must name the collection of $merge as a string: it is one of this schema's database";
    }
  }
  if (!into) return "must say into which collection $merge writes";
  return undeclared(*into, collections);
}

}  // namespace

std::span<const MigrationCommand> migration_commands() { return kAllowed; }
std::span<const RefusedCommand> refused_commands() { return kRefused; }

std::string undeclared(std::string_view collection, std::span<const std::string_view> collections) {
  if (std::find(collections.begin(), collections.end(), collection) != collections.end()) return {};
  return fmt::format("names the collection {}, which this schema does not declare{}", json_quote(collection),
                     did_you_mean(collection, collections));
}

std::string command_mistake(const Document& command, std::span<const std::string_view> collections) {
  const std::vector<Field> all = fields(command);
  if (all.empty()) return "must not be empty: its first field is the command's name";
  const std::string_view name = all.front().name();
  const auto refused =
      std::find_if(kRefused.begin(), kRefused.end(), [&](const RefusedCommand& each) { return each.name == name; });
  if (refused != kRefused.end()) {
    return fmt::format("must not be {}: {}", json_quote(name), refused->instead);
  }
  const auto allowed =
      std::find_if(kAllowed.begin(), kAllowed.end(), [&](const MigrationCommand& each) { return each.name == name; });
  if (allowed == kAllowed.end()) {
    std::vector<std::string_view> names;
    for (const MigrationCommand& each : kAllowed) names.push_back(each.name);
    return fmt::format("begins with {}, which is none of the commands of a migration{}: {}", json_quote(name),
                       did_you_mean(name, names), fmt::join(names, ", "));
  }
  for (const std::string_view ours : kOurs) {
    if (command.has(ours)) return fmt::format("must not hold {}: readygate sets it", json_quote(ours));
  }
  const std::optional<std::string> collection = all.front().string();
  if (!collection) return fmt::format("must give {} the name of a collection", json_quote(name));
  if (std::string wrong = undeclared(*collection, collections); !wrong.empty()) return wrong;
  return name == "aggregate" ? merge_mistake(command, collections) : std::string();
}

const MigrationCommand& migration_command(const Document& command) {
  const std::vector<Field> all = fields(command);
  const std::string_view name = all.empty() ? std::string_view() : all.front().name();
  const auto found =
      std::find_if(kAllowed.begin(), kAllowed.end(), [&](const MigrationCommand& each) { return each.name == name; });
  return found == kAllowed.end() ? kAllowed.back() : *found;
}

std::string collection_of(const Document& command) {
  const std::vector<Field> all = fields(command);
  return all.empty() ? std::string() : all.front().string().value_or("");
}

std::string merged_into(const Document& command) {
  const std::optional<Field> pipeline = field(command, "pipeline");
  const std::optional<Document> stages = pipeline ? pipeline->document() : std::nullopt;
  const std::vector<Field> all = stages ? fields(*stages) : std::vector<Field>{};
  const std::optional<Document> last = all.empty() ? std::nullopt : all.back().document();
  const std::optional<Field> merge = last ? field(*last, "$merge") : std::nullopt;
  if (!merge) return {};
  const std::optional<Document> spec = merge->type() == BSON_TYPE_DOCUMENT ? merge->document() : std::nullopt;
  const std::optional<Field> into = spec ? field(*spec, "into") : merge;
  return into ? into->string().value_or("") : std::string();
}

}  // namespace readygate::schema
