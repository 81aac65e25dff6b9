// A declared index is looked for by name, then by what it is. What is there and equal needs nothing; what can be
// changed in place without taking anything away becomes a step; what contradicts is a finding and stays as it is.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <map>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "base/json.h"
#include "schema/commands.h"
#include "schema/fields.h"
#include "schema/honoured.h"
#include "schema/normalise.h"
#include "schema/plan.h"

namespace readygate::schema {
namespace {

constexpr std::size_t kMaxIndexes = 64;  // of a collection, with the one on _id
constexpr std::string_view kExpire = "expireAfterSeconds";

std::string json_of(const Document& document, std::string_view option) {
  const std::optional<Field> value = field(document, option);
  return value ? value->to_json() : "";
}

// collMod makes a plain index a TTL index since MongoDB 5.1; other products are asked.
bool can_become_ttl(const Server& server) {
  if (server.product != "mongodb" || server.version.empty()) return true;
  int major = 0;
  int minor = 0;
  const char* end = server.version.data() + server.version.size();
  const auto [dot, error] = std::from_chars(server.version.data(), end, major);
  if (error != std::errc{}) return true;
  if (dot != end && *dot == '.') std::from_chars(dot + 1, end, minor);
  return std::pair(major, minor) >= std::pair(5, 1);
}

// The plan of one collection.
class CollectionDiff {
 public:
  CollectionDiff(const Collection& declared, const Catalog& catalog, Plan& plan)
      : declared_(declared), server_(catalog.server), live_(catalog.find(declared.name)), plan_(plan) {
    options_ = normalised_collection(declared.options);
    for (const Index& index : declared.indexes) {
      wanted_.push_back(normalised(index));
    }
  }

  void run() {
    if (live_ == nullptr) {
      create();
    } else if (live_->type != "collection") {
      conflict("", "type", "\"collection\"", json_quote(live_->type),
               fmt::format("{} is a {} in the database, and is declared as a collection", quoted(declared_.name),
                           live_->type));
    } else {
      for (const CatalogIndex& index : live_->indexes) {
        present_.push_back({normalised(index.index), index.building, is_id_index(index.index)});
      }
      collection_options();
      for (const Index& index : wanted_) this->index(index);
      extra_indexes();
      limit();
      create_missing();
      std::move(modifications_.begin(), modifications_.end(), std::back_inserter(plan_.steps));
      validator();
    }
    honoured();
  }

 private:
  struct Present {
    Index index;
    bool building = false;
    bool claimed = false;  // by a declared index; the one on _id is the server's
  };

  static std::string quoted(std::string_view name) { return json_quote(name); }
  std::string of_collection(std::string_view index) const {
    return fmt::format("{} of {}", quoted(index), quoted(declared_.name));
  }

  void step(StepKind kind, std::string what, Document command, std::vector<std::string> built = {},
            std::vector<std::string> unique = {}) {
    plan_.steps.push_back(
        Step{kind, declared_.name, std::move(what), std::move(command), std::move(built), std::move(unique)});
  }

  void finding(FindingKind kind, std::string object, std::string option, std::string asked, std::string reported,
               std::string message) {
    plan_.findings.push_back(Finding{kind, declared_.name, std::move(object), std::move(option), std::move(asked),
                                     std::move(reported), std::move(message)});
  }
  void conflict(std::string object, std::string option, std::string asked, std::string reported, std::string message) {
    finding(FindingKind::kConflict, std::move(object), std::move(option), std::move(asked), std::move(reported),
            std::move(message));
  }

  void create() {
    std::string what = "create collection";
    if (!options_.empty()) what += fmt::format(" with a validator ({})", level_and_action(options_));
    step(StepKind::kCreateCollection, std::move(what), create_command(declared_.name, options_));
    if (!options_.empty() && create_forgets_validator(server_)) set_validator();
    create_indexes(wanted_);
  }

  void create_indexes(const std::vector<Index>& indexes) {
    if (indexes.empty()) return;
    std::vector<std::string> names;
    std::vector<std::string> unique;
    for (const Index& index : indexes) {
      names.push_back(index.name);
      if (index.options.has("unique")) unique.push_back(index.name);
    }
    const std::string_view noun = indexes.size() > 1 ? "indexes" : unique.empty() ? "index" : "unique index";
    std::string what = fmt::format("create {} {}", noun, fmt::join(names, ", "));
    step(StepKind::kCreateIndexes, std::move(what), create_indexes_command(declared_.name, indexes), std::move(names),
         std::move(unique));
  }

