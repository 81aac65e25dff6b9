#include "server/wait_answer.h"

#include "base/json.h"
#include "server/routes.h"

namespace readygate::server {

std::string_view name(Why why, core::Fact fact) {
  switch (why) {
    case Why::kTrue: return core::name(fact);
    case Why::kTimeout: return "timeout";
    case Why::kFailed: return "failed";
    case Why::kDraining: return "draining";
    case Why::kBusy: return "busy";
    case Why::kForbidden: return "forbidden";
    case Why::kBadRequest: return "bad_request";
  }
  return "bad_request";
}

std::optional<Why> end_of_wait(const core::Published& now, const WaitRequest& asked) {
  if (core::holds(now.facts, asked.fact)) return Why::kTrue;
  if (now.state == core::State::kDraining) return Why::kDraining;
  if (now.state == core::State::kFailed && asked.fail_fast) return Why::kFailed;
  return std::nullopt;
}

std::string wait_json(Why why, core::Fact fact, const core::Published& now, Speech speech) {
  JsonWriter json;
  json.begin_object().field("ok", why == Why::kTrue).field("why", name(why, fact));
  json.field("state", core::name(now.state)).field("code", readygate::name(now.code));
  json.field("seq", static_cast<std::int64_t>(now.seq));
  json.field("initialized", now.facts.initialized).field("reachable", now.facts.reachable);
  json.field("open", now.facts.open).field("ready", now.facts.ready).field("healthy", now.facts.healthy);
  if (speech == Speech::kHttpWithSnapshot) json.key("snapshot").raw(now.full);
  json.end_object();
  return json.take();
}

int http_status(Why why) {
  switch (why) {
    case Why::kTrue: return 200;
    case Why::kTimeout: return 408;
    case Why::kFailed:
    case Why::kDraining:
    case Why::kBusy: return 503;
    case Why::kForbidden: return 403;
    case Why::kBadRequest: return 400;
  }
  return 400;
}

std::string wait_answer(Why why, core::Fact fact, const core::Published& now, Speech speech) {
  std::string json = wait_json(why, fact, now, speech) + "\n";
  if (speech == Speech::kLine) return json;
  const int status = http_status(why);
  return render(Response{status, Body::kJson, std::move(json), {}, status == 503}, Ending::kClose, Part::kWhole);
}

void WaitAnswers::forget() {
  for (std::string& one : made_) one.clear();
}

std::string_view WaitAnswers::get(Why why, core::Fact fact, const core::Published& now, Speech speech) {
  const std::size_t index = (static_cast<std::size_t>(why) * kFacts + static_cast<std::size_t>(fact)) * kSpeechCount +
                            static_cast<std::size_t>(speech);
  std::string& one = made_[index];
  if (one.empty()) one = wait_answer(why, fact, now, speech);
  return one;
}

}  // namespace readygate::server
