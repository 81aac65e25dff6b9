// What kind of server this is at the moment: standalone or a member of a replica set, primary or not, which version,
// and what follows from that for every command: the hello reply, refusals, write concern, the fields around a reply.
//
// Sources (manual): "hello", "buildInfo", "Replica Set Elections", "Write Concern", "Retryable Writes", "Error Codes";
// specifications: "Server Discovery and Monitoring" (what a driver makes of hello and of 10107, 11602, 13435).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "scripted_server/catalog_model.h"

namespace readygate::scripted {

class Deployment {
 public:
  struct Settings {
    std::string address;   // host:port, as a client reaches it
    std::string set_name;  // empty: standalone
    std::string version = "7.0.14";
    std::int32_t min_wire = 0;
    std::int32_t max_wire = 21;  // 21 is MongoDB 7.0, 25 is 8.0
    bool extra_fields = false;   // fields that no client knows, in every reply
  };
  explicit Deployment(Settings settings) : settings_(std::move(settings)) {}

  Settings& settings() { return settings_; }
  bool replicated() const { return !settings_.set_name.empty(); }
  bool primary() const { return primary_; }
  std::uint32_t term() const { return term_; }
  void step_down() { primary_ = !replicated(); }
  void step_up();

  /// hello, isMaster, ping, buildInfo, connectionStatus and the like: what needs no catalog. Nothing for other
  /// commands.
  std::optional<Doc> answer(const Doc& command, std::int32_t connection_id, std::int64_t now_ms) const;
  /// Why this command is refused before it runs.
  std::optional<Failure> refuse(const Doc& command) const;
  /// Adds what every reply carries: ok, operationTime, $clusterTime, a write concern error, error labels, extra fields.
  Doc finish(const Doc& command, Doc reply);

 private:
  Doc hello(const Doc& command, bool legacy, std::int32_t connection_id, std::int64_t now_ms) const;

  Settings settings_;
  bool primary_ = true;
  std::uint32_t term_ = 1;
  std::uint32_t operations_ = 1;  // the increment of operationTime; its seconds are the term
};

}  // namespace readygate::scripted
