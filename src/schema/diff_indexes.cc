// A declared index is looked for by its name, then by what it is. What is replaced is dropped; whatever cannot stand
// beside it is built afterwards, everything else before.
#include <algorithm>
#include <array>
#include <iterator>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/json.h"
#include "schema/capabilities.h"
#include "schema/commands.h"
#include "schema/draft.h"
#include "schema/encryption.h"
#include "schema/honoured.h"
#include "schema/index_changes.h"
#include "schema/names.h"
#include "schema/normalise.h"

namespace readygate::schema {
namespace {

bool is_unique(const Index& index) { return index.options.has("unique"); }
bool is_text(const Index& index) { return kind_of(index.key) == IndexKind::kText; }

class IndexesDiff {
 public:
  IndexesDiff(const std::vector<Index>& wanted, Collated collated, Draft& draft)
      : wanted_(wanted), draft_(draft), collated_(collated), changes_(draft) {}

  void run() {
    if (draft_.live != nullptr) read();
    std::vector<const Index*> unnamed;
    for (const Index& index : wanted_) {
      if (!by_name(index)) unnamed.push_back(&index);
    }
    for (const Index* index : unnamed) {
      if (!by_signature(*index) && !beside_rival(*index)) missing_.push_back(*index);
    }
    unsharded();
    limit();
    hide_later();
    prove();
    build();
    replace();
    changes_.finish();
    std::move(late_.begin(), late_.end(), std::back_inserter(draft_.destructive));
    std::move(hidden_.begin(), hidden_.end(), std::back_inserter(draft_.destructive));
    extra();
  }

 private:
  struct Present {
    Index index;
    Build build = Build::kDone;
    bool incomplete = false;  // a shard lacks it
    // The server's own: on _id, what it makes for a time series, what encrypted fields need; or the shard key's.
    bool fixed = false;
    bool claimed = false;  // by a declared index
    bool dropped = false;  // to make place for a declared index
  };

  void read() {
    const std::optional<Sharding>& sharding = draft_.live->sharding;
    for (const CatalogIndex& index : draft_.live->indexes) {
      Present present{normalised(index.index), index.build};
      present.fixed = is_id_index(index.index) || is_series_index(present.index) || is_shard_index(present.index) ||
                      is_encryption_index(present.index);
      present.incomplete = sharding && std::find(sharding->incomplete.begin(), sharding->incomplete.end(),
                                                 present.index.name) != sharding->incomplete.end();
      present_.push_back(std::move(present));
    }
  }

  // Since 6.3 the server makes one on the meta and time fields of a time series by itself.
  bool is_series_index(const Index& index) const {
    const std::optional<Field> series = field(draft_.live->options, "timeseries");
    if (!series) return false;
    const Document how = *series->document();
    const std::vector<Field> key = fields(index.key);
    const std::optional<Field> meta = field(how, "metaField");
    const std::optional<Field> time = field(how, "timeField");
    return key.size() == 2 && meta && time && key[0].name() == meta->string() && key[1].name() == time->string();
  }

  bool is_encryption_index(const Index& index) const {
    return encrypts(draft_.live->options) && is_safe_content_index(index);
  }

  // One that begins with the shard key; where that could not be read, any may be it.
  bool is_shard_index(const Index& index) const {
    if (!draft_.live->sharding) return false;
    const std::vector<Field> shard = fields(draft_.live->sharding->key);
    const std::vector<Field> key = fields(index.key);
    return shard.size() <= key.size() &&
           std::equal(shard.begin(), shard.end(), key.begin(),
                      [](const Field& a, const Field& b) { return a.name() == b.name(); });
  }

  // ----------------------------------------------------------------------------------------- matching the two sides

  bool by_name(const Index& wanted) {
    const auto found = std::find_if(present_.begin(), present_.end(),
                                    [&](const Present& present) { return present.index.name == wanted.name; });
    if (found == present_.end()) return false;
    found->claimed = true;
    compare(wanted, *found);
    return true;
  }

