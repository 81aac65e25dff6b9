// What an earlier holder of the lease has at work when another takes over.
#include <doctest/doctest.h>

#include "core/earlier.h"
#include "unit/core/harness.h"

using namespace readygate;
using namespace readygate::core;
using namespace readygate::test;

TEST_CASE("a comment names a token, or is somebody else's") {
  CHECK(token_of("readygate:12") == 12);
  for (const char* other :
       {"", "readygate:", "readygate:x", "readygate:1x", "readygate:-1", "mine:1", "readygate:99999999999999999999"}) {
    CAPTURE(other);
    CHECK_FALSE(token_of(other));
  }
}

TEST_CASE("what takes something away is ended, a write is awaited, a build is never touched") {
  const std::vector<std::string> ours = {"orders", "customers"};
  const auto judged = [&](const char* command, const char* collection = "orders", const char* comment = "readygate:6") {
    return treatment({command, collection, comment}, 7, ours);
  };
  for (const char* command : {"collMod", "dropIndexes", "deleteIndexes", "drop"}) {
    CHECK(judged(command) == Treatment::kEnd);
  }
  for (const char* command : {"update", "insert", "create", "findAndModify", "aggregate"}) {
    CHECK(judged(command) == Treatment::kAwait);
  }
  CHECK(judged("createIndexes") == Treatment::kLeave);
  CHECK(judged("collMod", "orders", "readygate:7") == Treatment::kLeave);  // ours
  CHECK(judged("collMod", "orders", "readygate:8") == Treatment::kLeave);
  CHECK(judged("collMod", "orders", "nightly job") == Treatment::kLeave);
  CHECK(judged("collMod", "invoices") == Treatment::kLeave);  // of another schema, whose tokens are others
}

namespace {

// A gate before a ledger whose holder has died, up to where it takes over.
void take_over(Harness& h) {
  h.database.ledger = Ledger{};
  h.database.ledger->id = "shop";
  h.database.ledger->token = 7;
  h.database.ledger->rev = "r";
  h.database.ledger->owner = "another";
  h.database.ledger->period_ms = 20'000;
  h.open();
  while (h.database.ledger->token == 7) {
    h.pass(Millis(1'000));
    while (!h.tasks.empty() && h.database.ledger->token == 7) h.answer_one();
  }
  h.collect();
}

}  // namespace

TEST_CASE("after a takeover nothing is read or changed before earlier operations are gone") {
  Harness h;
  take_over(h);
  CHECK(h.state() == State::kInitializing);
  CHECK(h.gate.snapshot().phase.what == "waiting for an earlier operation");
  REQUIRE(h.tasks.size() == 1);
  const auto* await = std::get_if<AwaitEarlier>(&h.tasks.front().work);
  REQUIRE(await != nullptr);
  CHECK(await->token == 8);
  CHECK(await->collections == std::vector<std::string>{"orders", "customers"});
  CHECK(await->limit == Millis(20'000));
  CHECK(h.database.count["catalog"] == 0);
  const TaskId id = h.tasks.front().id;
  h.tasks.clear();
  h.gate.finished(id, EarlierGone{2, 1}, h.now());
  h.collect();
  REQUIRE(h.tasks.size() == 1);
  CHECK(std::holds_alternative<ReadCatalog>(h.tasks.front().work));
  h.answer_all();
  CHECK(h.facts().open);
  CHECK(h.said("Ended 2 operations") == 1);
  CHECK(h.said("Going on beside 1 operation ") == 1);
}

TEST_CASE("a server that cannot be asked for its operations is no obstacle") {
  Harness h;
  h.database.fault = [](const Work& work) -> std::optional<Failure> {
    if (std::holds_alternative<AwaitEarlier>(work)) return server_error(13);
    return std::nullopt;
  };
  take_over(h);
  h.answer_all();
  CHECK(h.facts().open);
}

TEST_CASE("a lease that was free is no takeover") {
  Harness h;
  h.open();
  CHECK(h.facts().open);
  CHECK(h.database.count["earlier"] == 0);
}
