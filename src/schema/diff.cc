// What is there and equal needs nothing; what can be changed in place becomes a step; what cannot is a conflict, or is
// replaced where the policy says so. Each step says what it breaks, takes away and costs.
#include <algorithm>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "base/json.h"
#include "schema/commands.h"
#include "schema/draft.h"
#include "schema/encryption.h"
#include "schema/honoured.h"
#include "schema/normalise.h"
#include "schema/plan.h"

namespace readygate::schema {
namespace {

constexpr std::string_view kSeries = "timeseries";

std::string noun(std::string_view type) { return type == kSeries ? "time series" : std::string(type); }

std::string shown_options(const Document& options) {
  std::string with;
  for (const Field& each : fields(options)) {
    const std::string_view name = each.name();
    if (name == "size" || name == "max" || name.starts_with("validat")) continue;
    with += fmt::format("{}{}", with.empty() ? "" : ", ", name);
  }
  if (options.has("validator")) {
    with += fmt::format("{}a validator (level {}, action {})", with.empty() ? "" : ", ",
                        field(options, "validationLevel")->string().value_or(""),
                        field(options, "validationAction")->string().value_or(""));
  }
  return with.empty() ? "" : " with " + with;
}

// Options that the server is known to accept and not to honour.
void honoured(const Document& wanted, Draft& draft) {
  for (const Field& each : fields(wanted)) {
    const std::string option(each.name());
    const std::string_view sentence = not_honoured(draft.server, option);
    if (sentence.empty()) continue;
    draft.finding(FindingKind::kNotHonoured, "", option, each.to_json(), "",
                  fmt::format("{} {} ({})", shown(draft.server), sentence, json_quote(draft.collection)));
  }
}

Collated collated(const Document& options) { return options.has("collation") ? Collated::kYes : Collated::kNo; }

void diff_collection(const Collection& declared, Draft& draft) {
  const Document wanted = normalised_collection(declared.options);
  const std::string_view type = wanted.has(kSeries) ? kSeries : std::string_view("collection");
  std::vector<Index> indexes;
  if (encrypts(wanted)) indexes.push_back(safe_content_index(wanted));
  for (const Index& index : declared.indexes) indexes.push_back(normalised(index));
  if (draft.live == nullptr) {
    if (encrypts(wanted) && !can_be_encrypted(wanted, draft)) return;
    if (!can_be_validated(declared, draft)) return;
    draft.additive.push_back(draft.step(StepKind::kCreateCollection, "create collection" + shown_options(wanted),
                                        create_command(draft.collection, wanted)));
    if (wanted.has("validator") && create_forgets_validator(draft.server)) set_validator(wanted, draft);
    diff_indexes(indexes, collated(wanted), draft);
  } else if (draft.live->type != type && not_honoured(draft.server, type).empty()) {
    draft.conflict("", "type", json_quote(type), json_quote(draft.live->type),
                   fmt::format("{} is a {} in the database, and is declared as a {}", json_quote(draft.collection),
                               noun(draft.live->type), noun(type)));
  } else {
    diff_options(wanted, draft);
    if (encrypts(wanted)) find_dropped_queries(wanted, draft);
    if (draft.contradicts(kEncryptedFields)) std::erase_if(indexes, is_safe_content_index);
    diff_indexes(indexes, collated(normalised_collection(draft.live->options)), draft);
    diff_validator(declared, wanted, draft);
    if (draft.live->sharding && !draft.live->sharding->verified) {
      draft.finding(
          FindingKind::kShardedUnverified, "", "", "", "",
          fmt::format("{} is sharded, and its shards could not be asked one by one: an index that one of them "
                      "lacks would not be seen",
                      json_quote(draft.collection)));
    }
  }
  honoured(wanted, draft);
}

// Nothing is planned for what another schema made: two that change one collection undo each other's work.
bool owned_elsewhere(const Catalog& catalog, Draft& draft) {
  const ForeignOwner* owner = catalog.owner(draft.collection);
  if (owner == nullptr) return false;
  draft.finding(
      FindingKind::kOwnedElsewhere, "", "", "", "",
      fmt::format("{} was made by the schema {}, as its ledger says. Declare it in one of the two: {} gives it up once "
                  "a version without it is applied. If {} is not in use any more, remove {{_id: {}}} from _readygate",
                  json_quote(draft.collection), json_quote(owner->schema), json_quote(owner->schema),
                  json_quote(owner->schema), json_quote(owner->schema)));
  return true;
}

}  // namespace

Plan diff(const Schema& schema, const Catalog& catalog, const std::vector<Owns>& owns) {
  Plan plan;
  const auto draft_of = [&](const std::string& name) {
    return Draft{name, schema.policy, catalog.server, catalog.find(name), find_owned(owns, name)};
  };
  for (const Collection& collection : schema.collections) {
    Draft draft = draft_of(collection.name);
    const bool ours = !owned_elsewhere(catalog, draft);
    if (ours) diff_collection(collection, draft);
    if (ours && encrypts(collection.options) && !draft.contradicts(kEncryptedFields) && !draft.contradicts("type")) {
      for (const std::string& name : state_collections(collection.name)) {
        Draft state = draft_of(name);
        if (!owned_elsewhere(catalog, state)) diff_state(collection.name, state);
        state.finish(plan);
      }
    }
    draft.finish(plan);
  }
  for (const View& view : schema.views) {
    Draft draft = draft_of(view.name);
    if (!owned_elsewhere(catalog, draft)) {
      const Document wanted = normalised_view(view.options);
      diff_view(wanted, draft);
      honoured(wanted, draft);
    }
    draft.finish(plan);
  }
  return plan;
}

}  // namespace readygate::schema
