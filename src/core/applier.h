// Makes the database match the schema: read the catalog, run the difference, read again, and believe only the second
// reading. Where a server lists indexes and does not say whether they are built, believe those that it has answered
// for. Collections go in parallel, the steps of one collection in order. Pure: tasks go out through Commands and
// answers come back through on().
//
// Used twice: by the initializer before the gate opens, and by the audit afterwards.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/commands.h"
#include "core/lease.h"
#include "core/ledger.h"
#include "schema/plan.h"
#include "schema/schema.h"

namespace readygate::core {

class Applier {
 public:
  // kConfirming: only what comes last is left, if anything: documents, when they follow, and steps that take something
  // away. confirm() goes on.
  enum class Stage { kIdle, kReading, kApplying, kConfirming, kVerifying, kMatched, kBroken };

  // A task that carries out steps.
  struct Sent {
    bool destructive = false;  // it takes something away
    std::string collection = {};
    std::vector<std::string> steps = {};  // by what they are: the same in every plan
  };

  enum class Mode { kApply, kLook };  // look: a difference is an error (kDrift), nothing is changed

  // `schema` outlives this object. `parallelism`: steps in flight at once, at least 1; twice as
  // many of those that work through no documents.
  // `owns`: what the ledger says that this schema made.
  Applier(const schema::Schema& schema, int parallelism, std::vector<Owns> owns, Mode mode = Mode::kApply);

  // How many of its tasks may be in flight when so many steps may.
  static int tasks_at_once(int parallelism);

  // Under which steps are sent from here on: the lease was renewed. Until the first, none is.
  void grant(const Grant& grant) { grant_ = grant; }
  // Of a look: no apply has ever answered for what is listed. An index that may not be built is then not there.
  void doubt_unproven() { doubts_ = true; }
  // Nothing was ever applied: most likely there is none of it. Which collections there are is asked first, and of those
  // alone what they are.
  void expect_nothing() { asks_names_ = true; }
  // Stops at kConfirming once, even with nothing left to do.
  void documents_follow() { documents_follow_ = true; }
  // The holder of the lease before may have operations at work: begin() ends or awaits them first.
  void await_earlier(AwaitEarlier earlier) { earlier_ = std::move(earlier); }
  void begin(Commands& commands);
  // The lease was confirmed after kConfirming was reached.
  void confirm(Commands& commands);
  // Reads and compares once more: what was verified may have been rolled back since.
  void verify_again(Commands& commands);
  // True when the task was one of ours, whatever came of it.
  bool on(Commands& commands, TaskId id, const Outcome& outcome);

  Stage stage() const { return stage_; }
  // Why it is kBroken.
  const Judgement& judgement() const { return judgement_; }
  int steps() const { return static_cast<int>(plan_.steps.size()); }
  int steps_done() const { return steps_done_; }
  int steps_of_all_rounds() const { return steps_of_all_rounds_; }  // that were carried out
  // Steps of an attempt before this one, sent by the same hand, whose outcome is not known: those that the first plan
  // does not ask for again were carried out then, and are counted here.
  void may_be_done(std::vector<Sent> before) { unresolved_ = std::move(before); }
  // Those, as long as there is no plan; and steps of this run that ended in a failure which says nothing of what the
  // server went on to do.
  const std::vector<Sent>& unresolved() const { return unresolved_; }
  // The step that was started last, for people.
  const std::string& current() const { return current_; }
  // The collections that have an index build in flight, and the step in flight on one of them, for people.
  std::vector<std::string> building() const;
  std::string running_on(const std::string& collection) const;
  const schema::Server& server() const { return server_; }
  // Who answered the last reading; see CatalogRead.
  const std::string& primary() const { return primary_; }
  // What was sent, or may be any moment, and has not been answered.
  using InFlight = std::map<TaskId, Sent>;
  const InFlight& in_flight() const { return in_flight_; }
  // A step that takes something away was not answered by the server: it may still be at work.
  bool unsettled() const { return unsettled_; }
  static bool unsettles(bool destructive, const Outcome& outcome) {
    return destructive && !outcome && outcome.error().domain != Domain::kServer;
  }
  // What the ledger says that this schema made, with what this run made and dropped.
  std::vector<Owns> owns() const { return united(without(owns_, gone_), made_); }
  // Contract steps that the policy holds back, as of the last reading.
  int withheld() const { return withheld_; }
  bool drifted() const { return drifted_; }  // the first reading did not match

