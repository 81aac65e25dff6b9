// The lease alone: what it writes, when it counts another as dead, and what it makes of answers that never came.
#include <doctest/doctest.h>

#include <set>
#include <string>

#include "core/lease.h"
#include "unit/core/harness.h"

using namespace readygate;
using namespace readygate::core;
using namespace readygate::test;

namespace {

Failure no_answer() {
  Failure failure;
  failure.domain = Domain::kStreamTimeout;
  failure.message = "no answer";
  return failure;
}

constexpr Instant at(int ms) { return Instant(std::chrono::milliseconds(3'600'000 + ms)); }

// One replica's lease, and the document that it shares with others.
struct Replica {
  explicit Replica(std::string name, std::optional<Ledger>& document)
      : random(name.size() * 31 + static_cast<unsigned char>(name.back())),
        lease("shop", name, LeaseSettings{Millis(20'000), Millis(3'000)}, random),
        shared(document) {}

  enum class Answer { kComes, kIsLost, kNeverArrives };
  // Runs the oldest write. kIsLost: it is done and the answer gets lost; kNeverArrives: it is not done.
  void answer(Instant now, Answer how = Answer::kComes) {
    collect();
    REQUIRE_FALSE(tasks.empty());
    const StartTask task = tasks.front();
    tasks.erase(tasks.begin());
    Outcome outcome = tl::unexpected(no_answer());
    if (how != Answer::kNeverArrives) outcome = run(task.work);
    if (how == Answer::kIsLost) outcome = tl::unexpected(no_answer());
    lease.on(commands, task.id, outcome, now);
  }
  Outcome run(const Work& work) {
    bool won = false;
    if (const auto* insert = std::get_if<InsertLedger>(&work)) {
      won = !shared;
      if (won) shared = insert->first;
    } else {
      const auto& change = std::get<ChangeLedger>(work);
      won = matches(shared, change.match);
      if (won) shared = changed(*shared, change);
    }
    return LedgerWritten{won, "term"};
  }
  void collect() {
    for (Command& command : commands.take()) tasks.push_back(std::get<StartTask>(command));
  }
  std::size_t under_way() {
    collect();
    return tasks.size();
  }
  bool get(Instant now) {
    lease.saw(shared, now);
    if (!lease.acquire(commands, Target{1, "h", 1}, now)) return false;
    while (under_way() > 0 && lease.stage() == Lease::Stage::kAsking) answer(now);
    return lease.stage() == Lease::Stage::kHeld;
  }
  // Taken, given back, and asked for again at 200: the answer to that is still to come.
  void ask_again() {
    REQUIRE(get(at(0)));
    lease.release(commands, Lease::Ending::kNow);
    answer(at(100));
    lease.saw(shared, at(200));
    REQUIRE(lease.acquire(commands, {}, at(200)));
  }

  SeededRandom random;
  Commands commands;
  Lease lease;
  std::vector<StartTask> tasks;
  std::optional<Ledger>& shared;
};

}  // namespace