  // The collection may hold documents: a unique index that they contradict must not take its siblings with it.
  void create_missing() {
    std::vector<Index> together;
    std::copy_if(missing_.begin(), missing_.end(), std::back_inserter(together),
                 [](const Index& index) { return !index.options.has("unique"); });
    create_indexes(together);
    for (const Index& index : missing_) {
      if (index.options.has("unique")) create_indexes({index});
    }
  }

  void index(const Index& wanted) {
    for (Present& present : present_) {
      if (present.index.name == wanted.name) {
        present.claimed = true;
        compare(wanted, present);
        return;
      }
    }
    for (Present& present : present_) {
      if (!same_signature(wanted, present.index)) continue;
      present.claimed = true;
      finding(FindingKind::kOtherName, wanted.name, "name", quoted(wanted.name), quoted(present.index.name),
              fmt::format("the index {} exists as {}; an index cannot be renamed, so that one serves",
                          of_collection(wanted.name), quoted(present.index.name)));
      compare(wanted, present);
      return;
    }
    for (const Present& present : present_) {
      if (kind_of(wanted.key) == IndexKind::kText && kind_of(present.index.key) == IndexKind::kText) {
        conflict(
            wanted.name, "key", wanted.key.to_json(), present.index.key.to_json(),
            fmt::format("the text index {} cannot be built beside {}: a collection can have one; drop the other by "
                        "hand",
                        of_collection(wanted.name), quoted(present.index.name)));
        return;
      }
    }
    missing_.push_back(wanted);
  }

  // Of an index that is there, under this or another name.
  void compare(const Index& wanted, const Present& present) {
    const std::vector<std::string> differing = differences(wanted, present.index);
    const std::string& live_name = present.index.name;
    if (differing.empty()) {
      if (present.building) {
        Index again = wanted;
        again.name = live_name;
        missing_.push_back(std::move(again));
        finding(FindingKind::kBuilding, wanted.name, "", "", "",
                fmt::format("the index {} is being built; asking for it again waits for it", of_collection(live_name)));
      }
      return;
    }
    if (differing.size() == 1 && differing.front() == kExpire && wanted.options.has(kExpire) && !present.building &&
        (present.index.options.has(kExpire) || can_become_ttl(server_))) {
      expire(wanted, present.index);
      return;
    }
    for (const std::string& option : differing) {
      const bool key = option == "key";
      const std::string asked = key ? wanted.key.to_json() : json_of(wanted.options, option);
      const std::string reported = key ? present.index.key.to_json() : json_of(present.index.options, option);
      const auto shown = [](const std::string& json) { return json.empty() ? std::string("absent") : json; };
      conflict(wanted.name, option, asked, reported,
               fmt::format("the index {} has {} {} in the database and {} in the schema, which no change in place can "
                           "mend: drop it by hand, or declare it as it is",
                           of_collection(live_name), option, shown(reported), shown(asked)));
    }
  }

  void expire(const Index& wanted, const Index& present) {
    const std::int64_t seconds = field(wanted.options, kExpire)->integer().value_or(0);
    const std::string before = json_of(present.options, kExpire);
    modifications_.push_back(Step{StepKind::kModifyIndex,
                                  declared_.name,
                                  fmt::format("set expireAfterSeconds of {} to {}, was {}", present.name, seconds,
                                              before.empty() ? "not set" : before),
                                  expire_command(declared_.name, present.name, seconds),
                                  {},
                                  {}});
  }

  void extra_indexes() {
    for (const Present& present : present_) {
      if (present.claimed) continue;
      finding(FindingKind::kExtraIndex, present.index.name, "", "", present.index.key.to_json(),
              fmt::format("the index {} is not declared; it is left alone", of_collection(present.index.name)));
    }
  }

  // What is being built is there already, and in the list of what is asked for as well.
  void limit() {
    const auto building = std::count_if(present_.begin(), present_.end(),
                                        [](const Present& present) { return present.building && present.claimed; });
    const std::size_t total =
        present_.size() + missing_.size() - std::min(missing_.size(), static_cast<std::size_t>(building));
    if (total <= kMaxIndexes || missing_.empty()) return;
    conflict("", "indexes", std::to_string(total), std::to_string(present_.size()),
             fmt::format("{} would have {} indexes, and the server allows {}: drop some that are not declared",
                         quoted(declared_.name), total, kMaxIndexes));
  }

