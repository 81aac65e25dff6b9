// The validator of a collection, which writes it judges (level) and what one that is not valid meets (action).
//
// The level "constraint" of MongoDB 9.0 is a promise about every document, which readers may rely on. So it is reached
// as an index becomes unique: the documents are looked at, writes that bypass validation are refused from then on, and
// the server itself looks at every document once more. And it is given up only where the schema names another level,
// as a contract step; a level that nobody here knows is left alone in the same way. What may be sent when is from the
// server's document_validation_helpers.cpp, and
// https://www.mongodb.com/docs/manual/core/schema-validation/specify-validation-level/
#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/json.h"
#include "schema/capabilities.h"
#include "schema/commands.h"
#include "schema/draft.h"
#include "schema/normalise.h"
#include "schema/violations.h"

namespace readygate::schema {
namespace {

constexpr std::string_view kValidator = "validator";
constexpr std::string_view kLevel = "validationLevel";
constexpr std::string_view kAction = "validationAction";
constexpr std::string_view kPrepare = "prepareConstraintValidationLevel";
constexpr std::array kOptions = {kValidator, kLevel, kAction};

constexpr std::string_view kConstraint = "constraint";
constexpr std::string_view kErrorAndLog = "errorAndLog";

std::string text_of(const Document& options, std::string_view option) {
  const std::optional<Field> value = field(options, option);
  return value ? value->string().value_or("") : "";
}

const std::map<std::string, int, std::less<>>& strictness_of_words() {
  static const std::map<std::string, int, std::less<>> kStrictness = {
      {"off", 0}, {"moderate", 1}, {"strict", 2}, {"warn", 0}, {"error", 1}, {std::string(kErrorAndLog), 1}};
  return kStrictness;
}

// A promise about the documents, or a word of a later server, which may be one.
bool is_promise(std::string_view word) {
  return !word.empty() && strictness_of_words().find(word) == strictness_of_words().end();
}

int strictness(std::string_view word) {
  const auto found = strictness_of_words().find(word);
  return found == strictness_of_words().end() ? 3 : found->second;
}

bool rejects(const Document& options) {
  return options.has(kValidator) && text_of(options, kLevel) != "off" && text_of(options, kAction) != "warn";
}

Document with_level(const Document& options, std::string_view level) {
  Document changed;
  for (const Field& each : fields(options)) {
    if (each.name() == kLevel) {
      append(changed, kLevel, level);
    } else {
      append(changed, each);
    }
  }
  return changed;
}

enum class Sent { kAll, kWithoutValidator };

Step validator_step(const Document& wanted, const Draft& draft, Sent sent = Sent::kAll) {
  Document options;
  for (const std::string_view option : kOptions) {
    if (option == kValidator && sent == Sent::kWithoutValidator) continue;
    if (const auto value = field(wanted, option)) append(options, *value);
  }
  return draft.step(
      StepKind::kSetValidator,
      fmt::format("set the validator (level {}, action {})", text_of(wanted, kLevel), text_of(wanted, kAction)),
      modify_command(draft.collection, options));
}

class ValidationDiff {
 public:
  ValidationDiff(const Collection& declared, const Document& wanted, Draft& draft)
      : names_level_(declared.level_at.has_value()),
        wanted_(wanted),
        live_(normalised_collection(draft.live->options)),
        draft_(draft),
        level_(text_of(draft.live->options, kLevel)) {
    const std::optional<Field> prepared = field(draft.live->options, kPrepare);
    prepared_ = prepared && prepared->truthy();
    // Without a validator, too, it refuses writes that bypass validation.
    if (!live_.has(kValidator) && is_promise(level_)) append(live_, kLevel, level_);
  }

  void run() {
    if (!wanted_.has(kValidator)) {
      if (live_.has(kValidator)) {
        remove();
      } else if (prepared_) {
        left_prepared();
      }
      return;
    }
    if (!names_level_ && is_promise(level_)) wanted_ = with_level(wanted_, level_);
    if (text_of(wanted_, kLevel) != kConstraint) {
      set();
    } else if (text_of(wanted_, kAction) == "warn") {
      draft_.conflict(
          "", std::string(kAction), json_of(wanted_, kAction), json_of(live_, kLevel),
          fmt::format("{} has the validation level \"constraint\", with which no action is \"warn\": declare "
                      "another action, or name the level that it is to have in place of the constraint",
                      json_quote(draft_.collection)));
    } else if (level_ == kConstraint && equal(kValidator)) {
      change_action();
    } else {
      constrain();
    }
  }

