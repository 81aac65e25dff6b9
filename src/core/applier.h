// Makes the database match the schema: read the catalog, run the difference, read again, and believe only the second
// reading. Collections go in parallel, the steps of one collection in order. Pure: tasks go out through Commands and
// answers come back through on().
//
// Used twice: by the initializer before the gate opens, and by the audit afterwards.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/commands.h"
#include "core/lease.h"
#include "core/ledger.h"
#include "schema/plan.h"
#include "schema/schema.h"

namespace readygate::core {

class Applier {
 public:
  enum class Stage { kIdle, kReading, kApplying, kVerifying, kMatched, kBroken };

  enum class Mode { kApply, kLook };  // look: a difference is an error (kDrift), nothing is changed

  // `schema` outlives this object. `parallelism`: steps in flight at once, at least 1.
  Applier(const schema::Schema& schema, int parallelism, Grant grant, Mode mode = Mode::kApply);

  void begin(Commands& commands);
  // True when the task was one of ours, whatever came of it.
  bool on(Commands& commands, TaskId id, const Outcome& outcome);

  Stage stage() const { return stage_; }
  // Why it is kBroken.
  const Judgement& judgement() const { return judgement_; }
  int steps() const { return static_cast<int>(plan_.steps.size()); }
  int steps_done() const { return steps_done_; }
  // The step that was started last, for people.
  const std::string& current() const { return current_; }
  const schema::Server& server() const { return server_; }
  // What this run made; for the ledger.
  const std::vector<Owns>& made() const { return made_; }
  bool drifted() const { return drifted_; }  // the first reading did not match

 private:
  struct Lane {
    std::vector<std::size_t> steps;  // of one collection: indices into plan_.steps
    std::size_t next = 0;
    bool busy = false;
  };

  void read_catalog(Commands& commands, Stage stage);
  void on_catalog(Commands& commands, const schema::Catalog& catalog);
  void on_step(Commands& commands, std::size_t lane_index, const Outcome& outcome);
  void apply(Commands& commands, schema::Plan plan);
  void feed(Commands& commands);
  void unmask(schema::Plan& plan) const;
  bool made_here(const std::string& collection, const std::string& index) const;
  bool acknowledged(const schema::Step& step) const;
  void broke(Judgement judgement);
  // Conflicts and what is not honoured, as the policy says. False: this is the end.
  bool accept(const schema::Plan& plan);
  void say_findings(Commands& commands, const schema::Plan& plan);
  void record(const schema::Step& step);

  const schema::Schema& schema_;
  const int parallelism_;
  const Grant grant_;
  const Mode mode_;

  Stage stage_ = Stage::kIdle;
  Judgement judgement_{Verdict::kTransient, Reason::kNone, {}};
  schema::Server server_;
  schema::Plan plan_;
  std::vector<Lane> lanes_;
  std::map<TaskId, std::size_t> running_;  // step task -> lane
  std::optional<TaskId> reading_;
  int steps_done_ = 0;
  int rounds_ = 0;  // how often a plan was applied
  bool drifted_ = false;
  std::string current_;
  std::vector<std::string> said_;          // findings that were said already
  std::vector<std::string> acknowledged_;  // collMod steps that the server said yes to
  std::vector<Owns> made_;                 // collections and indexes that the server said yes to
};

}  // namespace readygate::core
