#include "schema/index_changes.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "schema/capabilities.h"
#include "schema/commands.h"
#include "schema/duplicates.h"
#include "schema/fields.h"

namespace readygate::schema {
namespace {

constexpr std::string_view kExpire = "expireAfterSeconds";
constexpr std::string_view kPrepareUnique = "prepareUnique";

}  // namespace

bool IndexChanges::possible(std::string_view option, const Index& wanted, const Index& present) const {
  if (option == kExpire) {
    return wanted.options.has(kExpire) && (present.options.has(kExpire) || can_become_ttl(draft_.server));
  }
  if (option == "hidden") return can_hide(draft_.server);
  if (option == "unique") return wanted.options.has("unique") && can_make_unique(draft_.server);
  return option == kPrepareUnique;
}

Step IndexChanges::step(StepKind kind, const Index& present, std::string what, Document command,
                        std::vector<Change> changes) const {
  Step made = draft_.step(kind, std::move(what), std::move(command));
  made.object = present.name;
  made.changes = std::move(changes);
  return made;
}

void IndexChanges::change(const Index& wanted, const Index& present, const std::vector<std::string>& differing) {
  const auto differs = [&](std::string_view option) {
    return std::find(differing.begin(), differing.end(), option) != differing.end();
  };
  if (differs("hidden")) {
    const bool hidden = wanted.options.has("hidden");
    (hidden ? losses_ : gains_).push_back(visibility(present, hidden ? Visibility::kHidden : Visibility::kShown));
  }
  if (differs(kExpire)) expire(wanted, present);
  const bool converts = differs("unique") && may_make_unique();
  // What an attempt left behind that nobody continues refuses the application's writes for ever.
  if (present.options.has(kPrepareUnique) && !converts) {
    gains_.push_back(step(StepKind::kResetUnique, present,
                          fmt::format("let {} take duplicates again (prepareUnique off)", present.name),
                          modify_index_command(draft_.collection, present.name, kPrepareUnique, false),
                          {{std::string(kPrepareUnique), "true", ""}}));
  }
  if (differs("unique")) make_unique(present);
}

Step IndexChanges::visibility(const Index& present, Visibility visibility) const {
  const bool hidden = visibility == Visibility::kHidden;
  Step made = step(hidden ? StepKind::kHideIndex : StepKind::kUnhideIndex, present,
                   fmt::format("{} index {}", hidden ? "hide" : "unhide", present.name),
                   modify_index_command(draft_.collection, present.name, "hidden", hidden),
                   {{"hidden", hidden ? "" : "true", hidden ? "true" : ""}});
  made.destructive = hidden;
  return made;
}

void IndexChanges::expire(const Index& wanted, const Index& present) {
  const std::int64_t seconds = field(wanted.options, kExpire)->integer().value_or(0);
  const std::optional<Field> before = field(present.options, kExpire);
  Step made = step(StepKind::kModifyIndex, present,
                   fmt::format("set expireAfterSeconds of {} to {}, was {}", present.name, seconds,
                               before ? before->to_json() : "not set"),
                   modify_index_command(draft_.collection, present.name, kExpire, seconds),
                   {change_of(kExpire, present.options, wanted.options)});
  // Documents go sooner than they did.
  made.destructive = !before || !before->integer() || seconds < *before->integer();
  (made.destructive ? losses_ : gains_).push_back(std::move(made));
}

bool IndexChanges::may_make_unique() const {
  return draft_.policy.contract == Policy::Contract::kApply || draft_.known_empty();
}

void IndexChanges::make_unique(const Index& present) {
  Index unique = present;
  unique.options = without(present.options, {kPrepareUnique});
  append(unique.options, "unique", true);
  const auto contract = [&](Step made) {
    if (!draft_.known_empty()) made.effect = Effect::kContract;
    made.destructive = made.kind != StepKind::kTryUnique;
    made.unique = {unique};
    losses_.push_back(std::move(made));
  };
  // An earlier attempt may have come so far: then the dry run finds what there is to find, and mends it.
  if (!present.options.has(kPrepareUnique) || !may_make_unique()) {
    find_duplicates(unique, Effect::kContract);
    contract(step(StepKind::kPrepareUnique, present,
                  fmt::format("let {} refuse new duplicates (prepareUnique)", present.name),
                  modify_index_command(draft_.collection, present.name, kPrepareUnique, true),
                  {{std::string(kPrepareUnique), "", "true"}}));
  }
  Document dry = modify_index_command(draft_.collection, present.name, "unique", true);
  append(dry, "dryRun", true);
  Step attempt = step(StepKind::kTryUnique, present, fmt::format("dry run of making index {} unique", present.name),
                      std::move(dry), {});
  if (!draft_.known_empty()) attempt.cost = Cost::kScans;
  contract(std::move(attempt));
  Step make = step(StepKind::kMakeUnique, present, fmt::format("make index {} unique", present.name),
                   modify_index_command(draft_.collection, present.name, "unique", true), {{"unique", "", "true"}});
  if (!draft_.known_empty()) make.cost = Cost::kBlocksWrites;  // collMod holds the collection while it reads the index
  contract(std::move(make));
}

void IndexChanges::find_duplicates(const Index& unique, Effect effect) {
  const std::optional<DuplicateSearch> search = duplicate_search(draft_.collection, unique);
  if (!search || draft_.known_empty()) return;
  Step made = draft_.step(StepKind::kFindDuplicates,
                          fmt::format("look for documents that share a key of {}", unique.name), search->sample);
  made.object = unique.name;
  made.unique = {unique};
  made.cost = Cost::kScans;
  made.effect = effect;
  draft_.additive.push_back(std::move(made));
}

Step IndexChanges::drop(const Index& present, std::string what) const {
  Step made =
      step(StepKind::kDropIndex, present, std::move(what), drop_index_command(draft_.collection, present.name), {});
  made.effect = Effect::kContract;
  made.destructive = true;
  return made;
}

void IndexChanges::finish() {
  std::move(gains_.begin(), gains_.end(), std::back_inserter(draft_.additive));
  std::move(losses_.begin(), losses_.end(), std::back_inserter(draft_.destructive));
}

}  // namespace readygate::schema