 private:
  bool equal(std::string_view option) const {
    return same_option(option, field(wanted_, option), field(live_, option));
  }

  std::vector<Change> changes_to(const Document& wanted) const {
    std::vector<Change> changes;
    for (const std::string_view option : kOptions) {
      if (!same_option(option, field(wanted, option), field(live_, option))) {
        changes.push_back(change_of(option, live_, wanted));
      }
    }
    return changes;
  }

  void contract(Step step) {
    step.effect = Effect::kContract;
    step.destructive = true;
    draft_.destructive.push_back(std::move(step));
  }

  void remove() {
    if (draft_.policy.conflict == Policy::Conflict::kFail) {
      draft_.conflict("", std::string(kValidator), "", json_of(live_, kValidator),
                      fmt::format("{} has a validator that is not declared: declare it, or remove it by hand",
                                  json_quote(draft_.collection)));
      return;
    }
    const bool promise = is_promise(level_);
    Document none;
    append(none, kValidator, Document());
    if (promise) append(none, kLevel, "strict");  // it takes no other validator, nor none
    Step step = draft_.step(StepKind::kSetValidator,
                            fmt::format("remove the validator, which is not declared{}",
                                        promise ? fmt::format(", and give up the level {}", level_) : ""),
                            modify_command(draft_.collection, none));
    step.changes = changes_to(wanted_);
    step.destructive = true;
    if (promise) step.effect = Effect::kContract;
    if (prepared_) draft_.destructive.push_back(reset(step));
    draft_.destructive.push_back(std::move(step));
  }

  // A validator does not look at what is there, and can refuse what the version before still writes.
  void set() {
    std::vector<Change> changes = changes_to(wanted_);
    const bool same_rule = equal(kValidator);
    // Who prepared it may be about to go on by hand: only a level that is named says otherwise.
    if (prepared_ && names_level_) draft_.additive.push_back(reset({}));
    const bool stays_prepared = prepared_ && !names_level_ && same_rule;
    if (stays_prepared) left_prepared();
    if (changes.empty()) return;
    Step step = validator_step(wanted_, draft_, stays_prepared ? Sent::kWithoutValidator : Sent::kAll);
    bool gives_up = false;
    for (const auto& [option, word] : {std::pair(kLevel, "level"), std::pair(kAction, "action")}) {
      const std::string given_up = text_of(live_, option);
      if (!is_promise(given_up) || equal(option)) continue;
      gives_up = true;
      step.what += fmt::format(", which gives up the {} {}", word, given_up);
    }
    step.changes = std::move(changes);
    const bool stricter = !same_rule || strictness(text_of(wanted_, kLevel)) > strictness(text_of(live_, kLevel)) ||
                          strictness(text_of(wanted_, kAction)) > strictness(text_of(live_, kAction));
    const bool breaks = gives_up || (stricter && rejects(wanted_) && !draft_.known_empty());
    if (breaks) {
      step.effect = Effect::kContract;
      step.destructive = true;
    }
    std::vector<Step>& half = breaks ? draft_.destructive : draft_.additive;
    if (prepared_ && !names_level_ && !same_rule) half.push_back(reset(step));
    half.push_back(std::move(step));
  }

  // Of what is a constraint and stays one: the server refuses a validator beside it, even the same.
  void change_action() {
    if (equal(kAction)) return;
    Document options;
    append(options, *field(wanted_, kAction));
    Step step =
        draft_.step(StepKind::kSetValidator, fmt::format("set the validation action to {}", text_of(wanted_, kAction)),
                    modify_command(draft_.collection, options));
    step.changes = {change_of(kAction, live_, wanted_)};
    draft_.additive.push_back(std::move(step));
  }

  // From "strict" alone, and only without documents that a warning let pass (SERVER-139595).
  void constrain() {
    const bool ready = equal(kValidator) && level_ == "strict" && text_of(live_, kAction) != "warn";
    const bool may = draft_.policy.contract == Policy::Contract::kApply || draft_.known_empty();
    // An earlier attempt came so far: the server finds what there is to find.
    const bool goes_on = prepared_ && ready && may;
    if (prepared_ && !goes_on) draft_.additive.push_back(reset({}));
    const Document strict = with_level(wanted_, "strict");
    if (!goes_on) look();
    if (!ready) {
      Step step = validator_step(strict, draft_);
      if (is_promise(level_)) step.what += fmt::format(", with no {} meanwhile", level_);
      step.changes = changes_to(strict);
      if (step.changes.empty()) step.changes = {{std::string(kLevel), "", json_quote("strict")}};
      add(std::move(step));
    }
    if (!goes_on) {
      Document options;
      append(options, kPrepare, true);
      Step step =
          draft_.step(StepKind::kPrepareConstraint, fmt::format("refuse writes that bypass validation ({})", kPrepare),
                      modify_command(draft_.collection, options));
      step.changes = {{std::string(kPrepare), "", "true"}};
      add(std::move(step));
    }
    make(ready);
  }

