#include "kube/reporter.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include <fmt/format.h>

#include "base/json.h"

namespace readygate::kube {
namespace {

constexpr Millis kFirstPause{500};
constexpr Millis kLongestPause{30'000};
// What it refuses (no permission, no such pod) may be granted later: asked again at this pace.
constexpr Millis kRefusedPause{60'000};
// The reason alone changed: "connecting", "lease held" and back are no news for every watcher of the pod.
constexpr Millis kReasonEvery{5'000};

constexpr int kUnauthorized = 401;
constexpr int kNotFound = 404;
constexpr int kConflict = 409;

using http::success;
using http::transient;

// "no_primary" as "NoPrimary".
std::string camel(std::string_view code) {
  std::string out;
  bool upper = true;
  for (const char c : code) {
    if (c == '_') {
      upper = true;
    } else {
      out += upper ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
      upper = false;
    }
  }
  return out;
}

std::string sentence(std::string_view clause) {
  std::string out(clause);
  if (!out.empty()) out[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(out[0])));
  return out;
}

std::string in_place(const core::Snapshot& snapshot) {
  return fmt::format("Schema {} version {} is in place", snapshot.schema.name, snapshot.schema.version);
}

std::string held_back(const core::Snapshot& snapshot) {
  return fmt::format("Of schema {} version {}, {}", snapshot.schema.name, snapshot.schema.version,
                     core::withheld_words(snapshot.withheld_steps));
}

}  // namespace

Reporter::Reporter(ReporterSettings settings, Random& random, WallTime now)
    : settings_(std::move(settings)),
      random_(random),
      book_(settings_.pod, random),
      backoff_(kFirstPause, kLongestPause),
      wanted_{false, "Starting", sentence(text(Reason::kStarting).meaning)},
      changed_(now) {}

// The sentences of the reason codes, not the gate's own: these may name hosts, and many can read a pod.
void Reporter::observe(const core::Snapshot& snapshot, core::Now now) {
  if (snapshot.state == core::State::kDraining) return;  // the pod goes; what it last said stays true
  if (snapshot.facts.initialized != wanted_.status) changed_ = now.wall;
  if (snapshot.facts.initialized) {
    wanted_ = {true, "SchemaApplied", in_place(snapshot)};
    if (snapshot.withheld_steps > 0) wanted_.message += "; " + core::withheld_words(snapshot.withheld_steps);
  } else {
    wanted_ = {false, camel(name(snapshot.code)), sentence(text(snapshot.code).meaning)};
  }
  if (settings_.events) observe_events(snapshot, now.wall);
}

void Reporter::observe_events(const core::Snapshot& snapshot, WallTime wall) {
  const core::State before = std::exchange(state_, snapshot.state);
  const auto why = [&] { return fmt::format("{} ({})", sentence(text(snapshot.code).meaning), name(snapshot.code)); };
  if (before == core::State::kStarting && snapshot.state != core::State::kStarting) {
    book_.add(EventType::kNormal, "SchemaStarted",
              fmt::format("Making the database ready for schema {} version {}", snapshot.schema.name,
                          snapshot.schema.version),
              wall);
  }
  if (snapshot.facts.initialized && !std::exchange(initialized_, true)) {
    book_.add(EventType::kNormal, "SchemaApplied", in_place(snapshot), wall);
  }
  const std::int32_t withheld = initialized_ ? snapshot.withheld_steps : 0;
  if (std::exchange(withheld_, withheld) != withheld && withheld > 0) {
    book_.add(EventType::kWarning, "StepsHeldBack", held_back(snapshot), wall);
  }
  observe_check(snapshot, core::kMigrationsCheck, "MigrationFailed", migrations_, wall);
  observe_check(snapshot, core::kDriftCheck, "SchemaDrifted", drift_, wall);
  if (before != snapshot.state && snapshot.state == core::State::kFailed) {
    trouble_ = true;
    book_.add(EventType::kWarning, "SchemaFailed", why(), wall);
  } else if (before != snapshot.state && snapshot.state == core::State::kDegraded) {
    trouble_ = true;
    book_.add(EventType::kWarning, "DatabaseLost", why(), wall);
  } else if (snapshot.state == core::State::kReady && std::exchange(trouble_, false)) {
    book_.add(EventType::kNormal, "SchemaRecovered", "The gate is open again", wall);
  }
}

void Reporter::observe_check(const core::Snapshot& snapshot, std::string_view check, const char* event, Reason& told,
                             WallTime wall) {
  const core::Check* failing = core::fails(snapshot.checks, check);
  const Reason why = failing != nullptr ? failing->reason : Reason::kNone;
  if (std::exchange(told, why) == why || why == Reason::kNone) return;
  book_.add(EventType::kWarning, event, fmt::format("{} ({})", sentence(text(why).meaning), name(why)), wall);
}

std::optional<Instant> Reporter::condition_due() const {
  if (!settings_.condition || told_ == wanted_) return std::nullopt;
  const bool reason_alone = told_ && told_->status == wanted_.status;
  return reason_alone ? std::max(condition_not_before_, reason_not_before_) : condition_not_before_;
}

std::optional<Call> Reporter::next(core::Now now) {
  if (sent_ != Sent::kNothing || now.instant < not_before_) return std::nullopt;
  if (const auto due = condition_due(); due && now.instant >= *due) {
    sent_ = Sent::kCondition;
    return patch();
  }
  auto call = book_.next(now.instant);
  if (call) {
    sent_ = Sent::kEvent;
    patching_event_ = call->method == "PATCH";
  }
  return call;
}

std::optional<Instant> Reporter::next_tick() const {
  if (sent_ != Sent::kNothing) return std::nullopt;
  const auto next = earlier(condition_due(), book_.next_tick());
  return next ? std::optional(std::max(*next, not_before_)) : next;
}

// A strategic merge: a JSON merge patch would replace the kubelet's conditions. With our uid, so that a successor of
// the same name (a StatefulSet's) is never spoken for.
Call Reporter::patch() {
  sent_condition_ = wanted_;
  JsonWriter json;
  json.begin_object().key("metadata").begin_object().field("uid", std::string_view(settings_.pod.uid)).end_object();
  json.key("status").begin_object().key("conditions").begin_array().begin_object();
  json.field("type", kConditionType).field("status", wanted_.status ? "True" : "False");
  json.field("reason", std::string_view(wanted_.reason)).field("message", std::string_view(wanted_.message));
  json.key("lastProbeTime").null().field("lastTransitionTime", std::string_view(kube_time(changed_)));
  json.end_object().end_array().end_object().end_object();
  return {"PATCH",
          fmt::format("/api/v1/namespaces/{}/pods/{}/status", settings_.pod.namespace_name, settings_.pod.name),
          "application/strategic-merge-patch+json", json.take()};
}

void Reporter::answered(const Answer& answer, core::Now now) {
  const Sent sent = std::exchange(sent_, Sent::kNothing);
  if (sent == Sent::kCondition) condition_answered(answer, now.instant);
  if (sent == Sent::kEvent) event_answered(answer, now.instant);
  if (transient(answer.status) || answer.status == kUnauthorized) {
    // A token may have been rotated this moment, and is read anew for each request: once at once, then patiently.
    const bool at_once = answer.status == kUnauthorized && !std::exchange(token_doubted_, true);
    const Millis pause = at_once ? Millis(0) : backoff_.next(random_);
    not_before_ = now.instant + std::max(pause, answer.retry_after.value_or(Millis(0)));
  } else {
    token_doubted_ = false;
    if (success(answer.status)) {
      backoff_.reset();
      if (std::exchange(last_complaint_, -1) != -1)
        words_.push_back({LogLevel::kInfo, "The Kubernetes API server answers again"});
    }
  }
}

void Reporter::condition_answered(const Answer& answer, Instant now) {
  if (success(answer.status)) {
    told_ = sent_condition_;
    reason_not_before_ = now + kReasonEvery;
    return;
  }
  if (answer.status == kConflict) {
    condition_not_before_ = now + backoff_.next(random_);
  } else if (!transient(answer.status) && answer.status != kUnauthorized) {
    condition_not_before_ = now + kRefusedPause;
  }
  complain("the pod's condition cannot be written", answer);
}

void Reporter::event_answered(const Answer& answer, Instant now) {
  if (success(answer.status) || (answer.status == kConflict && !patching_event_)) {
    book_.done(now);  // a conflict: an attempt whose answer was lost had arrived
    return;
  }
  if (answer.status == kNotFound && patching_event_) {
    book_.expired();  // Events live for an hour
    return;
  }
  if (transient(answer.status) || answer.status == kUnauthorized || answer.status == kConflict) {
    book_.put_back();
    if (answer.status == kConflict) not_before_ = now + backoff_.next(random_);
  } else {
    book_.give_up();
  }
  complain("an Event cannot be written", answer);
}

// Each cause once, until something succeeds.
void Reporter::complain(const char* what, const Answer& answer) {
  if (std::exchange(last_complaint_, answer.status) == answer.status) return;
  words_.push_back(
      {LogLevel::kWarn, fmt::format("Kubernetes: {}: {}. The gate does not depend on it.", what, answer.why)});
}

}  // namespace readygate::kube