  bool by_signature(const Index& wanted) {
    const auto found = std::find_if(present_.begin(), present_.end(), [&](const Present& present) {
      return !present.dropped && same_signature(wanted, present.index);
    });
    if (found == present_.end()) return false;
    found->claimed = true;
    const std::string old_name = found->index.name;
    compare(wanted, *found);
    if (!found->dropped) {
      draft_.finding(FindingKind::kOtherName, wanted.name, "name", json_quote(wanted.name), json_quote(old_name),
                     fmt::format("the index {} exists as {}; an index cannot be renamed, so that one serves",
                                 index_of(wanted.name, draft_), json_quote(old_name)));
    }
    return true;
  }

  // Whether the server takes both at once.
  bool can_coexist(const Index& a, const Index& b) const {
    if (a.name == b.name || same_signature(a, b) || (is_text(a) && is_text(b))) return false;
    return can_have_same_key_twice(draft_.server) || !same(a.key, b.key, FieldOrder::kMatters) ||
           !same_option("collation", field(a.options, "collation"), field(b.options, "collation"));
  }

  // One that is there, is something else, and has to go first.
  bool beside_rival(const Index& wanted) {
    const auto found = std::find_if(present_.begin(), present_.end(), [&](const Present& present) {
      return !present.dropped && !can_coexist(wanted, present.index);
    });
    if (found == present_.end()) return false;
    const bool goes = may_replace(*found) || (draft_.policy.extra_indexes == Policy::Extra::kDrop && is_ours(*found));
    if (goes && !found->claimed) {
      drop_for(wanted, *found);
      return true;
    }
    const std::string why = is_text(wanted) && is_text(found->index)
                                ? "a collection can have one text index"
                                : "before MongoDB 5.0 a collection can have one index of that key";
    draft_.conflict(wanted.name, "key", wanted.key.to_json(), found->index.key.to_json(),
                    fmt::format("the index {} cannot be built beside {}: {}; drop the other by hand",
                                index_of(wanted.name, draft_), json_quote(found->index.name), why));
    return true;
  }

  bool may_replace(const Present& present) const {
    return draft_.policy.conflict == Policy::Conflict::kReplace && !present.fixed && present.build != Build::kRunning;
  }

  // Made by this schema, and nobody else's business.
  bool is_ours(const Present& present) const {
    return !present.fixed && present.build != Build::kRunning && was_made(present.index.name);
  }
  bool was_made(const std::string& name) const {
    if (draft_.owns == nullptr) return false;
    const std::vector<std::string>& names = draft_.owns->indexes;
    return std::find(names.begin(), names.end(), name) != names.end();
  }

  void drop_for(const Index& wanted, Present& present) {
    present.dropped = true;
    replacements_.push_back({wanted, present.index});
    missing_.push_back(wanted);
  }

  // --------------------------------------------------------------------------------- an index that is there, changed

  void compare(const Index& wanted, Present& present) {
    const std::vector<std::string> differing = differences(wanted, present.index);
    if (differing.empty()) {
      if (present.build == Build::kRunning || present.incomplete) {
        wait_for(wanted, present);
      } else if (present.build == Build::kUnknown) {
        unproven_.push_back(again(wanted, present));
      }
      return;
    }
    const bool in_place =
        present.build != Build::kRunning && std::all_of(differing.begin(), differing.end(), [&](const std::string& o) {
          return (o != "unique" || can_be_unique(wanted)) && changes_.possible(o, wanted, present.index);
        });
    if (in_place) {
      changes_.change(wanted, present.index, differing);
    } else if (may_replace(present)) {
      drop_for(wanted, present);
    } else {
      contradict(wanted, present, differing);
    }
  }

  // As it is declared: the key of a text index is listed in a form that cannot be asked for.
  static Index again(const Index& wanted, const Present& present) {
    Index again = wanted;
    again.name = present.index.name;
    return again;
  }

  void wait_for(const Index& wanted, const Present& present) {
    building_.push_back(again(wanted, present));
    draft_.finding(
        FindingKind::kBuilding, wanted.name, "", "", "",
        fmt::format("the index {} {}", index_of(present.index.name, draft_),
                    present.build == Build::kRunning ? "is being built; asking for it again waits for it"
                                                     : "is not on every shard; asking for it again builds it there"));
  }