TEST_CASE("the first replica makes the document and holds it, with the target in the same write") {
  std::optional<Ledger> shared;
  Replica a("a", shared);
  CHECK(a.get(at(0)));
  CHECK(shared->token == 1);
  CHECK(shared->owner == "a");
  CHECK(shared->target == Target{1, "h", 1});
  CHECK(shared->period_ms == 20'000);
  CHECK(a.lease.grant().token == 1);
  CHECK(a.lease.grant().not_after == at(17'000));  // period minus margin, from the sending
  CHECK_FALSE(a.lease.took_over());
}

TEST_CASE("the deadline counts from the sending of the last acknowledged write, not from its answer") {
  std::optional<Ledger> shared;
  Replica a("a", shared);
  CHECK(a.get(at(0)));
  a.lease.tick(a.commands, at(5'000));
  a.answer(at(7'000));
  CHECK(a.lease.grant().not_after == at(5'000 + 17'000));
}

TEST_CASE("it renews every quarter of the period, retries a missed renewal, and is lost at the deadline") {
  std::optional<Ledger> shared;
  Replica a("a", shared);
  CHECK(a.get(at(0)));
  CHECK(a.lease.next_tick() == at(5'000));
  a.lease.tick(a.commands, at(5'000));
  a.answer(at(6'000), Replica::Answer::kNeverArrives);
  CHECK(a.lease.stage() == Lease::Stage::kHeld);
  CHECK(*a.lease.next_tick() < at(7'000));
  a.lease.tick(a.commands, *a.lease.next_tick());
  CHECK(a.under_way() == 1);
  a.lease.tick(a.commands, at(16'999));
  CHECK(a.lease.stage() == Lease::Stage::kHeld);
  a.lease.tick(a.commands, at(17'000));
  CHECK(a.lease.stage() == Lease::Stage::kLost);
}

TEST_CASE("a renewal that finds another holder ends it at once") {
  std::optional<Ledger> shared;
  Replica a("a", shared);
  CHECK(a.get(at(0)));
  shared->token = 2;
  shared->owner = "b";
  a.lease.tick(a.commands, at(5'000));
  a.answer(at(5'001));
  CHECK(a.lease.stage() == Lease::Stage::kLost);
}

TEST_CASE("an observer takes over when nothing moved for the holder's own period, on the observer's clock") {
  std::optional<Ledger> shared;
  Replica a("a", shared);
  Replica b("b", shared);
  CHECK(a.get(at(0)));
  shared->period_ms = 30'000;  // the holder was configured with another than ours
  CHECK_FALSE(b.get(at(1'000)));
  CHECK_FALSE(b.get(at(30'999)));
  CHECK(b.lease.look_again_at(at(30'900)) == at(31'000));
  CHECK(b.get(at(31'000)));
  CHECK(b.lease.took_over());
  CHECK(shared->token == 2);
  CHECK(shared->owner == "b");
}

TEST_CASE("whatever moves starts the observer's clock again: token, owner or revision") {
  for (const int what : {0, 1, 2}) {
    std::optional<Ledger> shared;
    Replica a("a", shared);
    Replica b("b", shared);
    CHECK(a.get(at(0)));
    CHECK_FALSE(b.get(at(0)));
    if (what == 0) shared->token = 7;
    if (what == 1) shared->owner = "c";
    if (what == 2) shared->rev = "0";  // not greater, only different: after a rollback counters would repeat
    CHECK_FALSE(b.get(at(19'000)));
    CHECK_FALSE(b.get(at(38'999)));
    CHECK(b.get(at(39'000)));
  }
}

TEST_CASE("a free lease is taken at once, and only one of two that saw it free gets it") {
  std::optional<Ledger> shared;
  Replica a("a", shared);
  Replica b("b", shared);
  a.ask_again();
  CHECK_FALSE(shared->owner);
  b.lease.saw(shared, at(200));
  CHECK(b.lease.acquire(b.commands, {}, at(200)));
  a.answer(at(201));
  b.answer(at(202));
  CHECK(a.lease.stage() == Lease::Stage::kHeld);
  CHECK(b.lease.stage() == Lease::Stage::kNone);
}

TEST_CASE("an acquisition whose answer got lost is settled by a renewal, never by a read") {
  for (const bool done : {true, false}) {
    std::optional<Ledger> shared;
    Replica a("a", shared);
    a.ask_again();
    a.answer(at(2'700), done ? Replica::Answer::kIsLost : Replica::Answer::kNeverArrives);
    CHECK(a.lease.stage() == Lease::Stage::kAsking);
    CHECK(a.under_way() == 1);
    CHECK(std::holds_alternative<LedgerHold>(std::get<ChangeLedger>(a.tasks[0].work).match));
    a.answer(at(2'800));
    CHECK((a.lease.stage() == Lease::Stage::kHeld) == done);
    // From the renewal that was acknowledged: when the acquisition landed, nobody knows.
    if (done) CHECK(a.lease.grant().not_after == at(2'700 + 17'000));
  }
}

TEST_CASE("what an unanswered write may have made ours is taken with the next token, without waiting") {
  std::optional<Ledger> shared;
  Replica a("a", shared);
  a.ask_again();
  a.answer(at(300), Replica::Answer::kIsLost);
  a.answer(at(400), Replica::Answer::kNeverArrives);  // and the renewal that was to settle it
  CHECK(a.lease.stage() == Lease::Stage::kNone);
  CHECK(a.lease.take_failure());
  CHECK(shared->owner == "a");
  CHECK(a.get(at(500)));
  CHECK(shared->token == 3);
}

TEST_CASE("a release that arrives late finds nothing to release") {
  std::optional<Ledger> shared;
  Replica a("a", shared);
  CHECK(a.get(at(0)));
  a.lease.release(a.commands, Lease::Ending::kNow);
  a.collect();
  const StartTask late = a.tasks[0];
  a.tasks.clear();
  CHECK(a.get(at(1'000)));
  CHECK_FALSE(std::get<LedgerWritten>(*a.run(late.work)).won);
  CHECK(shared->owner == "a");
  CHECK(shared->token == 2);
}

TEST_CASE("an end for which nothing can vouch writes nothing, and even we wait for the whole period") {
  std::optional<Ledger> shared;
  Replica a("a", shared);
  CHECK(a.get(at(0)));
  a.lease.release(a.commands, Lease::Ending::kNever);
  CHECK(a.under_way() == 0);
  CHECK(shared->owner == "a");
  CHECK_FALSE(a.get(at(1'000)));
  CHECK_FALSE(a.get(at(20'999)));
  CHECK(a.get(at(21'000)));
  CHECK(a.lease.took_over());
}

TEST_CASE("what is given back later is not taken before, even by us, and then at once") {
  std::optional<Ledger> shared;
  Replica a("a", shared);
  CHECK(a.get(at(0)));
  a.lease.release(a.commands, Lease::Ending::kLater);
  CHECK(a.under_way() == 0);
  CHECK_FALSE(a.get(at(1'000)));
  CHECK(a.lease.release_now(a.commands));
  a.answer(at(1'100));
  CHECK_FALSE(a.lease.giving_back());
  CHECK(a.get(at(1'200)));
}

TEST_CASE("a renewal that is asked for while one is under way follows it") {
  std::optional<Ledger> shared;
  Replica a("a", shared);
  CHECK(a.get(at(0)));
  a.lease.tick(a.commands, at(5'000));
  const std::uint64_t wanted = a.lease.renew(a.commands, at(5'500));
  CHECK(a.under_way() == 1);
  a.answer(at(6'000));
  CHECK(a.lease.acknowledged() < wanted);
  a.answer(at(6'100));
  CHECK(a.lease.acknowledged() == wanted);
}

TEST_CASE("a renewal sets the revision and the step, and brings nothing old back") {
  std::optional<Ledger> shared;
  Replica a("a", shared);
  CHECK(a.get(at(0)));
  a.lease.says("orders: create indexes number");
  a.lease.tick(a.commands, at(5'000));
  shared->applied = Applied{3, "h", 1, 1, {}, "a"};
  const std::string before = shared->rev;
  a.answer(at(5'001));
  CHECK(shared->applied->version == 3);
  CHECK(shared->step == "orders: create indexes number");
  CHECK(shared->rev != before);
  CHECK(shared->rev.size() == 32);
}

TEST_CASE("to write the owner is to give the lease up") {
  std::optional<Ledger> shared;
  Replica a("a", shared);
  CHECK(a.get(at(0)));
  Ledger next;
  next.applied = Applied{1, "h", 1, 1, {}, "a"};
  a.lease.write(a.commands, LedgerField::kApplied | LedgerField::kOwner, next);
  CHECK(a.lease.written() == Lease::Written::kPending);
  a.answer(at(100));
  CHECK(a.lease.written() == Lease::Written::kDone);
  CHECK(a.lease.stage() == Lease::Stage::kNone);
  CHECK_FALSE(shared->owner);
  CHECK(shared->applied->version == 1);
}

TEST_CASE("an acquisition that no majority acknowledged is not held, until a renewal that one acknowledges") {
  std::optional<Ledger> shared;
  Replica a("a", shared);
  a.ask_again();
  a.collect();
  REQUIRE(a.tasks.size() == 1);
  const StartTask task = a.tasks.front();
  a.tasks.clear();
  (void)a.run(task.work);  // the primary has it
  a.lease.on(a.commands, task.id, tl::unexpected(server_error(64, "waiting for replication timed out")), at(300));
  CHECK(a.lease.stage() == Lease::Stage::kAsking);
  REQUIRE(a.under_way() == 1);
  CHECK(std::holds_alternative<LedgerHold>(std::get<ChangeLedger>(a.tasks[0].work).match));
  a.answer(at(400));
  CHECK(a.lease.stage() == Lease::Stage::kHeld);
}

TEST_CASE("an observer looks again after a quarter of the holder's period, not all at one moment") {
  std::optional<Ledger> shared;
  Replica holder("holder", shared);
  CHECK(holder.get(at(0)));
  std::set<Instant> moments;
  for (const char* name : {"b", "c", "d", "e", "f", "g"}) {
    Replica other(name, shared);
    other.lease.saw(shared, at(0));
    CHECK_FALSE(other.lease.acquire(other.commands, {}, at(0)));
    const Instant next = other.lease.look_again_at(at(0));
    CHECK(next >= at(4'000));  // 5 s, and a fifth of it less or more
    CHECK(next <= at(6'000));
    moments.insert(next);
  }
  CHECK(moments.size() >= 4);
}
