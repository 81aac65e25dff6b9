#include "telemetry/trace.h"

#include <utility>

#include <fmt/format.h>

#include "base/json.h"
#include "core/failure.h"

namespace readygate::telemetry {
namespace {

// A start that retries for hours must not fill the memory: the first of its calls are shown, the others counted.
constexpr std::size_t kMostSpans = 512;

// Numbers of the protocol (opentelemetry/proto/trace/v1/trace.proto).
constexpr int kKindInternal = 1;
constexpr int kKindClient = 3;
constexpr int kStatusOk = 1;
constexpr int kStatusError = 2;

// What a call is to the start; "" is none of its business.
struct NameOf {
  core::State state;

  std::string operator()(const core::ReadLedger&) const { return "connect"; }
  std::string operator()(const core::InsertLedger&) const { return "lease"; }
  std::string operator()(const core::ChangeLedger&) const { return "lease"; }
  std::string operator()(const core::AwaitEarlier&) const { return "await earlier operations"; }
  std::string operator()(const core::ReadCatalog&) const {
    return state == core::State::kVerifying ? "verify" : "read catalog";
  }
  std::string operator()(const core::RunStep&) const { return "step"; }
  std::string operator()(const core::RunSeed&) const { return "seed"; }
  std::string operator()(const core::RunBatch&) const { return "migrate"; }
  std::string operator()(const core::RunCommand&) const { return "migrate"; }
  std::string operator()(const core::Warm&) const { return "warm"; }
  template <typename Other>
  std::string operator()(const Other&) const {
    return "";
  }
};

// Nanoseconds as a string: JSON's numbers are too small for them.
std::string nanos(WallTime time) { return fmt::format("{}000000", time.time_since_epoch().count()); }

void attribute(JsonWriter& json, std::string_view key, std::string_view value) {
  json.begin_object().field("key", key).key("value").begin_object().field("stringValue", value).end_object();
  json.end_object();
}

void status(JsonWriter& json, Reason failed) {
  json.key("status").begin_object().field("code", failed == Reason::kNone ? kStatusOk : kStatusError);
  if (failed != Reason::kNone) json.field("message", readygate::name(failed));
  json.end_object();
}

}  // namespace

StartTrace::StartTrace(std::string service, std::string version, Random& random)
    : service_(std::move(service)),
      version_(std::move(version)),
      random_(random),
      trace_id_(random_id(random)),
      root_id_(random_id(random).substr(0, 16)) {}

void StartTrace::started(core::TaskId id, const core::Work& work, core::State state, WallTime wall) {
  if (ended_) return;
  std::string name = std::visit(NameOf{state}, work);
  if (name.empty()) return;
  if (spans_.size() >= kMostSpans) {
    ++left_out_;
    return;
  }
  const auto* step = std::get_if<core::RunStep>(&work);
  open_[id] = spans_.size();
  spans_.push_back({random_id(random_).substr(0, 16),
                    std::move(name),
                    step != nullptr ? fmt::format("{}: {}", step->step.collection, step->step.what) : "",
                    wall,
                    {}});
}

void StartTrace::finished(core::TaskId id, const core::Outcome& outcome, WallTime wall) {
  const auto found = open_.find(id);
  if (ended_ || found == open_.end()) return;
  Span& span = spans_[found->second];
  span.end = wall;
  if (!outcome) span.failed = core::judge(outcome.error()).reason;
  open_.erase(found);
}

std::optional<std::string> StartTrace::observe(const core::Snapshot& snapshot, WallTime wall) {
  const bool failed = snapshot.state == core::State::kFailed;
  if (ended_ || (!failed && !snapshot.facts.initialized)) return std::nullopt;
  ended_ = true;
  std::string body = render(snapshot, wall);
  spans_.clear();
  open_.clear();
  return body;
}

std::string StartTrace::render(const core::Snapshot& snapshot, WallTime end) const {
  const bool failed = snapshot.state == core::State::kFailed;
  JsonWriter json;
  json.begin_object().key("resourceSpans").begin_array().begin_object();
  json.key("resource").begin_object().key("attributes").begin_array();
  attribute(json, "service.name", service_);
  attribute(json, "service.version", version_);
  attribute(json, "service.instance.id", snapshot.instance_id);
  json.end_array().end_object();
  json.key("scopeSpans").begin_array().begin_object();
  json.key("scope").begin_object().field("name", "readygate").field("version", std::string_view(version_)).end_object();
  json.key("spans").begin_array();
  const auto head = [&](std::string_view id, std::string_view name, int kind, WallTime from, WallTime to) {
    json.begin_object().field("traceId", std::string_view(trace_id_)).field("spanId", id).field("name", name);
    json.field("kind", kind).field("startTimeUnixNano", std::string_view(nanos(from)));
    json.field("endTimeUnixNano", std::string_view(nanos(to)));
  };
  head(root_id_, "start", kKindInternal, snapshot.started, end);
  json.key("attributes").begin_array();
  attribute(json, "readygate.schema", snapshot.schema.name);
  attribute(json, "readygate.version", fmt::format("{}", snapshot.schema.version));
  attribute(json, "readygate.attempts", fmt::format("{}", snapshot.attempt));
  if (left_out_ > 0) attribute(json, "readygate.calls_left_out", fmt::format("{}", left_out_));
  json.end_array();
  status(json, failed ? snapshot.code : Reason::kNone);
  json.end_object();
  for (const Span& span : spans_) {
    if (!span.end) continue;  // of no weight for the start: it ended without it
    head(span.id, span.name, kKindClient, span.start, *span.end);
    json.field("parentSpanId", std::string_view(root_id_)).key("attributes").begin_array();
    attribute(json, "db.system.name", "mongodb");
    if (!span.what.empty()) attribute(json, "readygate.step", span.what);
    json.end_array();
    status(json, span.failed);
    json.end_object();
  }
  json.end_array().end_object().end_array().end_object().end_array().end_object();
  return json.take();
}

}  // namespace readygate::telemetry
