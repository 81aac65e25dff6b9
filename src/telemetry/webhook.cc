#include "telemetry/webhook.h"

#include <utility>

#include "base/json.h"

namespace readygate::telemetry {

namespace {

constexpr std::array kChecks = {core::kMigrationsCheck, core::kDriftCheck};

void add_facts(JsonWriter& json, const core::Snapshot& s) {
  json.field("initialized", s.facts.initialized).field("open", s.facts.open).field("ready", s.facts.ready);
  json.field("withheld_steps", s.withheld_steps);
  json.key("schema").begin_object().field("name", std::string_view(s.schema.name));
  json.field("version", s.schema.version).field("hash", std::string_view(s.schema.hash)).end_object();
}

}  // namespace

std::vector<std::string> StateChanges::observe(const core::Snapshot& s, WallTime wall) {
  std::vector<std::string> bodies;
  const core::State from = std::exchange(last_, s.state);
  if (from != s.state) {
    JsonWriter json;
    json.begin_object().field("v", 1).field("id", std::string_view(random_id(random_)));
    json.field("at", std::string_view(rfc3339(s.since))).field("instance_id", std::string_view(s.instance_id));
    json.field("from", name(from)).field("to", name(s.state));
    json.field("code", readygate::name(s.code)).field("message", text(s.code).meaning);
    add_facts(json, s);
    bodies.push_back(json.end_object().take());
  }
  for (std::size_t i = 0; i < kChecks.size(); ++i) {
    const core::Check* failing = core::fails(s.checks, kChecks[i]);
    const Reason why = failing != nullptr ? failing->reason : Reason::kNone;
    if (std::exchange(told_[i], why) != why) bodies.push_back(of_check(s, kChecks[i], failing, wall));
  }
  return bodies;
}

std::string StateChanges::of_check(const core::Snapshot& s, std::string_view check, const core::Check* failing,
                                   WallTime wall) {
  const Reason code = failing != nullptr ? failing->reason : Reason::kNone;
  JsonWriter json;
  json.begin_object().field("v", 1).field("id", std::string_view(random_id(random_)));
  json.field("at", std::string_view(rfc3339(wall))).field("instance_id", std::string_view(s.instance_id));
  json.field("check", check).field("passed", failing == nullptr);
  json.field("from", name(s.state)).field("to", name(s.state));
  const bool said = failing != nullptr && !failing->sentence.empty();
  json.field("code", readygate::name(code));
  json.field("message", said ? std::string_view(failing->sentence) : text(code).meaning);
  add_facts(json, s);
  return json.end_object().take();
}

}  // namespace readygate::telemetry