  void make(bool ready) {
    Document options;
    append(options, kLevel, kConstraint);
    append(options, *field(wanted_, kAction));
    Step step = draft_.step(StepKind::kMakeConstraint,
                            fmt::format("make the validator a constraint (action {})", text_of(wanted_, kAction)),
                            modify_command(draft_.collection, options));
    step.changes = {{std::string(kLevel), json_quote("strict"), json_quote(kConstraint)}};
    if (ready && !equal(kAction)) step.changes.push_back(change_of(kAction, live_, wanted_));
    step.search = violation_search(draft_.collection, *field(wanted_, kValidator)->document());
    if (!draft_.known_empty()) step.cost = Cost::kScans;
    add(std::move(step));
    // It takes as long as it takes. A late one does no harm: without the preparation the server refuses it.
    if (!draft_.known_empty()) draft_.destructive.back().destructive = false;
  }

  void look() {
    if (draft_.known_empty()) return;
    Step step = draft_.step(StepKind::kFindViolations, "look for documents that violate the validator",
                            violation_search(draft_.collection, *field(wanted_, kValidator)->document()));
    step.search = step.command;
    step.cost = Cost::kScans;
    step.effect = Effect::kContract;
    draft_.additive.push_back(std::move(step));
  }

  void add(Step step) {
    if (draft_.known_empty()) {
      draft_.additive.push_back(std::move(step));
    } else {
      contract(std::move(step));
    }
  }

  // While it is prepared the server takes no validator: this comes before `next`, and only with it.
  Step reset(const std::optional<Step>& next) const {
    Document options;
    append(options, kPrepare, false);
    Step step =
        draft_.step(StepKind::kResetConstraint, fmt::format("let writes bypass validation again ({} off)", kPrepare),
                    modify_command(draft_.collection, options));
    step.changes = {{std::string(kPrepare), "true", ""}};
    if (next) {
      step.effect = next->effect;
      step.destructive = next->destructive;
    }
    return step;
  }

  void left_prepared() {
    draft_.finding(FindingKind::kPrepared, "", std::string(kPrepare), "", "true",
                   fmt::format("{} refuses writes that bypass validation, on its way to the level \"constraint\"; no "
                               "level is declared, so it is left alone. Name one to go on, or to take it back",
                               json_quote(draft_.collection)));
  }

  const bool names_level_;
  Document wanted_;
  Document live_;
  Draft& draft_;
  const std::string level_;  // as the server keeps it; "": none was ever said
  bool prepared_ = false;
};

std::string said_at(const std::optional<toml::Place>& place) {
  return place ? fmt::format(" ({})", to_string(*place)) : "";
}

std::string this_is(const Server& server) { return server.product == "mongodb" ? server.version : shown(server); }

}  // namespace

bool can_be_validated(const Collection& declared, Draft& draft) {
  const auto lacks = [&](std::string_view option, std::string_view word, const std::optional<toml::Place>& place,
                         std::string_view since) {
    draft.conflict(
        "", std::string(option), json_quote(word),
        draft.live == nullptr ? "" : json_of(normalised_collection(draft.live->options), option),
        fmt::format("{} is declared with the validation {} \"{}\"{}: that needs MongoDB {} or later, and this "
                    "is {}",
                    json_quote(draft.collection), option == kLevel ? "level" : "action", word, said_at(place), since,
                    this_is(draft.server)));
    return false;
  };
  if (text_of(declared.options, kLevel) == kConstraint && !can_constrain(draft.server)) {
    return lacks(kLevel, kConstraint, declared.level_at, "9.0");
  }
  if (text_of(declared.options, kAction) == kErrorAndLog && !can_log_errors(draft.server)) {
    return lacks(kAction, kErrorAndLog, declared.action_at, "8.1");
  }
  return true;
}

void set_validator(const Document& wanted, Draft& draft) { draft.additive.push_back(validator_step(wanted, draft)); }

void diff_validator(const Collection& declared, const Document& wanted, Draft& draft) {
  if (can_be_validated(declared, draft)) ValidationDiff(declared, wanted, draft).run();
}

}  // namespace readygate::schema
