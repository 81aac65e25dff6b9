#include "core/ledger.h"

#include <algorithm>

namespace readygate::core {
namespace {

void add_owned(std::vector<Owns>& all, const Owns& made) {
  auto found = std::find_if(all.begin(), all.end(), [&](const Owns& o) { return o.collection == made.collection; });
  if (found == all.end()) {
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
  return applied.hash == bare_hash(schema) ? Standing::kApplied : Standing::kNotRaised;
}

bool may_open_on_newer(const Ledger& ledger, const schema::Schema& schema) {
  return !ledger.applied || schema.version >= ledger.applied->min_open;
}

Ledger with_applied(const std::optional<Ledger>& before, const schema::Schema& schema, const Signature& signature,
                    const std::vector<Owns>& made) {
  Ledger next = before.value_or(Ledger{});
  next.id = schema.name;
  next.rev = signature.rev;
  next.owner.reset();
  next.period_ms = signature.period.count();
  next.applied = Applied{schema.version,  bare_hash(schema), schema::kHashFormat,
                         schema.min_open, signature.at,      signature.instance_id};
  next.target.reset();
  next.step.clear();
  for (const Owns& owns : made) add_owned(next.owns, owns);
  return next;
}

}  // namespace readygate::core