  void contradict(const Index& wanted, const Present& present, const std::vector<std::string>& differing) {
    const auto shown = [](const std::string& json) { return json.empty() ? std::string("absent") : json; };
    for (const std::string& option : differing) {
      const bool key = option == "key";
      const std::string asked = key ? wanted.key.to_json() : json_of(wanted.options, option);
      const std::string reported = key ? present.index.key.to_json() : json_of(present.index.options, option);
      draft_.conflict(
          wanted.name, option, asked, reported,
          fmt::format("the index {} has {} {} in the database and {} in the schema, which no change in place "
                      "can mend: drop it by hand, or declare it as it is",
                      index_of(present.index.name, draft_), option, shown(reported), shown(asked)));
    }
  }

  // ------------------------------------------------------------------------------------------------ what is missing

  // A unique index keeps its promise only when no two shards can hold the same key.
  bool can_be_unique(const Index& index) const {
    return draft_.live == nullptr || !draft_.live->sharding || is_shard_index(index);
  }

  void unsharded() {
    std::erase_if(missing_, [&](const Index& index) {
      if (!is_unique(index) || can_be_unique(index)) return false;
      draft_.conflict(
          index.name, "unique", "true", draft_.live->sharding->key.to_json(),
          fmt::format("the index {} cannot be unique: the collection is sharded by {}, and the key must begin "
                      "with that",
                      index_of(index.name, draft_), draft_.live->sharding->key.to_json()));
      return true;
    });
  }

  void hide_later() {
    if (!hides_only_later(draft_.server)) return;
    for (Index& index : missing_) {
      if (!index.options.has("hidden")) continue;
      index.options = without(index.options, {"hidden"});
      hidden_.push_back(changes_.visibility(index, IndexChanges::Visibility::kHidden));
    }
  }

  // Whether it can be built before what is replaced is dropped.
  bool is_late(const Index& index) const {
    return std::any_of(present_.begin(), present_.end(),
                       [&](const Present& present) { return present.dropped && !can_coexist(index, present.index); });
  }

  void limit() {
    const auto early =
        std::count_if(missing_.begin(), missing_.end(), [&](const Index& index) { return !is_late(index); });
    const std::size_t total = present_.size() + static_cast<std::size_t>(early);
    if (total <= kMaxIndexes || missing_.empty()) return;
    draft_.conflict("", "indexes", std::to_string(total), std::to_string(present_.size()),
                    fmt::format("{} would have {} indexes, and the server allows {}: drop some that are not declared",
                                json_quote(draft_.collection), total, kMaxIndexes));
  }

  Step create(const std::vector<Index>& indexes) const {
    std::vector<std::string> names;
    std::vector<Index> unique;
    for (const Index& index : indexes) {
      names.push_back(index.name);
      if (is_unique(index)) unique.push_back(index);
    }
    const std::string_view noun = indexes.size() > 1 ? "indexes" : unique.empty() ? "index" : "unique index";
    Step step = draft_.step(StepKind::kCreateIndexes, fmt::format("create {} {}", noun, fmt::join(names, ", ")),
                            create_indexes_command(draft_.collection, indexes, collated_));
    if (indexes.size() == 1) step.object = names.front();
    step.indexes = std::move(names);
    step.unique = std::move(unique);
    if (!draft_.known_empty()) step.cost = Cost::kScans;
    return step;
  }

  // Together: each has its build already, and none begins.
  void prove() {
    if (unproven_.empty()) return;
    std::vector<std::string> names;
    for (Index& index : unproven_) {
      names.push_back(index.name);
      // Such a server refuses to be asked for it, and takes the index without it for the same one.
      if (hides_only_later(draft_.server)) index.options = without(index.options, {"hidden"});
    }
    Step step = create(unproven_);
    step.kind = StepKind::kAwaitIndexes;
    step.what = fmt::format("wait until {} {} built", fmt::join(names, ", "), names.size() == 1 ? "is" : "are");
    step.cost = Cost::kInstant;
    draft_.unproven.push_back(std::move(step));
    draft_.finding(
        FindingKind::kUnproven, "", "", "", "",
        fmt::format("the server does not say which indexes of {} are still being built; an apply asks for {} "
                    "again, which waits for that",
                    json_quote(draft_.collection), fmt::join(names, ", ")));
  }

