#include "core/snapshot.h"

#include <algorithm>

#include "base/json.h"

namespace readygate::core {
namespace {

enum class Audience { kLocal, kPublic };

void write_phase(JsonWriter& json, const Snapshot::Phase& phase) {
  json.key("phase").begin_object();
  json.field("name", std::string_view(phase.name)).field("step", phase.step).field("of", phase.of);
  json.field("what", std::string_view(phase.what)).key("percent");
  if (phase.percent) {
    json.value(*phase.percent);
  } else {
    json.value("unknown");
  }
  json.end_object();
}

std::string render(const Snapshot& s, Audience audience) {
  JsonWriter json;
  json.begin_object();
  json.field("v", 1).field("seq", static_cast<std::int64_t>(s.seq));
  json.field("instance_id", std::string_view(s.instance_id)).field("state", name(s.state));
  json.field("initialized", s.facts.initialized).field("reachable", s.facts.reachable).field("open", s.facts.open);
  json.field("ready", s.facts.ready).field("healthy", s.facts.healthy).field("live", s.facts.live);
  write_phase(json, s.phase);
  if (audience == Audience::kLocal) json.field("reason", std::string_view(s.reason));
  json.field("code", readygate::name(s.code))
      .field("origin", readygate::name(s.origin))
      .field("retryable", s.retryable)
      .field("attempt", s.attempt);
  json.key("next_attempt_at");
  if (s.next_attempt_at) {
    json.value(std::string_view(rfc3339(*s.next_attempt_at)));
  } else {
    json.null();
  }
  json.field("since", std::string_view(rfc3339(s.since))).field("started", std::string_view(rfc3339(s.started)));
  json.key("schema").begin_object();
  json.field("name", std::string_view(s.schema.name)).field("version", s.schema.version);
  json.field("hash", std::string_view(s.schema.hash)).end_object();
  json.key("lease").begin_object();
  json.field("owner", std::string_view(s.lease.owner)).field("token", s.lease.token).field("mine", s.lease.mine);
  json.end_object();
  json.key("checks").begin_array();
  for (const Check& check : s.checks) {
    json.begin_object().field("name", std::string_view(check.name)).field("passed", check.passed);
    json.field("code", readygate::name(check.reason));
    if (audience == Audience::kLocal && !check.sentence.empty()) {
      json.field("reason", std::string_view(check.sentence));
    }
    json.end_object();
  }
  json.end_array();
  json.key("server").begin_object();
  json.field("product", std::string_view(s.server.product)).field("version", std::string_view(s.server.version));
  json.field("topology", std::string_view(s.server.topology));
  if (!s.server.mongodb_version.empty()) json.field("mongodb_version", std::string_view(s.server.mongodb_version));
  json.end_object();
  json.field("withheld_steps", s.withheld_steps);
  json.end_object();
  return json.take();
}

}  // namespace

const Check* fails(const std::vector<Check>& checks, std::string_view name) {
  const auto found = std::find_if(checks.begin(), checks.end(), [&](const Check& check) { return check.name == name; });
  return found == checks.end() || found->passed ? nullptr : &*found;
}

std::string render_full(const Snapshot& snapshot) { return render(snapshot, Audience::kLocal); }
std::string render_public(const Snapshot& snapshot) { return render(snapshot, Audience::kPublic); }

Published publish(const Snapshot& snapshot) {
  return Published{snapshot.seq,          snapshot.state,          snapshot.facts,  snapshot.code,
                   render_full(snapshot), render_public(snapshot), snapshot.checks, snapshot.withheld_steps};
}

}  // namespace readygate::core