  // What was decided when the collection was made, and cannot be declared yet.
  void collection_options() {
    static constexpr std::string_view kFixed[] = {"capped", "timeseries", "clusteredIndex", "collation", kExpire};
    for (const std::string_view option : kFixed) {
      const std::optional<Field> value = field(live_->options, option);
      if (!value || (option == "capped" && !value->truthy())) continue;
      if (const auto collation = option == "collation" ? value->document() : std::nullopt) {
        const std::optional<Field> locale = field(*collation, "locale");
        if (locale && locale->string() == "simple") continue;
      }
      conflict("", std::string(option), "", value->to_json(),
               fmt::format("{} was created with {}, which is not declared and cannot be taken away",
                           quoted(declared_.name), option));
    }
  }

  static std::string level_and_action(const Document& options) {
    return fmt::format("level {}, action {}", field(options, "validationLevel")->string().value_or(""),
                       field(options, "validationAction")->string().value_or(""));
  }

  void set_validator() {
    step(StepKind::kSetValidator, fmt::format("set the validator ({})", level_and_action(options_)),
         validator_command(declared_.name, options_));
  }

  void validator() {
    const Document live = normalised_collection(live_->options);
    if (same(options_, live)) return;
    if (live.empty()) {
      set_validator();
      return;
    }
    if (options_.empty()) {
      conflict("", "validator", "", json_of(live, "validator"),
               fmt::format("{} has a validator that is not declared: declare it, or remove it by hand",
                           quoted(declared_.name)));
      return;
    }
    const auto differs = [&](std::string_view option) { return json_of(options_, option) != json_of(live, option); };
    if (!same(*field(options_, "validator")->document(), *field(live, "validator")->document())) {
      conflict(
          "", "validator", json_of(options_, "validator"), json_of(live, "validator"),
          fmt::format("{} has another validator; changing it could refuse what the version before writes, and such "
                      "contract steps are not supported yet: change it by hand with collMod",
                      quoted(declared_.name)));
      return;
    }
    static const std::map<std::string_view, int, std::less<>> kStrictness = {
        {"off", 0}, {"moderate", 1}, {"strict", 2}, {"warn", 0}, {"error", 1}};
    bool stricter = false;
    for (const std::string_view option : {"validationLevel", "validationAction"}) {
      if (!differs(option)) continue;
      const auto asked = kStrictness.find(*field(options_, option)->string());
      const auto reported = kStrictness.find(*field(live, option)->string());
      // A word that is not known ("errorAndLog" of MongoDB 8.1) is as strict as can be: loosening it is safe.
      if (asked != kStrictness.end() && (reported == kStrictness.end() || asked->second < reported->second)) continue;
      stricter = true;
      conflict("", std::string(option), json_of(options_, option), json_of(live, option),
               fmt::format("{} would be validated more strictly; that could refuse what the version before writes, and "
                           "such contract steps are not supported yet: change it by hand with collMod",
                           quoted(declared_.name)));
    }
    if (!stricter) set_validator();
  }

  void honoured() {
    if (options_.empty() || field(options_, "validationLevel")->string() == "off") return;
    const std::string_view sentence = not_honoured(server_, "validator");
    if (sentence.empty()) return;
    finding(FindingKind::kNotHonoured, "", "validator", json_of(options_, "validator"), "",
            fmt::format("{} {} {} ({})", server_.product, server_.version, sentence, quoted(declared_.name)));
  }

  const Collection& declared_;
  const Server& server_;
  const CatalogCollection* live_;
  Plan& plan_;
  Document options_;  // declared, normalised
  std::vector<Index> wanted_;
  std::vector<Present> present_;
  std::vector<Index> missing_;
  std::vector<Step> modifications_;
};

}  // namespace

Plan diff(const Schema& schema, const Catalog& catalog, const std::vector<Owns>& /*owns*/) {
  Plan plan;
  for (const Collection& collection : schema.collections) CollectionDiff(collection, catalog, plan).run();
  return plan;
}

}  // namespace readygate::schema
