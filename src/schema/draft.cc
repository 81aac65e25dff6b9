#include "schema/draft.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "base/json.h"
#include "schema/fields.h"

namespace readygate::schema {

Step Draft::step(StepKind kind, std::string what, Document command) const {
  Step step{kind, collection, std::move(what), std::move(command), {}, {}};
  step.documents = documents();
  return step;
}

void Draft::finding(FindingKind kind, std::string object, std::string option, std::string asked, std::string reported,
                    std::string message) {
  findings.push_back(Finding{kind, collection, std::move(object), std::move(option), std::move(asked),
                             std::move(reported), std::move(message)});
}

void Draft::conflict(std::string object, std::string option, std::string asked, std::string reported,
                     std::string message) {
  finding(FindingKind::kConflict, std::move(object), std::move(option), std::move(asked), std::move(reported),
          std::move(message));
}

bool Draft::contradicts(std::string_view option) const {
  return std::any_of(findings.begin(), findings.end(), [&](const Finding& each) {
    return each.kind == FindingKind::kConflict && each.object.empty() && each.option == option;
  });
}

void Draft::finish(Plan& plan) {
  for (std::vector<Step>* half : {&additive, &destructive}) {
    for (Step& step : *half) {
      const bool kept_back = step.effect == Effect::kContract && policy.contract == Policy::Contract::kReport;
      (kept_back ? plan.withheld : plan.steps).push_back(std::move(step));
    }
  }
  std::move(unproven.begin(), unproven.end(), std::back_inserter(plan.unproven));
  std::move(findings.begin(), findings.end(), std::back_inserter(plan.findings));
}

std::string index_of(const std::string& index, const Draft& draft) {
  return fmt::format("{} of {}", json_quote(index), json_quote(draft.collection));
}

std::string json_of(const Document& options, std::string_view option) {
  const std::optional<Field> value = field(options, option);
  return value ? value->to_json() : "";
}

Change change_of(std::string_view option, const Document& from, const Document& to) {
  return Change{std::string(option), json_of(from, option), json_of(to, option)};
}

}  // namespace readygate::schema
