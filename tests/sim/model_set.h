// A replica set in memory, as far as a lease and a schema can tell: a primary whose writes a majority has or has not
// yet, elections that roll back what it has not, builds that go on when nobody waits for them. Reads with read concern
// majority see what is committed; listCollections and listIndexes see what the primary has.
// https://www.mongodb.com/docs/manual/core/replica-set-rollbacks/, .../core/index-creation/
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string>

#include "core/work.h"
#include "sim/events.h"
#include "support/model/model_migrations.h"

namespace readygate::sim {

using Reply = std::function<void(core::Outcome)>;

class ModelSet {
 public:
  ModelSet(Events& events, Dice& dice) : events_(events), dice_(dice) {}

  // A request has arrived. The reply is called once, at once or later; what happens to it on the way is the caller's.
  void request(const core::Work& work, Reply reply);

  // Another member becomes primary; what no majority has is lost, or kept, as the new one has it or not.
  // There is no primary for so long.
  void elect(bool rolls_back, Millis takes);
  // No write is acknowledged until then; they are done all the same.
  void majority_away_for(Millis duration) { majority_back_ = events_.now() + duration; }

  // It refuses so many of the requests until then, and does nothing of them.
  void overloaded_for(Millis duration, double refused) {
    overloaded_until_ = events_.now() + duration;
    refused_ = refused;
  }

  bool has_primary() const { return events_.now() >= elected_at_; }
  Millis elected_at() const { return elected_at_; }

  struct State {
    std::optional<core::Ledger> ledger;
    schema::Catalog catalog;
    test::ModelMigrations documents;
  };
  const State& primary() const { return primary_; }
  const State& committed() const { return committed_; }

  // Steps and migrations that work through the documents of this collection are refused with the code; 0: none is.
  void refuse(const std::string& collection, int code) {
    refused_in_ = collection;
    refused_code_ = code;
  }
  static bool is_refusal(const core::Outcome& outcome) {
    return !outcome && outcome.error().message == kDocumentInTheWay;
  }

  bool hides_builds = false;  // an index that is being built is listed as any other

  // How the server and its data are, before the first request.
  void prepare(const std::function<void(State&)>& change) {
    change(primary_);
    change(committed_);
  }
  // Called after each change of what is committed.
  std::function<void()> on_commit;
  // Called before a catalog is read, but for one that waits for a majority: the moment for a rollback to hurt.
  std::function<void()> on_reading;
  // A command of somebody who is not there any more arrives, and no majority gets it for so long.
  void arrive_late(const schema::Document& command, Millis without_majority);

 private:
  static constexpr const char* kDocumentInTheWay = "a document is in the way";

  bool refuses(const core::Work& work) const;
  core::Failure refusal(const core::Work& work) const;

  using Change = std::function<void(State&)>;
  struct Write {
    Change change;
    core::Outcome outcome;
    Reply reply;  // empty: nobody waits any more
    std::uint64_t id = 0;
  };

  void write(Change change, core::Outcome outcome, Reply reply);
  void commit_next();
  void build(const core::RunStep& step, Reply reply);
  template <typename DocumentWork>
  void change_documents(const DocumentWork& work, Reply reply);
  core::Outcome term_of(bool won) const;

  Events& events_;
  Dice& dice_;
  State primary_;
  State committed_;
  std::deque<Write> pending_;  // done by the primary, not yet by a majority, in order
  bool committing_ = false;
  std::uint64_t writes_ = 0;
  int term_ = 1;
  Millis elected_at_{0};
  Millis majority_back_{0};
  Millis overloaded_until_{0};
  double refused_ = 0;
  std::string refused_in_;  // a collection
  int refused_code_ = 0;
};

}  // namespace readygate::sim