 private:
  struct Lane {
    std::vector<std::size_t> steps;  // of one Step::lane(): indices into plan_.steps
    std::size_t next = 0;
    std::size_t safe = 0;  // so many of them come before the first that takes something away
    bool busy = false;
    bool implied = false;  // the first step, which creates the collection, is done by the second
  };

  // One of the readings that make up a catalog, side by side. Of several the first is that of no collection.
  struct Reading {
    TaskId id;
    std::optional<CatalogRead> answer;
  };
  // Counting documents doubles what a reading costs, and an empty difference does not need it.
  enum class Count { kNo, kYes };

  void read_first(Commands& commands);
  void read_catalog(Commands& commands, Stage stage, Count count);
  void read_part(Commands& commands, std::vector<std::string> collections, ReadCatalog::Part part);
  void read_in_parts(Commands& commands, const std::vector<std::string>& names);
  void on_earlier(Commands& commands, const Outcome& outcome);
  void on_reading(Commands& commands, Reading& reading, const Outcome& outcome);
  void read_again(Commands& commands, Stage stage);  // the parts came from different primaries
  void on_catalog(Commands& commands, schema::Catalog catalog);
  void prove(schema::Catalog& catalog) const;
  void done(Commands& commands, const schema::Step& step);  // the server said yes to it
  void on_step(Commands& commands, std::size_t lane_index, const Outcome& outcome);
  void apply(Commands& commands, schema::Plan plan);
  void feed(Commands& commands);
  int load() const;
  static int weight(const schema::Step& step);
  void unmask(schema::Plan& plan) const;
  bool made_here(const std::string& collection, const std::string& index) const;
  bool acknowledged(const schema::Step& step) const;
  void broke(Judgement judgement);
  // Conflicts and what is not honoured, as the policy says. False: this is the end.
  bool accept(const schema::Plan& plan);
  // One more round; false when it was one too many.
  bool next_round(Judgement otherwise);
  bool first_time(std::string words);  // that it is said
  void say_findings(Commands& commands, const schema::Plan& plan);
  void record(const schema::Step& step);
  void resolve(const schema::Plan& plan);
  Sent sent(const Lane& lane) const;

  const schema::Schema& schema_;
  const int parallelism_;
  const Mode mode_;
  const std::vector<Owns> owns_;
  Grant grant_;

  Stage stage_ = Stage::kIdle;
  Judgement judgement_{Verdict::kTransient, Reason::kNone, {}};
  schema::Server server_;
  schema::Plan plan_;
  std::vector<Lane> lanes_;
  std::map<TaskId, std::size_t> running_;  // step task -> lane
  std::optional<AwaitEarlier> earlier_;
  std::optional<TaskId> awaiting_;
  std::vector<Reading> readings_;
  Count counted_ = Count::kYes;  // by the readings
  int steps_done_ = 0;           // of this round
  int steps_of_all_rounds_ = 0;
  bool confirmed_ = false;  // in this round
  bool documents_follow_ = false;
  InFlight in_flight_;  // of all rounds
  std::vector<Sent> unresolved_;
  bool unsettled_ = false;
  std::string primary_;
  int rounds_ = 0;  // how often the catalog was not what was expected
  bool drifted_ = false;
  std::string current_;
  std::vector<std::string> said_;          // findings that were said already
  std::vector<std::string> acknowledged_;  // collMod steps that the server said yes to
  std::vector<Owns> made_;                 // collections and indexes that the server said yes to
  std::vector<Owns> gone_;                 // indexes that were dropped
  std::vector<Owns> proven_;               // indexes that primary_ answered for: their builds are over
  bool doubts_ = false;
  bool asks_names_ = false;  // next
  int withheld_ = 0;
};

}  // namespace readygate::core
