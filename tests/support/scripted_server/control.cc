// See control.h.
#include "scripted_server/control.h"

#include <cerrno>
#include <cstring>
#include <map>

namespace readygate::scripted {

namespace {

using Answer = tl::expected<Doc, std::string>;

Answer change_settings(ServerState& state, const Doc& changes) {
  Deployment::Settings& settings = state.deployment.settings();
  for (const Field& change : changes.fields()) {
    const auto key = change.key();
    if (key == "version") {
      settings.version = std::string(change.text());
    } else if (key == "address") {
      settings.address = std::string(change.text());
    } else if (key == "min_wire") {
      settings.min_wire = static_cast<std::int32_t>(change.integer());
    } else if (key == "max_wire") {
      settings.max_wire = static_cast<std::int32_t>(change.integer());
    } else if (key == "extra_fields") {
      settings.extra_fields = change.truthy();
    } else if (key == "feature_version") {
      state.model.feature_version = static_cast<int>(change.integer());
    } else if (key == "hides_builds") {
      state.model.hides_builds = change.truthy();
    } else {
      return tl::unexpected("unknown setting: " + std::string(key));
    }
  }
  return Doc();
}

Answer count(const ServerState& state) {
  Doc answer;
  answer.add("counts", state.script.counts()).add("held", state.held);
  return answer.add("connections", static_cast<std::int32_t>(state.descriptors.size()));
}

Answer add_rule(ServerState& state, const Doc& rule) {
  const auto number = state.script.add(rule);
  if (!number) return tl::unexpected(number.error());
  return Doc().add("rule", *number);
}

Answer set_unfinished(ServerState& state, const Doc& names) {
  state.model.unfinished.clear();
  for (const Field& name : names.fields()) state.model.unfinished.emplace(name.text());
  return Doc();
}

Answer run(ServerState& state, const Doc& command) {
  const Doc reply = execute(state, command.text("$db"), command, 0);
  return Doc().add("reply", state.deployment.finish(command, reply));
}

Answer reopen(Server& server, bool open) {
  if (!open) {
    server.refuse();
  } else if (server.listener() < 0 && !server.listen()) {
    return tl::unexpected(std::string("cannot listen: ") + std::strerror(errno));
  }
  return Doc();
}

Answer carry_out(const Doc& line, Server& server, Sync<ServerState>& shared) {
  const auto first = line.first();
  const auto verb = first ? first->key() : std::string_view();
  if (verb == "release") {
    server.release();
    return Doc();
  }
  if (verb == "step_down") {
    server.step_down();
    return Doc();
  }
  if (verb == "drop_connections") {
    server.drop_connections();
    return Doc();
  }
  if (verb == "listen") return reopen(server, first->truthy());

  auto state = shared.lock();
  if (verb == "on") return add_rule(*state, line);
  if (verb == "forget") {
    state->script.remove(static_cast<int>(first->integer()));
    return Doc();
  }
  if (verb == "clear") {
    state->script.clear();
    return Doc();
  }
  if (verb == "step_up") {
    state->deployment.step_up();
    return Doc();
  }
  if (verb == "set") return change_settings(*state, first->document());
  if (verb == "count") return count(*state);
  if (verb == "log") return Doc().add_array("log", Doc::array_of(state->script.log()));
  if (verb == "forget_log") {
    state->script.forget_log();
    return Doc();
  }
  if (verb == "current_op") {
    state->current_operations = line.documents("current_op");
    return Doc();
  }
  if (verb == "building") return set_unfinished(*state, first->document());
  if (verb == "run") return run(*state, first->document());
  return tl::unexpected("unknown line: it begins with \"" + std::string(verb) + "\"");
}

}  // namespace

std::string obey(std::string_view line, Server& server, Sync<ServerState>& state) {
  const auto parsed = Doc::from_json(line);
  const Answer answer = parsed ? carry_out(*parsed, server, state) : tl::unexpected(std::string("not a JSON object"));
  if (!answer) return Doc().add("error", answer.error()).json();
  return Doc().add("ok", true).add_all(*answer).json();
}

}  // namespace readygate::scripted
