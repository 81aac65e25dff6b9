#include "telemetry/webhook.h"

#include <utility>

#include "base/json.h"

namespace readygate::telemetry {

std::optional<std::string> StateChanges::observe(const core::Snapshot& s) {
  const core::State from = std::exchange(last_, s.state);
  if (from == s.state) return std::nullopt;
  JsonWriter json;
  json.begin_object().field("v", 1).field("id", std::string_view(random_id(random_)));
  json.field("at", std::string_view(rfc3339(s.since))).field("instance_id", std::string_view(s.instance_id));
  json.field("from", name(from)).field("to", name(s.state));
  json.field("code", readygate::name(s.code)).field("message", text(s.code).meaning);
  json.field("initialized", s.facts.initialized).field("open", s.facts.open).field("ready", s.facts.ready);
  json.key("schema").begin_object().field("name", std::string_view(s.schema.name));
  json.field("version", s.schema.version).field("hash", std::string_view(s.schema.hash)).end_object();
  return json.end_object().take();
}

}  // namespace readygate::telemetry