  // On a collection that holds documents, each new unique index goes alone: one that they contradict must not take its
  // siblings with it.
  void build() {
    std::vector<Index> together;
    std::vector<Index> alone;
    for (const Index& index : building_) {
      if (is_unique(index) && !draft_.known_empty()) {
        draft_.additive.push_back(create({index}));
      } else {
        together.push_back(index);
      }
    }
    for (const Index& index : missing_) {
      if (is_late(index)) continue;
      (is_unique(index) && !draft_.known_empty() ? alone : together).push_back(index);
    }
    if (!together.empty()) draft_.additive.push_back(create(together));
    for (const Index& index : alone) {
      // One that was there before and is gone is a repair: every version since has lived with it.
      const Effect effect = was_made(index.name) ? Effect::kExpand : Effect::kContract;
      changes_.find_duplicates(index, effect);
      Step step = create({index});
      step.effect = effect;
      draft_.additive.push_back(std::move(step));
    }
  }

  void replace() {
    for (const Replacement& each : replacements_) {
      const bool late = is_late(each.to);
      Step drop = changes_.drop(each.from,
                                fmt::format("drop index {}{}", each.from.name,
                                            late ? ", to build it again: no index (and no uniqueness) meanwhile" : ""));
      if (is_unique(each.to))
        changes_.find_duplicates(each.to, Effect::kContract);  // rather no new index than none at all
      late_.push_back(std::move(drop));
    }
    for (const Index& index : missing_) {
      if (!is_late(index)) continue;
      Step step = create({index});
      step.effect = Effect::kContract;
      for (const Replacement& each : replacements_) {
        if (each.to.name == index.name) step.changes = changes_between(each.from, each.to);
      }
      late_.push_back(std::move(step));
    }
  }

  static std::vector<Change> changes_between(const Index& from, const Index& to) {
    std::vector<Change> changes;
    for (const std::string& option : differences(to, from)) {
      if (option == "key") {
        changes.push_back({"key", from.key.to_json(), to.key.to_json()});
      } else {
        changes.push_back(change_of(option, from.options, to.options));
      }
    }
    return changes;
  }

  // ------------------------------------------------------------------------------------- what nobody declares

  void extra() {
    const Policy::Extra policy = draft_.policy.extra_indexes;
    for (const Present& present : present_) {
      if (present.claimed || present.dropped || is_id_index(present.index) || is_series_index(present.index) ||
          is_encryption_index(present.index)) {
        continue;
      }
      const std::string& name = present.index.name;
      const bool hidden = present.index.options.has("hidden");
      if (policy != Policy::Extra::kReport && is_ours(present) && (policy == Policy::Extra::kDrop || !hidden)) {
        draft_.destructive.push_back(lose(present.index));
        continue;
      }
      draft_.finding(FindingKind::kExtraIndex, name, "", "", present.index.key.to_json(),
                     fmt::format("the index {} is not declared; it is {}", index_of(name, draft_),
                                 hidden && is_ours(present) ? "hidden" : "left alone"));
    }
  }

  Step lose(const Index& present) const {
    if (draft_.policy.extra_indexes == Policy::Extra::kDrop) {
      return changes_.drop(present, fmt::format("drop index {}, which is not declared", present.name));
    }
    Step step = changes_.visibility(present, IndexChanges::Visibility::kHidden);
    step.what += ", which is not declared";
    return step;
  }

  struct Replacement {
    Index to;
    Index from;
  };

  const std::vector<Index>& wanted_;
  Draft& draft_;
  Collated collated_;
  IndexChanges changes_;
  std::vector<Present> present_;
  std::vector<Index> missing_;
  std::vector<Index> building_;
  std::vector<Index> unproven_;
  std::vector<Replacement> replacements_;
  std::vector<Step> hidden_;  // indexes that are made visible
  std::vector<Step> late_;    // drops of what is replaced, and what is built after them
};

}  // namespace

void diff_indexes(const std::vector<Index>& wanted, Collated collated, Draft& draft) {
  IndexesDiff(wanted, collated, draft).run();
}

}  // namespace readygate::schema
