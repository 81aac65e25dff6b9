// A view holds nothing, so it can be changed at any time; whoever reads it may not stand that.
#include <fmt/format.h>

#include "base/json.h"
#include "schema/commands.h"
#include "schema/draft.h"
#include "schema/honoured.h"
#include "schema/normalise.h"

namespace readygate::schema {

void diff_view(const Document& wanted, Draft& draft) {
  const std::string quoted = json_quote(draft.collection);
  if (draft.live == nullptr) {
    draft.additive.push_back(draft.step(
        StepKind::kCreateView, fmt::format("create view on {}", field(wanted, "viewOn")->string().value_or("")),
        create_command(draft.collection, wanted)));
    return;
  }
  if (draft.live->type != "view") {
    if (!not_honoured(draft.server, "viewOn").empty()) return;
    draft.conflict("", "type", "\"view\"", json_quote(draft.live->type),
                   fmt::format("{} is a {} in the database, and is declared as a view", quoted, draft.live->type));
    return;
  }
  const Document live = normalised_view(draft.live->options);
  if (!same_option("collation", field(wanted, "collation"), field(live, "collation"))) {
    draft.conflict(
        "", "collation", json_of(wanted, "collation"), json_of(live, "collation"),
        fmt::format("the view {} was made with another collation, which cannot be changed: drop it by hand", quoted));
    return;
  }
  std::vector<Change> changes;
  std::string names;
  for (const std::string_view option : {"viewOn", "pipeline"}) {
    if (same_option(option, field(wanted, option), field(live, option))) continue;
    changes.push_back(change_of(option, live, wanted));
    names += fmt::format("{}{}", names.empty() ? "" : " and ", option);
  }
  if (changes.empty()) return;
  Step step = draft.step(StepKind::kModifyView, fmt::format("change {} of the view", names),
                         modify_command(draft.collection, without(wanted, {"collation"})));
  step.changes = std::move(changes);
  step.effect = Effect::kContract;
  step.destructive = true;
  draft.destructive.push_back(std::move(step));
}

}  // namespace readygate::schema
