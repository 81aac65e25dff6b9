// See deployment.h.
#include "scripted_server/deployment.h"

#include <array>
#include <cstdlib>
#include <utility>
#include <vector>

namespace readygate::scripted {

namespace {

constexpr std::uint32_t kEpochSeconds = 1'700'000'000;  // where cluster time starts; any fixed number would do

std::string name_of(const Doc& command) {
  const auto first = command.first();
  return first ? std::string(first->key()) : std::string();
}

bool is_hello(std::string_view name) { return name == "hello" || name == "isMaster" || name == "ismaster"; }

Doc extra() {
  Doc nested;
  nested.add("level", 9).add_array("list", Doc::array_of(std::vector<std::string>{"a", "b"}));
  return Doc().add("x-from-the-future", nested).add("quantumState", "both");
}

/// The extra fields at the top of the reply, in its cursor, and in each collection that it lists.
Doc with_extra_fields(const Doc& reply) {
  Doc result = reply;
  if (const auto cursor = reply.find("cursor"); cursor && cursor->is_document()) {
    Doc inner = cursor->document();
    std::vector<Doc> batch = inner.documents("firstBatch");
    const bool collections = !batch.empty() && batch.front().has("type") && batch.front().has("info");
    if (collections) {
      for (Doc& entry : batch) {
        entry = entry.merged(Doc().add("info", entry.document("info").merged(extra()))).merged(extra());
      }
      Doc listed;
      listed.add_array("firstBatch", Doc::array_of(batch));
      inner = inner.merged(listed);
    }
    result = result.merged(Doc().add("cursor", inner.merged(extra())));
  }
  return result.merged(extra());
}

Doc version_array(const std::string& version) {
  Doc numbers;
  const char* rest = version.c_str();
  for (int i = 0; i < 4; ++i) {
    char* end = nullptr;
    numbers.add(std::to_string(i), static_cast<std::int32_t>(std::strtol(rest, &end, 10)));
    rest = *end == '.' ? end + 1 : end;
  }
  return numbers;
}

Doc build_info(const std::string& version) {
  Doc reply;
  reply.add("version", version).add("gitVersion", "0000000000000000000000000000000000000000");
  reply.add_array("modules", Doc()).add_array("versionArray", version_array(version));
  reply.add("bits", 64).add("debug", false).add("maxBsonObjectSize", 16777216);
  return reply.add_array("storageEngines", Doc::array_of(std::vector<std::string>{"wiredTiger"}));
}

Doc connection_status() {
  Doc auth;
  auth.add_array("authenticatedUsers", Doc()).add_array("authenticatedUserRoles", Doc());
  return Doc().add("authInfo", auth.add_array("authenticatedUserPrivileges", Doc()));
}

}  // namespace

void Deployment::step_up() {
  if (primary_) return;
  primary_ = true;
  ++term_;  // a new electionId: drivers drop a primary whose electionId is older (SDAM, "electionId and setVersion")
}

Doc Deployment::hello(const Doc& command, bool legacy, std::int32_t connection_id, std::int64_t now_ms) const {
  Doc reply;
  if (command.truthy("helloOk")) reply.add("helloOk", true);
  reply.add(legacy ? "ismaster" : "isWritablePrimary", primary_);
  if (replicated()) {
    reply.add_array("hosts", Doc::array_of(std::vector<std::string>{settings_.address}));
    reply.add("setName", settings_.set_name).add("setVersion", 1).add("secondary", !primary_);
    if (primary_) reply.add("primary", settings_.address).add_object_id("electionId", term_);
    reply.add("me", settings_.address);
    Doc time;
    time.add_timestamp("ts", kEpochSeconds + term_, operations_).add("t", static_cast<std::int64_t>(term_));
    Doc last;
    last.add("opTime", time).add_date("lastWriteDate", now_ms);
    reply.add("lastWrite", last.add("majorityOpTime", time).add_date("majorityWriteDate", now_ms));
  }
  reply.add("maxBsonObjectSize", 16777216).add("maxMessageSizeBytes", 48000000).add("maxWriteBatchSize", 100000);
  reply.add_date("localTime", now_ms).add("logicalSessionTimeoutMinutes", 30).add("connectionId", connection_id);
  reply.add("minWireVersion", settings_.min_wire).add("maxWireVersion", settings_.max_wire).add("readOnly", false);
  if (command.has("saslSupportedMechs")) {
    reply.add_array("saslSupportedMechs", Doc::array_of(std::vector<std::string>{"SCRAM-SHA-256"}));
  }
  // topologyVersion is left out: a driver then polls instead of keeping a hello in flight, and every hello is counted.
  return reply;
}

std::optional<Doc> Deployment::answer(const Doc& command, std::int32_t connection_id, std::int64_t now_ms) const {
  const std::string name = name_of(command);
  if (is_hello(name)) return hello(command, name != "hello", connection_id, now_ms);
  if (name == "ping" || name == "endSessions" || name == "logout") return Doc();
  if (name == "buildInfo" || name == "buildinfo") return build_info(settings_.version);
  if (name == "connectionStatus") return connection_status();
  if (name == "getParameter") {
    // manual, "View FeatureCompatibilityVersion"; other parameters are not known here.
    if (!command.has("featureCompatibilityVersion"))
      return error_reply(Code::kInvalidOptions, "no option found to get");
    const std::string feature = settings_.version.substr(0, settings_.version.rfind('.'));
    return Doc().add("featureCompatibilityVersion", Doc().add("version", feature));
  }
  if (name == "saslStart" || name == "saslContinue") {
    // There are no users: every credential is wrong. The sentence does not say which half is.
    return error_reply(Code::kAuthenticationFailed, "Authentication failed.");
  }
  if (name == "getMore") return error_reply(Code::kCursorNotFound, "cursor id not found");
  if (name == "killCursors") return Doc();
  return std::nullopt;
}

std::optional<Failure> Deployment::refuse(const Doc& command) const {
  const Access access = access_of(name_of(command));
  if (access == Access::kWrite && !primary_) return Failure{Code::kNotWritablePrimary, "not primary", {}};
  if (access == Access::kRead && !primary_) {
    const std::string mode = command.document("$readPreference").text("mode");
    if (mode.empty() || mode == "primary") {
      return Failure{Code::kNotPrimaryNoSecondaryOk, "not primary and secondaryOk=false", {}};
    }
  }
  if (access == Access::kWrite && !replicated()) {
    // manual, "Retryable Writes", Prerequisites: a standalone has none. "Write Concern": nor other members.
    if (command.has("txnNumber")) {
      return Failure{
          Code::kIllegalOperation, "Transaction numbers are only allowed on a replica set member or mongos", {}};
    }
    if (command.document("writeConcern").integer("w") > 1) {
      return Failure{Code::kBadValue, "cannot use 'w' > 1 when a host is not replicated", {}};
    }
  }
  return std::nullopt;
}

Doc Deployment::finish(const Doc& command, Doc reply) {
  const std::string name = name_of(command);
  if (!reply.has("ok")) reply.add("ok", 1.0);
  const bool succeeded = reply.truthy("ok");
  if (replicated() && access_of(name) == Access::kWrite) {
    ++operations_;
    if (succeeded && command.document("writeConcern").integer("w") > 1 && !reply.has("writeConcernError")) {
      // One member: manual, "Write Concern": w larger than the set can never be satisfied.
      const int code = static_cast<int>(Code::kUnsatisfiableWriteConcern);
      Doc error;
      error.add("code", code).add("codeName", code_name(code)).add("errmsg", "Not enough data-bearing nodes");
      reply.add("writeConcernError", error);
    }
    // specifications, "Retryable Writes": the server labels what may be tried again, when asked with a txnNumber.
    const auto code = static_cast<Code>(reply.integer("code"));
    const bool moved = code == Code::kNotWritablePrimary || code == Code::kInterruptedDueToReplStateChange;
    if (!succeeded && moved && command.has("txnNumber") && !reply.has("errorLabels")) {
      reply.add_array("errorLabels", Doc::array_of(std::vector<std::string>{"RetryableWriteError"}));
    }
  }
  if (replicated()) {
    Doc signature;
    const std::array<std::uint8_t, 20> hash{};  // zeros without authentication
    signature.add_binary("hash", hash).add("keyId", std::int64_t{0});
    Doc cluster_time;
    cluster_time.add_timestamp("clusterTime", kEpochSeconds + term_, operations_).add("signature", signature);
    reply.add("$clusterTime", cluster_time).add_timestamp("operationTime", kEpochSeconds + term_, operations_);
  }
  return settings_.extra_fields ? with_extra_fields(reply) : reply;
}

}  // namespace readygate::scripted
