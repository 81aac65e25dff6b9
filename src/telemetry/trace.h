// The start-up as one trace, for OTLP/HTTP in its JSON encoding: a span for the whole, and in it one for each call to
// the database that the start needed, as it really was: retries, waiting for a server and steps side by side are seen.
//
// It ends with the first of: the gate opened, the gate failed. Pure: time is passed in.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "core/snapshot.h"
#include "core/work.h"

namespace readygate::telemetry {

class StartTrace {
 public:
  StartTrace(std::string service, std::string version, Random& random);

  // `state` in which it is made: the catalog is read to find what is missing, and again to verify.
  void started(core::TaskId id, const core::Work& work, core::State state, WallTime wall);
  void finished(core::TaskId id, const core::Outcome& outcome, WallTime wall);
  // After each change of the gate: the body of the export, once, when the start has ended.
  std::optional<std::string> observe(const core::Snapshot& snapshot, WallTime wall);

 private:
  struct Span {
    std::string id;
    std::string name;
    std::string what;  // of a step; "" otherwise
    WallTime start;
    std::optional<WallTime> end;
    Reason failed = Reason::kNone;
  };

  std::string render(const core::Snapshot& snapshot, WallTime end) const;

  const std::string service_;
  const std::string version_;
  Random& random_;
  const std::string trace_id_;
  const std::string root_id_;
  std::vector<Span> spans_;
  std::map<core::TaskId, std::size_t> open_;  // into spans_
  std::int64_t left_out_ = 0;
  bool ended_ = false;
};

}  // namespace readygate::telemetry
