// The words of a plan: part of `plan --format json` and of the log, so they stay as they are.
#include "schema/plan.h"

#include <algorithm>

namespace readygate::schema {

std::string_view name(StepKind kind) {
  switch (kind) {
    case StepKind::kCreateCollection: return "create_collection";
    case StepKind::kCreateView: return "create_view";
    case StepKind::kFindDuplicates: return "find_duplicates";
    case StepKind::kCreateIndexes: return "create_indexes";
    case StepKind::kAwaitIndexes: return "await_indexes";
    case StepKind::kModifyIndex: return "modify_index";
    case StepKind::kUnhideIndex: return "unhide_index";
    case StepKind::kHideIndex: return "hide_index";
    case StepKind::kDropIndex: return "drop_index";
    case StepKind::kPrepareUnique: return "prepare_unique";
    case StepKind::kTryUnique: return "try_unique";
    case StepKind::kMakeUnique: return "make_unique";
    case StepKind::kResetUnique: return "reset_unique";
    case StepKind::kFindViolations: return "find_violations";
    case StepKind::kPrepareConstraint: return "prepare_constraint";
    case StepKind::kMakeConstraint: return "make_constraint";
    case StepKind::kResetConstraint: return "reset_constraint";
    case StepKind::kModifyCollection: return "modify_collection";
    case StepKind::kSetValidator: return "set_validator";
    case StepKind::kModifyView: return "modify_view";
  }
  return "";
}

std::string_view name(Effect effect) { return effect == Effect::kExpand ? "expand" : "contract"; }

std::string_view name(Cost cost) {
  switch (cost) {
    case Cost::kInstant: return "instant";
    case Cost::kScans: return "scans";
    case Cost::kBlocksWrites: return "blocks_writes";
  }
  return "";
}

std::string_view name(FindingKind kind) {
  switch (kind) {
    case FindingKind::kExtraIndex: return "extra_index";
    case FindingKind::kOtherName: return "other_name";
    case FindingKind::kConflict: return "conflict";
    case FindingKind::kBuilding: return "building";
    case FindingKind::kUnproven: return "unproven";
    case FindingKind::kNotHonoured: return "not_honoured";
    case FindingKind::kShardedUnverified: return "sharded_unverified";
    case FindingKind::kPrepared: return "prepared";
    case FindingKind::kOwnedElsewhere: return "owned_elsewhere";
  }
  return "";
}

bool in_the_way(FindingKind kind) {
  switch (kind) {
    case FindingKind::kConflict:
    case FindingKind::kNotHonoured:
    case FindingKind::kOwnedElsewhere: return true;
    case FindingKind::kExtraIndex:
    case FindingKind::kOtherName:
    case FindingKind::kBuilding:
    case FindingKind::kUnproven:
    case FindingKind::kShardedUnverified:
    case FindingKind::kPrepared: return false;
  }
  return false;
}

const Finding* Plan::first(FindingKind kind) const {
  const auto it =
      std::find_if(findings.begin(), findings.end(), [&](const Finding& each) { return each.kind == kind; });
  return it == findings.end() ? nullptr : &*it;
}

}  // namespace readygate::schema
