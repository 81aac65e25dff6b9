#include "core/ledger.h"

#include <algorithm>

#include <fmt/format.h>

namespace readygate::core {
namespace {

void add_owned(std::vector<Owns>& all, const Owns& made) {
  Owns* found = schema::find_owned(all, made.collection);
  if (found == nullptr) {
    all.push_back(made);
    return;
  }
  found->created = found->created || made.created;
  for (const std::string& index : made.indexes) {
    if (std::find(found->indexes.begin(), found->indexes.end(), index) == found->indexes.end()) {
      found->indexes.push_back(index);
    }
  }
}

}  // namespace

std::string bare_hash(const schema::Schema& schema) {
  const auto colon = schema.hash.find(':');
  return colon == std::string::npos ? schema.hash : schema.hash.substr(colon + 1);
}

Standing standing(const std::optional<Ledger>& ledger, const schema::Schema& schema) {
  if (!ledger) return Standing::kNeeded;
  if (ledger->target && ledger->target->version > schema.version) return Standing::kNewer;
  if (!ledger->applied) return Standing::kNeeded;
  const Applied& applied = *ledger->applied;
  if (applied.version > schema.version) return Standing::kNewer;
  if (applied.version < schema.version || applied.hash_format != schema::kHashFormat) return Standing::kNeeded;
  if (applied.hash != bare_hash(schema)) return Standing::kNotRaised;
  const bool more_to_do = applied.withheld > 0 && schema.policy.contract == schema::Policy::Contract::kApply;
  return more_to_do ? Standing::kNeeded : Standing::kApplied;
}

std::optional<std::int32_t> withheld_steps(const std::optional<Ledger>& ledger) {
  return ledger && ledger->applied ? std::optional(ledger->applied->withheld) : std::nullopt;
}

std::string withheld_words(std::int32_t steps) {
  return fmt::format("{} step{} held back, because {} can break the version before and policy.contract is \"report\"",
                     steps, steps == 1 ? " is" : "s are", steps == 1 ? "it" : "they");
}

bool may_open_on_newer(const Ledger& ledger, const schema::Schema& schema) {
  return !ledger.applied || schema.version >= ledger.applied->min_open;
}

Applied applied_now(const schema::Schema& schema, const std::string& instance_id, WallTime wall) {
  Applied applied;
  applied.version = schema.version;
  applied.hash = bare_hash(schema);
  applied.hash_format = schema::kHashFormat;
  applied.min_open = schema.min_open;
  applied.at = wall;
  applied.by = instance_id;
  return applied;
}

Target target_of(const schema::Schema& schema) { return {schema.version, bare_hash(schema), schema::kHashFormat}; }

std::vector<Owns> united(std::vector<Owns> before, const std::vector<Owns>& made) {
  for (const Owns& owns : made) add_owned(before, owns);
  return before;
}

std::vector<Owns> without(std::vector<Owns> before, const std::vector<Owns>& gone) {
  for (Owns& owns : before) {
    const Owns* dropped = schema::find_owned(gone, owns.collection);
    if (dropped == nullptr) continue;
    std::erase_if(owns.indexes, [&](const std::string& index) {
      return std::find(dropped->indexes.begin(), dropped->indexes.end(), index) != dropped->indexes.end();
    });
  }
  return before;
}

}  // namespace readygate::core
