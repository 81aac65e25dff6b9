// The gate among other replicas: waiting, the lease, newer and older versions.
#include <doctest/doctest.h>

#include "unit/core/harness.h"

using namespace readygate;
using namespace readygate::core;
using namespace readygate::test;

TEST_CASE("a lease that cannot be renewed ends the attempt, on new connections") {
  Harness h;
  h.gate.start(h.now());
  h.primary(true);
  for (int i = 0; i < 4; ++i) h.answer_one();
  CHECK(h.state() == State::kInitializing);
  CHECK(h.gate.snapshot().lease.mine);
  h.pass(Millis(16'999));  // period minus margin
  CHECK(h.state() == State::kInitializing);
  h.pass(Millis(1));
  CHECK(h.state() == State::kConnecting);
  CHECK(h.code() == Reason::kLeaseLost);
  CHECK_FALSE(h.gate.snapshot().lease.mine);
  CHECK(h.fresh_pools == 1);
}

TEST_CASE("a replica waits while another holds the lease, and opens on what that one wrote") {
  Harness h;
  h.database.ledger = Ledger{};
  h.database.ledger->id = "shop";
  h.database.ledger->token = 7;
  h.database.ledger->rev = "r";
  h.database.ledger->owner = "another";
  h.database.ledger->period_ms = 20'000;
  h.open();
  CHECK(h.state() == State::kWaiting);
  CHECK(h.code() == Reason::kLeaseHeld);
  h.pass(Millis(6'001));
  h.answer_all();
  CHECK(h.state() == State::kWaiting);
  CHECK(h.database.count["write"] == 0);
  h.database.ledger->rev = "r2";
  h.database.ledger->owner.reset();
  h.database.ledger->applied = applied_now(example_schema(), "another", {});
  h.pass(Millis(6'001));
  h.answer_all();
  CHECK(h.facts().open);
  CHECK(h.database.count["step"] == 0);
  CHECK(h.path() == "connecting waiting warming ready");
}

TEST_CASE("what was verified on one primary is verified again when another acknowledges") {
  Harness h;
  h.database.primary = "a/1";
  h.database.fault = [&](const Work& work) -> std::optional<Failure> {
    if (std::holds_alternative<ReadCatalog>(work) && h.database.count["catalog"] == 1) h.database.primary = "b/1";
    const auto* change = std::get_if<ChangeLedger>(&work);
    if (change != nullptr && h.database.count["renewal"] == 0 && h.database.count["catalog"] == 2) {
      h.database.primary = "c/1";  // elected between the verification and its confirmation
    }
    return std::nullopt;
  };
  h.open();
  CHECK(h.facts().open);
  CHECK(h.database.count["catalog"] == 3);
  CHECK(h.database.count["renewal"] == 2);
}

TEST_CASE("SIGTERM gives the lease back and waits for that, at most 500 ms") {
  for (const bool answers : {true, false}) {
    Harness h;
    h.gate.start(h.now());
    h.primary(true);
    for (int i = 0; i < 4; ++i) h.answer_one();
    CHECK(h.database.ledger->owner);
    h.tasks.clear();
    h.gate.terminate(h.now());
    h.collect();
    REQUIRE(h.tasks.size() == 1);  // the release
    h.pass(Millis(100));
    CHECK_FALSE(h.quit);
    if (answers) h.answer_all();
    CHECK(h.quit == answers);
    h.pass(Millis(400));
    CHECK(h.quit);
    CHECK(h.database.ledger->owner.has_value() != answers);
  }
}

TEST_CASE("SIGTERM with a step in flight: the lease is given back as soon as that is answered, within 500 ms") {
  for (const int answered_after : {0, 300, 600}) {
    CAPTURE(answered_after);
    Harness h;
    h.gate.start(h.now());
    h.primary(true);
    const auto stepping = [&] {
      return std::any_of(h.tasks.begin(), h.tasks.end(),
                         [](const StartTask& task) { return std::holds_alternative<RunStep>(task.work); });
    };
    for (h.collect(); !stepping(); h.collect()) h.answer_one();
    CHECK(h.database.ledger->owner);
    h.gate.terminate(h.now());
    h.collect();
    h.pass(Millis(answered_after));
    CHECK(h.quit == (answered_after > 500));
    h.answer_all();  // the steps, and then the release
    CHECK(h.quit);
    if (answered_after < 500) CHECK_FALSE(h.database.ledger->owner);
  }
}

TEST_CASE("steps that a policy holds back are left for a policy that does not") {
  schema::Schema schema = example_schema();
  Ledger ledger;
  ledger.applied = applied_now(schema, "me", {});
  ledger.applied->withheld = 2;
  CHECK(standing(ledger, schema) == Standing::kApplied);
  schema.policy.contract = schema::Policy::Contract::kApply;
  CHECK(standing(ledger, schema) == Standing::kNeeded);
}

TEST_CASE("an older version opens on a newer schema without writing, if min_open allows") {
  Harness first(example_schema(5));
  first.open();
  for (const int min_open : {1, 4}) {
    Harness h(example_schema(2), {}, 2);
    h.database = first.database;
    h.database.ledger->applied->min_open = min_open;
    h.database.count.clear();
    h.open();
    CHECK(h.database.count["write"] == 0);
    CHECK(h.database.count["step"] == 0);
    CHECK(h.facts().open == (min_open == 1));
    if (min_open == 4) CHECK(h.code() == Reason::kSchemaNewer);
  }
}

TEST_CASE("where builds are hidden, an older version opens on what an apply of it, or of a newer one, has waited for") {
  Harness first(example_schema(2));
  first.open();
  for (const int applied : {0, 1, 2, 3}) {
    CAPTURE(applied);
    Harness h(example_schema(2), {}, 2);
    h.database = first.database;
    h.database.hides_builds = true;
    h.database.count.clear();
    h.database.ledger->target = Target{4, "of a newer version that is being applied", 1};
    if (applied == 0) h.database.ledger->applied.reset();
    if (applied != 0) h.database.ledger->applied->version = applied;
    h.open();
    CHECK(h.facts().open == (applied >= 2));
    CHECK(h.database.count["write"] == 0);
    CHECK(h.database.count["step"] == 0);
    if (applied >= 2) continue;
    CHECK(h.code() == Reason::kDrift);
    h.database.ledger->applied = applied_now(example_schema(4), "another", {});
    h.database.ledger->target.reset();
    h.pass(Seconds(120));
    h.answer_all();
    CHECK(h.facts().open);
  }
}

TEST_CASE("an older version that drops what is extra lacks nothing where a newer one has more") {
  const std::string policy = "extra_indexes = \"drop\"\ncontract = \"apply\"";
  // Of "customers", the last collection of the example.
  Harness first(example_schema(5, policy, "[[collection.index]]\nname = \"phone\"\nkey = [[\"phone\", 1]]\n"));
  first.open();
  Harness h(example_schema(2, policy), {}, 2);
  h.database = first.database;
  h.database.count.clear();
  h.open();
  CHECK(h.facts().open);
  CHECK(h.database.count["step"] == 0);
}

TEST_CASE(
    "a replica that is open stays so when min_open rises above it, and says schema_newer: with one find a minute") {
  Harness h(example_schema(2));
  h.open();
  h.pass(Millis(120'000));
  h.answer_all();
  CHECK(h.facts().ready);
  h.database.count.clear();
  h.database.ledger->applied->version = 3;
  h.database.ledger->applied->min_open = 3;
  for (int i = 0; i < 80; ++i) {
    h.pass(Millis(1'000));
    h.answer_all();
  }
  CHECK(h.facts().open);
  CHECK_FALSE(h.facts().ready);
  CHECK(h.said("A newer version of schema \"shop\" was applied") == 1);
  CHECK(h.database.count["find"] >= 1);
  CHECK(h.database.count["find"] <= 2);
  CHECK(h.database.count["catalog"] == 0);
  CHECK(h.database.count["write"] == 0);
  h.database.ledger->applied->min_open = 2;
  for (int i = 0; i < 80; ++i) {
    h.pass(Millis(1'000));
    h.answer_all();
  }
  CHECK(h.facts().ready);
}

TEST_CASE("a min_open above the version that was applied before is a warning, and is applied") {
  const auto raised = [](int version, int min_open) {
    schema::Schema schema = example_schema(version);
    schema.min_open = min_open;
    return schema;
  };
  for (const int min_open : {1, 2, 3}) {
    CAPTURE(min_open);
    Harness first(raised(2, 1));
    first.open();
    CHECK(first.said("min_open ") == 0);
    Harness h(raised(3, min_open), {}, 2);
    h.database = first.database;
    h.open();
    CHECK(h.facts().open);
    CHECK(h.said("min_open ") == (min_open == 3 ? 1 : 0));
    CHECK(h.said("min_open 3 is above version 2, which was applied before") == h.said("min_open "));
  }
}

TEST_CASE("policy.newer = fail refuses a newer schema") {
  Harness first(example_schema(5));
  first.open();
  Harness h(example_schema(2, "newer = \"fail\""), {}, 2);
  h.database = first.database;
  h.open();
  CHECK(h.code() == Reason::kSchemaNewer);
}

TEST_CASE("a replica that loses the compare-and-set reads again and opens on what the other wrote") {
  Harness h;
  h.database.fault = [&](const Work& work) -> std::optional<Failure> {
    const auto* write = std::get_if<ChangeLedger>(&work);
    if (write != nullptr && write->next.owner && !h.database.ledger->owner) {
      h.database.ledger->rev = "ffffffffffffffffffffffffffffffff";  // another replica with the same schema was faster
      h.database.ledger->applied = applied_now(example_schema(), "another", {});
    }
    return std::nullopt;
  };
  h.open();
  CHECK(h.facts().open);
  CHECK(h.database.ledger->rev == "ffffffffffffffffffffffffffffffff");
  CHECK(h.database.count["find"] == 2);
}

TEST_CASE("init.mode = verify waits for the ledger and never writes") {
  Harness first;
  first.open();
  GateSettings settings;
  settings.init.mode = InitMode::kVerify;
  Harness h(example_schema(), settings, 2);
  h.open();
  CHECK(h.state() == State::kWaiting);
  CHECK(h.code() == Reason::kInitializing);  // nobody holds the lease
  CHECK(h.gate.snapshot().reason.find("init.mode = \"verify\"") != std::string::npos);
  h.pass(Millis(6'000));
  h.answer_all();
  CHECK(h.state() == State::kWaiting);
  h.database.ledger = first.database.ledger;
  h.pass(Millis(6'001));
  h.answer_all();
  CHECK(h.facts().open);
  CHECK(h.database.count["write"] == 0);
  CHECK(h.database.count["step"] == 0);
}

namespace {

constexpr const char* kDocuments = R"([[seed]]
collection = "customers"
docs = '[ { "_id": 1 }, { "_id": 2 } ]'
[[migration]]
id = "0001-split"
[migration.batch]
collection = "orders"
filter = '{ "state": { "$exists": false } }'
update = '{ "$set": { "state": 1 } }'
[[migration]]
id = "0002-later"
phase = "background"
[migration.batch]
collection = "orders"
filter = '{ "later": { "$exists": false } }'
update = '{ "$set": { "later": 1 } }'
)";

}  // namespace

TEST_CASE("seeds and migrations run under the lease, before the ledger says applied; background ones after opening") {
  Harness h(example_schema(1, "contract = \"apply\"", kDocuments));
  h.open();
  CHECK(h.facts().open);
  CHECK(h.database.ledger->applied->version == 1);
  CHECK(h.database.ledger->applied->withheld == 0);
  CHECK(h.database.migrations.records.at("m/0001-split").state == RecordState::kDone);
  CHECK(h.database.migrations.records.count("m/0002-later") == 0);
  CHECK(h.database.ledger->pending == std::vector<std::string>{"0002-later"});
  for (int i = 0; i < 5; ++i) {
    h.pass(Millis(1'500));
    h.answer_all();
  }
  CHECK(h.database.migrations.records.at("m/0002-later").state == RecordState::kDone);
  CHECK(h.database.ledger->pending.empty());
  CHECK_FALSE(h.database.ledger->owner);
  CHECK(h.facts().ready);
}

TEST_CASE("a migration that could break the version before is held back, and the gate opens") {
  Harness h(example_schema(1, "", kDocuments));
  h.open();
  CHECK(h.facts().open);
  CHECK(h.database.ledger->applied->withheld == 1);
  CHECK(h.database.migrations.records.count("m/0001-split") == 0);
  CHECK(h.said("Held back") == 1);
}

TEST_CASE("a background migration that fails is a failed check, and closes nothing") {
  Harness h(example_schema(1, "contract = \"apply\"", kDocuments));
  h.open();
  h.database.fault = [](const Work& work) {
    return std::holds_alternative<RunBatch>(work) ? std::optional(server_error(2, "bad update")) : std::nullopt;
  };
  for (int i = 0; i < 5; ++i) {
    h.pass(Millis(1'500));
    h.answer_all();
  }
  CHECK(h.facts().open);
  CHECK_FALSE(h.facts().ready);
  CHECK(h.said("A background migration failed") == 1);
  CHECK_FALSE(h.database.ledger->owner);
}
