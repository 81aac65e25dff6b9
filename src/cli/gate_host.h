// A gate at work: the pure core, the loop that it runs on, the database that carries out its tasks, and the log that
// tells what it says. `run` adds servers to it, `apply` an end. Connecting needs the configuration alone, so it has
// begun by the time that the schema is read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "config/settings.h"
#include "core/gate.h"
#include "mongo/driver.h"
#include "mongo/executor.h"
#include "schema/schema.h"
#include "server/loop.h"

namespace readygate::cli {

struct GateHooks {
  std::function<void(const core::Snapshot&)> settled;  // after each event
  std::function<void(std::size_t check)> ask = {};     // a [[check]]; its answer goes to Gate::checked()
  // Calls to the database; may be empty.
  std::function<void(core::TaskId, const core::Work&)> started = {};
  std::function<void(core::TaskId, const core::Outcome&)> finished = {};
  std::function<void()> quit;  // everything is said and answered: end the process
};

// Loop thread only. Never destroyed before the process ends: workers may be blocked in the driver.
class GateHost {
 public:
  // All outlive this object. The settings may be changed later, between events.
  GateHost(config::Settings& settings, LogSink& log, std::shared_ptr<const SystemClock> clock);

  core::Gate& gate() { return *gate_; }
  const core::Gate& gate() const { return *gate_; }
  server::Loop& loop() { return *loop_; }
  core::Now now() const { return {clock_->now(), clock_->wall()}; }

  // Once, before anything else: begins to connect. Fails with kInternal.
  Result<void> open();
  // Once, before the first event and before the loop runs.
  void make_gate(const schema::Schema& schema, GateHooks hooks,
                 core::TimeoutCovers init_timeout = core::TimeoutCovers::kOpening);
  // Something happened: let the gate know, then do what it wants and tell what it says.
  void event(const std::function<void()>& tell);
  void say(LogLevel level, std::string_view message, std::string_view fields = {});
  // True when the file of the connection string holds another one. One that cannot be read just now (a mount being
  // swapped) leaves the old one in force.
  bool read_secret();
  // True when a TLS file that the connection string names was changed, replaced, or came, since the connections with it
  // were made.
  bool tls_files_changed();

 private:
  void say(LogLevel level, core::State state, std::int64_t attempt, std::string_view message, std::string_view fields);
  void carry_out(core::Command& command);
  void renew();

  config::Settings& settings_;
  LogSink& log_;
  std::string tls_files_;  // see mongo::tls_files()
  const std::shared_ptr<const SystemClock> clock_;
  SystemRandom random_;
  std::optional<core::Gate> gate_;
  GateHooks hooks_;
  std::unique_ptr<server::Loop> loop_;
  std::shared_ptr<mongo::Driver> driver_;
  std::optional<mongo::Executor> executor_;
  server::Timer tick_;
  bool secret_unreadable_ = false;
};

// A core file or a debugger of the same user would show the connection string.
void keep_memory_private();

}  // namespace readygate::cli
