// What a collection was made with. Most of it is fixed for good, and no policy ever drops a collection.
#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "base/json.h"
#include "schema/capabilities.h"
#include "schema/commands.h"
#include "schema/draft.h"
#include "schema/encryption.h"
#include "schema/honoured.h"
#include "schema/normalise.h"

namespace readygate::schema {
namespace {

class OptionsDiff {
 public:
  OptionsDiff(const Document& wanted, Draft& draft)
      : wanted_(wanted), live_(normalised_collection(draft.live->options)), draft_(draft) {}

  void run() {
    capped();
    timeseries();
    fixed("clusteredIndex");
    fixed("collation");
    fixed(kEncryptedFields);
    // Nobody can see what a server makes of them by itself, so only what is declared counts.
    for (const std::string_view option : {"storageEngine", "indexOptionDefaults"}) {
      if (wanted_.has(option)) fixed(option);
    }
    expire_after();
    pre_images();
  }

 private:
  enum class Takes { kNothing, kSomething };

  void step(std::string what, const Document& options, std::vector<Change> changes, Effect effect, Takes takes) {
    Step step = draft_.step(StepKind::kModifyCollection, std::move(what), modify_command(draft_.collection, options));
    step.changes = std::move(changes);
    step.effect = effect;
    step.destructive = takes == Takes::kSomething;
    (step.destructive ? draft_.destructive : draft_.additive).push_back(std::move(step));
  }

  bool equal(std::string_view option) const {
    return same_option(option, field(wanted_, option), field(live_, option));
  }

  void fixed(std::string_view option) {
    if (equal(option)) return;
    if (!live_.has(option) && !not_honoured(draft_.server, option).empty()) return;
    const std::string quoted = json_quote(draft_.collection);
    const std::string asked = json_of(wanted_, option);
    const std::string reported = json_of(live_, option);
    std::string sentence;
    if (asked.empty()) {
      sentence = fmt::format("{} was created with {}, which is not declared and cannot be taken away", quoted, option);
    } else if (reported.empty()) {
      sentence =
          fmt::format("{} was created without {}, which is declared and cannot be given to it later", quoted, option);
    } else {
      sentence = fmt::format("{} was created with {} {}, and {} is declared: it cannot be changed", quoted, option,
                             reported, asked);
    }
    draft_.conflict("", std::string(option), asked, reported, std::move(sentence));
  }

  static std::int64_t number(const Document& options, std::string_view option) {
    const std::optional<Field> value = field(options, option);
    return value ? value->integer().value_or(0) : 0;
  }

  void capped() {
    if (!wanted_.has("capped") || !live_.has("capped")) {
      fixed("capped");
      return;
    }
    Document options;
    std::vector<Change> changes;
    bool smaller = false;
    for (const auto& [option, command] : {std::pair("size", "cappedSize"), std::pair("max", "cappedMax")}) {
      if (equal(option)) continue;
      const std::int64_t asked = number(wanted_, option);  // 0: no limit
      const std::int64_t reported = number(live_, option);
      append(options, command, asked);
      changes.push_back(change_of(option, live_, wanted_));
      smaller = smaller || (asked != 0 && (reported == 0 || asked < reported));
    }
    if (changes.empty()) return;
    if (!can_resize_capped(draft_.server)) {
      for (const Change& change : changes) fixed(change.option);
      return;
    }
    std::string what = "resize the capped collection:";
    for (const Change& change : changes) {
      what += fmt::format("{} {} {}, was {}", &change == changes.data() ? "" : ",", change.option,
                          change.to.empty() ? "unlimited" : change.to, change.from.empty() ? "unlimited" : change.from);
    }
    step(std::move(what), options, std::move(changes), smaller ? Effect::kContract : Effect::kExpand,
         smaller ? Takes::kSomething : Takes::kNothing);
  }

  // Seconds that a bucket spans (create, "timeseries.granularity").
  static std::int64_t span(const Document& series) {
    static const std::map<std::string, std::int64_t, std::less<>> kSpans = {
        {"seconds", 3'600}, {"minutes", 86'400}, {"hours", 2'592'000}};
    const std::optional<Field> granularity = field(series, "granularity");
    if (!granularity) return number(series, "bucketMaxSpanSeconds");
    const auto found = kSpans.find(granularity->string().value_or(""));
    return found == kSpans.end() ? 0 : found->second;
  }

  void timeseries() {
    const std::optional<Field> asked = field(wanted_, "timeseries");
    const std::optional<Field> reported = field(live_, "timeseries");
    if (!asked || !reported || equal("timeseries")) {
      fixed("timeseries");
      return;
    }
    const Document to = *asked->document();
    const Document from = *reported->document();
    const std::vector<std::string_view> fields_of_it = {"timeField", "metaField"};
    const Document how = without(to, fields_of_it);
    const bool granular = how.has("granularity") && from.has("granularity");
    // The other way would leave buckets that are too long (collMod, "timeseries").
    if (!same(without(to, {"granularity", "bucketMaxSpanSeconds", "bucketRoundingSeconds"}),
              without(from, {"granularity", "bucketMaxSpanSeconds", "bucketRoundingSeconds"})) ||
        span(to) <= span(from) || (!granular && !can_change_bucket_span(draft_.server))) {
      fixed("timeseries");
      return;
    }
    Document options;
    append(options, "timeseries", how);
    step(fmt::format("set the time series to {}, was {}", how.to_json(), without(from, fields_of_it).to_json()),
         options, {change_of("timeseries", live_, wanted_)}, Effect::kExpand, Takes::kNothing);
  }

  void expire_after() {
    constexpr std::string_view kOption = "expireAfterSeconds";
    if (equal(kOption)) return;
    if (!live_.has(kOption) && !not_honoured(draft_.server, kOption).empty()) return;
    const std::string before = live_.has(kOption) ? json_of(live_, kOption) : "not set";
    Document options;
    if (!wanted_.has(kOption)) {
      append(options, kOption, "off");  // collMod, "expireAfterSeconds"
      step(fmt::format("let documents stay: expireAfterSeconds off, was {}", before), options,
           {change_of(kOption, live_, wanted_)}, Effect::kExpand, Takes::kNothing);
      return;
    }
    const std::int64_t seconds = number(wanted_, kOption);
    append(options, kOption, seconds);
    const bool sooner = !live_.has(kOption) || seconds < number(live_, kOption);
    step(fmt::format("set expireAfterSeconds to {}, was {}", seconds, before), options,
         {change_of(kOption, live_, wanted_)}, Effect::kExpand, sooner ? Takes::kSomething : Takes::kNothing);
  }

  void pre_images() {
    constexpr std::string_view kOption = "changeStreamPreAndPostImages";
    if (equal(kOption)) return;
    const bool on = wanted_.has(kOption);
    if (on && !not_honoured(draft_.server, kOption).empty()) return;
    Document images;
    append(images, "enabled", on);
    Document options;
    append(options, kOption, images);
    step(fmt::format("turn {} {}", kOption, on ? "on" : "off"), options, {change_of(kOption, live_, wanted_)},
         on ? Effect::kExpand : Effect::kContract, on ? Takes::kNothing : Takes::kSomething);
  }

  const Document& wanted_;
  Document live_;
  Draft& draft_;
};

}  // namespace

void diff_options(const Document& wanted, Draft& draft) { OptionsDiff(wanted, draft).run(); }

}  // namespace readygate::schema
