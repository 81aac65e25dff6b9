#include "mongo/watch.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "mongo/errors.h"

namespace readygate::mongo {

namespace {

using core::Domain;
using core::Failure;

// MongoDB 4.2. https://github.com/mongodb/specifications, "wire version": 8 is 4.2, 9 is 4.4, 13 is 5.0, 21 is 7.0.
constexpr std::int32_t kOldestWireVersion = 8;
// A host in unchanged trouble is looked at again no more often than this, in microseconds.
constexpr std::int64_t kLookAgain = 10'000'000;
// What failed at once is looked at only briefly: libmongoc holds a lock around its callbacks, and the other monitors
// wait.
constexpr Millis kSecondLook{1000};

constexpr std::array<std::string_view, 4> kWritable{"RSPrimary", "Standalone", "Mongos", "LoadBalancer"};

bool writable(std::string_view type) { return std::find(kWritable.begin(), kWritable.end(), type) != kWritable.end(); }

std::string_view topology_of(std::string_view server_type) {
  if (server_type == "Standalone") return "standalone";
  if (server_type == "Mongos" || server_type == "LoadBalancer") return "sharded";
  if (server_type.starts_with("RS")) return "replicaset";
  return "unknown";
}

std::string_view in_words(std::string_view server_type) {
  if (server_type == "RSPrimary") return "the primary";
  if (server_type == "RSSecondary") return "a secondary";
  if (server_type == "RSArbiter") return "an arbiter";
  if (server_type == "RSGhost" || server_type == "PossiblePrimary") return "not yet a member of the replica set";
  if (server_type == "RSOther") return "a member that takes no writes";
  if (server_type == "Standalone") return "not a member of the replica set";
  return "not usable";
}

Address address_of(const mongoc_host_list_t* host) { return Address{host->host, host->port}; }

std::int32_t int_field(const bson_t* document, const char* field) {
  bson_iter_t iter;
  if (!document || !bson_iter_init_find(&iter, document, field) || !BSON_ITER_HOLDS_NUMBER(&iter)) return 0;
  return static_cast<std::int32_t>(bson_iter_as_int64(&iter));
}

std::vector<Watch::Server> servers_of(const mongoc_topology_description_t* topology) {
  std::size_t count = 0;  // of those that have answered: libmongoc leaves the others out
  mongoc_server_description_t** list = mongoc_topology_description_get_servers(topology, &count);
  std::vector<Watch::Server> servers;
  for (std::size_t i = 0; i < count; ++i) {
    servers.push_back({address_of(mongoc_server_description_host(list[i])), mongoc_server_description_type(list[i]),
                       int_field(mongoc_server_description_hello_response(list[i]), "maxWireVersion")});
  }
  mongoc_server_descriptions_destroy_all(list, count);
  return servers;
}

}  // namespace

CallbacksHandle Watch::callbacks() {
  CallbacksHandle callbacks = command_callbacks();
  if (!callbacks) callbacks.reset(mongoc_apm_callbacks_new());
  mongoc_apm_set_server_heartbeat_failed_cb(callbacks.get(), [](const mongoc_apm_server_heartbeat_failed_t* event) {
    bson_error_t error{};
    mongoc_apm_server_heartbeat_failed_get_error(event, &error);
    static_cast<Watch*>(mongoc_apm_server_heartbeat_failed_get_context(event))
        ->heartbeat_failed(address_of(mongoc_apm_server_heartbeat_failed_get_host(event)), error,
                           Millis(mongoc_apm_server_heartbeat_failed_get_duration(event) / 1000));
  });
  mongoc_apm_set_server_heartbeat_succeeded_cb(
      callbacks.get(), [](const mongoc_apm_server_heartbeat_succeeded_t* event) {
        static_cast<Watch*>(mongoc_apm_server_heartbeat_succeeded_get_context(event))
            ->heartbeat_succeeded(address_of(mongoc_apm_server_heartbeat_succeeded_get_host(event)),
                                  mongoc_apm_server_heartbeat_succeeded_get_reply(event));
      });
  mongoc_apm_set_topology_changed_cb(callbacks.get(), [](const mongoc_apm_topology_changed_t* event) {
    const mongoc_topology_description_t* now = mongoc_apm_topology_changed_get_new_description(event);
    static_cast<Watch*>(mongoc_apm_topology_changed_get_context(event))
        ->topology_changed(mongoc_topology_description_type(now), servers_of(now));
  });
  mongoc_apm_set_server_opening_cb(callbacks.get(), [](const mongoc_apm_server_opening_t* event) {
    static_cast<Watch*>(mongoc_apm_server_opening_get_context(event))
        ->server_opened(address_of(mongoc_apm_server_opening_get_host(event)));
  });
  mongoc_apm_set_server_closed_cb(callbacks.get(), [](const mongoc_apm_server_closed_t* event) {
    static_cast<Watch*>(mongoc_apm_server_closed_get_context(event))
        ->server_closed(address_of(mongoc_apm_server_closed_get_host(event)));
  });
  return callbacks;
}

CallbacksHandle Watch::command_callbacks() {
  if (!observers_.command) return nullptr;
  CallbacksHandle callbacks{mongoc_apm_callbacks_new()};
  mongoc_apm_set_command_started_cb(callbacks.get(), [](const mongoc_apm_command_started_t* event) {
    static_cast<const Watch*>(mongoc_apm_command_started_get_context(event))
        ->command_started(mongoc_apm_command_started_get_command_name(event));
  });
  return callbacks;
}

void Watch::command_started(std::string_view name) const { observers_.command(name); }

// ------------------------------------------------------------------------------------------------- what is seen

void Watch::heartbeat_failed(const Address& host, const bson_error_t& error, Millis took) {
  if (error.code == 0) return;  // a check that the driver itself called off
  const std::string shown = host.shown();
  const std::int64_t now = bson_get_monotonic_time();
  std::optional<Failure> known;
  {
    auto state = state_.lock();
    const auto trouble = state->troubles.find(shown);
    if (trouble != state->troubles.end() && trouble->second.words == error.message &&
        now - trouble->second.at_us < kLookAgain) {
      known = trouble->second.failure;
    }
  }
  if (known) return;
  // Without the lock: it may take seconds.
  Failure failure = refine(host, failure_from(error, nullptr, core::Doing::kConnect), took);
  auto state = state_.lock();
  state->answers.erase(shown);
  state->troubles[shown] = Trouble{error.message, std::move(failure), now};
  state->newest = shown;
  tell(*state);
}

Failure Watch::refine(const Address& host, Failure failure, Millis took) const {
  failure.doing = core::Doing::kConnect;
  const bool in_tls = failure.domain == Domain::kTls || failure.domain == Domain::kTlsFile;
  if (in_tls) return explain_tls(host, std::move(failure));
  if (failure.domain != Domain::kStream && failure.domain != Domain::kStreamTimeout) return failure;
  const bool never_connected = failure.message.find("Failed to connect") != std::string::npos;
  if (took + Millis(100) >= connect_timeout_) {
    failure.domain = Domain::kStreamTimeout;
    failure.message = never_connected ? fmt::format("connecting to {} timed out", host.shown())
                                      : fmt::format("{} accepts connections but does not answer", host.shown());
    return failure;
  }
  const Look look = never_connected ? Look::kConnect : target_.tls.wanted ? Look::kHandshake : Look::kWhetherTls;
  if (auto found = diagnose(host, look, target_.tls, kSecondLook)) return *found;
  if (!never_connected) {
    failure.message = fmt::format("{} closed the connection without an answer ({})", host.shown(), failure.message);
  }
  return failure;
}

Failure Watch::explain_tls(const Address& host, Failure failure) const {
  if (auto found = diagnose(host, Look::kHandshake, target_.tls, kSecondLook)) return *found;
  // OCSP is libmongoc's own, and asks others.
  if (failure.message.find("OCSP") == std::string::npos) return failure;
  TlsFacts facts;
  facts.server = host.shown();
  return tls_failure(TlsFinding::kRevoked, facts);
}

void Watch::heartbeat_succeeded(const Address& host, const bson_t* hello) {
  auto state = state_.lock();
  state->troubles.erase(host.shown());
  if (hello) state->answers[host.shown()] = answer_of(*hello);
}

void Watch::server_opened(const Address& host) {
  auto state = state_.lock();
  state->asked.insert(host.shown());
  state->ever_asked = true;
}

void Watch::server_closed(const Address& host) {
  auto state = state_.lock();
  state->troubles.erase(host.shown());
  state->asked.erase(host.shown());
}

bool Watch::deserted() const {
  auto state = state_.lock();
  return state->ever_asked && state->asked.empty();
}

void Watch::silence() { state_.lock()->silent = true; }

void Watch::topology_changed(std::string_view type, std::vector<Server> servers) {
  auto state = state_.lock();
  state->single = type == "Single";
  state->servers = std::move(servers);
  const auto primary = std::find_if(state->servers.begin(), state->servers.end(),
                                    [](const Server& server) { return writable(server.type); });
  const bool had_primary = std::exchange(state->primary, primary != state->servers.end());
  if (had_primary && !state->primary) ++state->losses;
  if (state->primary) {
    state->wire_version = primary->wire_version;
    // What was dropped on the way here is of no more interest.
    std::erase_if(state->answers, [&](const auto& each) { return !state->asked.contains(each.first); });
  }
  state->topology = "unknown";
  for (const Server& server : state->servers) {
    if (topology_of(server.type) != "unknown") state->topology = topology_of(server.type);
  }
  tell(*state);
}

std::optional<Failure> Watch::misaddressed(const State& state) const {
  Unreachable unreachable;
  for (const auto& [host, trouble] : state.troubles) unreachable[host] = trouble.failure.message;
  return mongo::misaddressed(target_, state.answers, unreachable);
}

void Watch::tell(State& state) {
  if (state.silent) return;
  core::TopologyChanged now;
  now.primary = state.primary;
  now.topology = state.topology;
  if (!state.primary) {
    if (const auto names = misaddressed(state)) {
      now.last_error = *names;
    } else if (state.troubles.contains(state.newest)) {
      now.last_error = state.troubles[state.newest].failure;
    }
  }
  const bool same = now.primary == state.told.primary && now.topology == state.told.topology &&
                    now.last_error.domain == state.told.last_error.domain &&
                    now.last_error.message == state.told.last_error.message;
  if (same && state.anything_told) return;
  state.anything_told = true;
  state.told = now;
  if (observers_.topology) observers_.topology(std::move(now));
}

// --------------------------------------------------------------------------------------------- what it means

std::optional<Failure> Watch::unusable() const {
  auto state = state_.lock();
  if (state->primary && state->wire_version != 0 && state->wire_version < kOldestWireVersion) {
    return Failure{Domain::kProtocol,
                   0,
                   core::Doing::kConnect,
                   fmt::format("the server speaks wire version {}, and {} (MongoDB 4.2) is the oldest that will do",
                               state->wire_version, kOldestWireVersion),
                   {}};
  }
  if (state->single && state->servers.size() == 1) {
    const Server& server = state->servers.front();
    if (server.type.starts_with("RS") && server.type != "RSPrimary") {
      const auto answer = state->answers.find(server.host.shown());
      const std::string primary = answer == state->answers.end() ? "" : answer->second.primary;
      Failure failure{
          Domain::kSelection,
          0,
          core::Doing::kConnect,
          fmt::format("directConnection=true in the URI, and {} is {}{}", server.host.shown(), in_words(server.type),
                      primary.empty() ? "" : fmt::format("; its primary is {}", primary)),
          {}};
      failure.advice =
          "Take directConnection=true out of the URI, so that the primary is looked for; or name the primary in it.";
      return failure;
    }
  }
  return std::nullopt;
}

Failure Watch::explain_selection(Failure failure) const {
  auto state = state_.lock();
  if (auto names = misaddressed(*state)) return *names;
  if (state->servers.empty()) {
    const auto trouble = state->troubles.find(state->newest);
    return trouble == state->troubles.end() ? failure : trouble->second.failure;
  }
  std::string words;
  for (const Server& server : state->servers) {
    words += fmt::format("{}{} is {}", words.empty() ? "" : ", ", server.host.shown(), in_words(server.type));
  }
  for (const auto& [host, trouble] : state->troubles) {
    const bool elsewhere = advertised(target_, state->answers, host);
    words += fmt::format(", {}{} is not reachable ({})", host, elsewhere ? ", which the replica set advertises," : "",
                         trouble.failure.message);
    if (elsewhere) failure.advice = reach_advertised();
  }
  failure.domain = Domain::kSelection;
  failure.message = fmt::format("no writable primary: {}", words);
  return failure;
}

Failure Watch::explain_connect(Failure failure) const {
  std::optional<Address> host;
  {
    auto state = state_.lock();
    for (const Server& server : state->servers) {
      if (!host || writable(server.type)) host = server.host;
    }
  }
  if (!host) return failure;
  if (failure.domain == Domain::kTls || failure.domain == Domain::kTlsFile) return explain_tls(*host, failure);
  auto found = diagnose(*host, Look::kConnect, target_.tls, connect_timeout_);
  return found ? *found : failure;
}

std::uint64_t Watch::losses() const { return state_.lock()->losses; }
bool Watch::primary() const { return state_.lock()->primary; }
std::string Watch::topology() const { return state_.lock()->topology; }
std::int32_t Watch::wire_version() const { return state_.lock()->wire_version; }

}  // namespace readygate::mongo
