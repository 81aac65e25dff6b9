// Seeds and migrations on a model: what runs, in which order, how often, and what an interruption at any point leaves.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "unit/core/migrator_rig.h"

using namespace readygate;
using namespace readygate::core;
using namespace readygate::test;

TEST_CASE("nothing declared: done at once, without a task") {
  const auto schema = schema_of("");
  ModelMigrations model;
  Process process(schema, model);
  process.migrator.begin(process.out);
  CHECK(process.done());
  CHECK(process.out.take().empty());
  // A background run has no use for seeds.
  const auto seeds = schema_of(seed("insert_missing", "[ { \"_id\": 1 } ]"));
  Process background(seeds, model, schema::Migration::Phase::kBackground);
  background.migrator.begin(background.out);
  CHECK(background.done());
}

TEST_CASE("seeds, then migrations in their order, each under the lease's deadline of the moment") {
  const auto schema = schema_of(batch("b") + commands("a") + seed("insert_missing", "[ { \"_id\": 1 } ]"));
  ModelMigrations model = with_documents(7);
  Process process(schema, model);
  REQUIRE(process.run());
  CHECK(process.done());
  CHECK(each_changed_once(model));
  CHECK(model.commands.size() == 3);
  CHECK(model.seeded["models"].size() == 1);
  INFO(fmt::format("{}", fmt::join(process.said, "\n")));
  CHECK(process.said == std::vector<std::string>{"Completed seed of models: 1 inserted", "Running migration b",
                                                 "Progress of migration b: 3 documents", "Completed migration b: 7",
                                                 "Running migration a", "Completed migration a: 3"});
  CHECK(model.records["m/b"].state == RecordState::kDone);
  CHECK(model.records["m/b"].passes == 1);
  CHECK(model.records["m/b"].by == "replica1");
  CHECK(process.deadlines >= 9);
  // Again: the records are read, and nothing else is done but what may always be repeated.
  Process again(schema, model);
  REQUIRE(again.run());
  CHECK(again.done());
  CHECK(again.deadlines == 1);
  CHECK(model.commands.size() == 3);
}

TEST_CASE("insert_missing fills up, merge and replace run once for each content") {
  ModelMigrations model;
  const auto run = [&](const std::string& text) {
    const auto schema = schema_of(text);
    Process process(schema, model);
    REQUIRE(process.run());
    REQUIRE(process.done());
  };
  const std::string ten = seed("merge", R"([ { "_id": 1, "price": 10 } ])");
  const std::string twelve = seed("merge", R"([ { "_id": 1, "price": 12 } ])");
  std::string& there = model.seeded["models"]["1"];
  run(ten);
  CHECK(there == R"({ "_id" : 1, "price" : 10 })");
  there = "changed by the application";
  run(ten);
  CHECK(there == "changed by the application");
  run(twelve);
  CHECK(there == R"({ "_id" : 1, "price" : 12 })");
  run(ten);  // back, as a rollback has it
  CHECK(there == R"({ "_id" : 1, "price" : 10 })");
  there = "changed by the application";
  run(ten);
  run(seed("insert_missing", R"([ { "_id": 1 }, { "_id": 2 } ])"));
  CHECK(there == "changed by the application");
  CHECK(model.seeded["models"].size() == 2);
}

TEST_CASE("a seed that was interrupted and then overwritten by another begins again when it comes back") {
  std::string docs = "[";
  for (int i = 0; i < 600; ++i) docs += fmt::format("{}{{ \"_id\": {}, \"n\": 1 }}", i == 0 ? "" : ",", i);
  const auto first = schema_of(seed("replace", docs + "]"));
  const auto second = schema_of(seed("replace", R"([ { "_id": 0, "n": 2 } ])"));
  ModelMigrations model;
  Process dying(first, model);
  REQUIRE_FALSE(dying.run(3));  // read, claim, 500 documents
  Process other(second, model);
  REQUIRE(other.run());
  REQUIRE(other.done());
  CHECK(model.seeded["models"]["0"] == R"({ "_id" : 0, "n" : 2 })");
  Process again(first, model);
  REQUIRE(again.run());
  CHECK(again.done());
  CHECK(model.seeded["models"]["0"] == R"({ "_id" : 0, "n" : 1 })");
  CHECK(model.seeded["models"].size() == 600);
}

TEST_CASE("a seed of many documents goes in pieces") {
  std::string docs = "[";
  for (int i = 0; i < 1201; ++i) docs += fmt::format("{}{{ \"_id\": {}, \"n\": 1 }}", i == 0 ? "" : ",", i);
  for (const char* mode : {"insert_missing", "merge", "replace"}) {
    CAPTURE(mode);
    const auto schema = schema_of(seed(mode, docs + "]"));
    ModelMigrations model;
    Process process(schema, model);
    std::vector<std::size_t> pieces;
    process.fault = [&](const Work& work) {
      if (const auto* run = std::get_if<RunSeed>(&work)) pieces.push_back(run->docs.size());
      return std::visit([&](const auto& w) { return process.execute(w); }, work);
    };
    REQUIRE(process.run());
    CHECK(process.done());
    CHECK(pieces == std::vector<std::size_t>{500, 500, 201});
    CHECK(model.seeded["models"].size() == 1201);
  }
}

TEST_CASE("a background migration repeats its passes until one finds nothing") {
  const auto schema = schema_of(batch("b", "phase = 'background'\npause = '10s'"));
  ModelMigrations model = with_documents(5);
  Process pre(schema, model);
  REQUIRE(pre.run());
  CHECK(pre.done());
  CHECK(pre.migrator.pending() == std::vector<std::string>{"b"});
  CHECK(model.records.empty());

  Process background(schema, model, schema::Migration::Phase::kBackground);
  bool added = false;
  background.fault = [&](const Work& work) {
    // The application's version before writes one behind the checkpoint.
    const auto* run = std::get_if<RunBatch>(&work);
    if (run != nullptr && run->record.found == 4 && !added) added = model.batch["orders"].insert({-5, {}}).second;
    return std::visit([&](const auto& w) { return background.execute(w); }, work);
  };
  REQUIRE(background.run());
  CHECK(background.done());
  CHECK(added);
  CHECK(each_changed_once(model));
  CHECK(model.records["m/b"].passes == 3);
  CHECK(model.records["m/b"].done == 6);
  CHECK(background.migrator.pending().empty());
  CHECK(background.now >= Instant(Seconds(40)));  // a pause after each batch and between passes
}

TEST_CASE("without transactions, and in the background, an update must converge") {
  const auto phase = schema::Migration::Phase::kPre;
  const auto background = schema::Migration::Phase::kBackground;
  const auto schema = schema_of(batch("b"));
  const auto schema_later = schema_of(batch("b", "phase = 'background'"));
  ModelMigrations model = with_documents(5);
  model.converges = false;

  SUBCASE("with transactions one pass reaches each document once") {
    Process process(schema, model, phase);
    REQUIRE(process.run());
    CHECK(process.done());
    CHECK(each_changed_once(model));
  }
  SUBCASE("in the background it is taken back") {
    Process process(schema_later, model, background);
    REQUIRE(process.run());
    CHECK(process.reason() == Reason::kMigrationNotConvergent);
    CHECK(model.batch["orders"][0].changed == 0);
    CHECK_FALSE(model.records["m/b"].has_checkpoint());
  }
  SUBCASE("without transactions it is found out with one document, and not tried again") {
    model.transactions = false;
    Process process(schema, model);
    REQUIRE(process.run());
    CHECK(process.reason() == Reason::kMigrationNotConvergent);
    CHECK(process.migrator.judgement().verdict == Verdict::kPermanent);
    CHECK(model.batch["orders"][0].changed == 1);
    CHECK(model.batch["orders"][1].changed == 0);
    CHECK(model.records["m/b"].state == RecordState::kFailed);
    CHECK(model.records["m/b"].code == "migration_not_convergent");
    CHECK(model.records["m/b"].error == process.sentence());
    Process again(schema, model);
    REQUIRE(again.run());
    CHECK(again.reason() == Reason::kMigrationInterrupted);
    CHECK(model.batch["orders"][0].changed == 1);
    // A corrected one begins again.
    model.converges = true;
    const auto corrected = schema_of(batch("b", "", 3, R"({ "$set": { "state": 2 } })"));
    Process better(corrected, model);
    REQUIRE(better.run());
    CHECK(better.done());
    CHECK(model.batch["orders"][4].changed == 1);
  }
}

TEST_CASE("a migration that was applied must not be edited") {
  ModelMigrations model = with_documents(4);
  const auto schema = schema_of(batch("b"));
  Process process(schema, model);
  REQUIRE(process.run());
  REQUIRE(process.done());
  // How it runs is no part of it.
  const auto faster = schema_of(batch("b", "pause = '1s'\non_crash = 'retry'", 100));
  Process same(faster, model);
  REQUIRE(same.run());
  CHECK(same.done());

  const auto edited = schema_of(batch("b", "", 3, R"({ "$set": { "state": 2 } })"));
  for (const RecordState state : {RecordState::kDone, RecordState::kRunning}) {
    model.records["m/b"].state = state;
    Process other(edited, model);
    REQUIRE(other.run());
    CHECK(other.reason() == Reason::kMigrationEdited);
    CHECK(other.migrator.judgement().verdict == Verdict::kPermanent);
    CHECK(other.sentence().find(schema.migrations[0].checksum) != std::string::npos);
    CHECK(other.sentence().find(edited.migrations[0].checksum) != std::string::npos);
    CHECK(other.sentence().find("s.toml:10") != std::string::npos);
    // The background run says so, too.
    Process background(edited, model, schema::Migration::Phase::kBackground);
    REQUIRE(background.run());
    CHECK(background.reason() == Reason::kMigrationEdited);
  }
  // A checksum of another format says nothing.
  model.records["m/b"].state = RecordState::kDone;
  model.records["m/b"].checksum = "2:anything";
  Process later(edited, model);
  REQUIRE(later.run());
  CHECK(later.done());
}

TEST_CASE("on_crash decides what follows an interruption") {
  struct Row {
    const char* on_crash;
    RecordState state;
    Reason reason;    // kNone: it runs
    int first_again;  // how often the first document was changed in the end
  };
  const std::vector<Row> rows = {
      {"resume", RecordState::kRunning, Reason::kNone, 1},
      {"resume", RecordState::kFailed, Reason::kNone, 1},
      {"resume", RecordState::kPending, Reason::kNone, 1},
      {"retry", RecordState::kRunning, Reason::kNone, 2},
      {"retry", RecordState::kFailed, Reason::kNone, 2},
      {"retry", RecordState::kPending, Reason::kNone, 1},
      {"manual", RecordState::kRunning, Reason::kMigrationInterrupted, 1},
      {"manual", RecordState::kFailed, Reason::kMigrationInterrupted, 1},
      {"manual", RecordState::kPending, Reason::kNone, 1},
  };
  for (const Row& row : rows) {
    CAPTURE(row.on_crash);
    CAPTURE(name(row.state));
    ModelMigrations model = with_documents(5);
    model.converges = false;  // so that a document that is reached twice is seen
    const auto schema = schema_of(batch("b", fmt::format("on_crash = '{}'", row.on_crash)));
    Process dying(schema, model);
    REQUIRE_FALSE(dying.run(3));  // read, claim, one batch
    REQUIRE(model.records["m/b"].has_checkpoint());
    model.records["m/b"].state = row.state;
    Process next(schema, model);
    REQUIRE(next.run());
    CHECK(next.done() == (row.reason == Reason::kNone));
    if (row.reason != Reason::kNone) {
      CHECK(next.reason() == row.reason);
      CHECK(next.sentence().find("{_id: \"shop/m/b\"}") != std::string::npos);
      CHECK(next.sentence().find("replica1") != std::string::npos);
    }
    CHECK(model.batch["orders"][0].changed == row.first_again);
  }
}

TEST_CASE("a command whose answer did not come is not sent again without knowing") {
  for (const bool transactions : {true, false}) {
    CAPTURE(transactions);
    ModelMigrations model;
    model.transactions = transactions;
    const auto schema = schema_of(commands("c"));
    // read, claim, (mark,) run, (mark,) run: the second one
    const int second = transactions ? 3 : 5;
    Process dying(schema, model);
    REQUIRE_FALSE(dying.run(second, transactions ? Process::Death::kAfter : Process::Death::kHalf));
    CHECK(model.commands.size() == 2);
    Process next(schema, model);
    REQUIRE(next.run());
    if (transactions) {
      CHECK(next.done());
      CHECK(model.commands.size() == 3);
      continue;
    }
    CHECK(next.reason() == Reason::kMigrationInterrupted);
    CHECK(model.commands.size() == 2);
    // A person looked, and says that it may be sent.
    model.records["m/c"].state = RecordState::kPending;
    Process told(schema, model);
    REQUIRE(told.run());
    CHECK(told.done());
    CHECK(model.commands.size() == 4);
  }
  // retry: the whole list again, because its author said so.
  ModelMigrations model;
  model.transactions = false;
  const auto schema = schema_of(commands("c", "on_crash = 'retry'"));
  Process dying(schema, model);
  REQUIRE_FALSE(dying.run(5, Process::Death::kHalf));
  Process next(schema, model);
  REQUIRE(next.run());
  CHECK(next.done());
  CHECK(model.commands.size() == 5);
}

TEST_CASE("a command that an overloaded server refused undone is marked as not sent, and sent again after a pause") {
  const auto schema = schema_of(commands("a"));
  for (const bool marks_are_refused : {false, true}) {
    CAPTURE(marks_are_refused);
    ModelMigrations model;
    model.transactions = false;
    Process process(schema, model);
    int sent = 0;
    int marked = 0;
    process.fault = [&](const Work& work) -> Outcome {
      if (std::holds_alternative<RunCommand>(work) && ++sent <= 3) {
        return tl::unexpected(test::overloaded_error(Millis(1'000)));
      }
      const auto* record = std::get_if<WriteMigration>(&work);
      if (record != nullptr && !was_sent(record->record) && record->record.state == RecordState::kRunning) {
        ++marked;
        if (marks_are_refused) return tl::unexpected(test::overloaded_error());
      }
      return std::visit([&](const auto& w) { return process.execute(w); }, work);
    };
    REQUIRE(process.run());
    CHECK(process.done());
    CHECK(model.commands.size() == 3);
    CHECK(sent == 3 + 3);
    CHECK(marked == 3);
    CHECK(process.now > Instant(Millis(100)));  // up to 2, 4 and 8 s
  }
}

TEST_CASE("who dies while an overloaded server is left alone leaves a migration that goes on by itself") {
  const auto schema = schema_of(commands("a"));
  ModelMigrations model;
  model.transactions = false;
  Process dying(schema, model);
  dying.fault = [&](const Work& work) -> Outcome {
    if (std::holds_alternative<RunCommand>(work)) return tl::unexpected(test::overloaded_error());
    return std::visit([&](const auto& w) { return dying.execute(w); }, work);
  };
  REQUIRE_FALSE(dying.run(6));  // reads, claims, marks, sends, takes the mark away, waits, marks
  Process next(schema, model);
  REQUIRE(next.run());
  CHECK(next.done());
  CHECK(model.commands.size() == 3);
}

TEST_CASE("dying at any point, with every successor dying too, in the end each document is changed once") {
  const auto schema = schema_of(seed("replace", R"([ { "_id": 1 } ])") + batch("b") + batch("z"));
  for (const bool transactions : {true, false}) {
    for (const auto death : {Process::Death::kBefore, Process::Death::kAfter, Process::Death::kHalf}) {
      for (int die_at = 1; die_at < 30; ++die_at) {
        CAPTURE(transactions);
        CAPTURE(static_cast<int>(death));
        CAPTURE(die_at);
        ModelMigrations model = with_documents(8);
        model.transactions = transactions;
        // A transaction is exact whatever the update does; without, it must converge.
        model.converges = !transactions;
        bool finished = false;
        int lives = 0;
        for (; !finished && lives < 40; ++lives) {
          Process process(schema, model);
          finished = process.run(die_at, death) && process.done();
          if (!finished) REQUIRE(process.migrator.stage() != Migrator::Stage::kBroken);
          // What never gets further than its second task makes no progress when it dies before it is carried out.
          if (death == Process::Death::kBefore && die_at <= 3) break;
        }
        if (!finished) {
          Process process(schema, model);
          REQUIRE(process.run());
          REQUIRE(process.done());
        }
        if (transactions) {
          for (const auto& [id, document] : model.batch["orders"]) CHECK(document.changed == 2);  // by "b" and by "z"
        } else {
          CHECK(each_changed_once(model));
        }
        CHECK(model.records["m/b"].state == RecordState::kDone);
        CHECK(model.records["m/z"].state == RecordState::kDone);
      }
    }
  }
}

TEST_CASE("who lost the lease stops, and what it still sends changes nothing") {
  const auto schema = schema_of(batch("b"));
  ModelMigrations model = with_documents(9);
  Process first(schema, model);
  int tasks = 0;
  first.fault = [&](const Work& work) {
    if (++tasks == 4) model.token = 7;  // another acquired it
    return std::visit([&](const auto& w) { return first.execute(w); }, work);
  };
  REQUIRE(first.run());
  CHECK(first.migrator.lost());
  CHECK(first.migrator.stage() == Migrator::Stage::kBroken);
  CHECK(first.migrator.judgement().verdict == Verdict::kTransient);
  CHECK(model.batch["orders"][2].changed == 1);
  CHECK(model.batch["orders"][3].changed == 0);
  Process second(schema, model);
  REQUIRE(second.run());
  CHECK(second.done());
  CHECK(each_changed_once(model));
}

TEST_CASE("progress has a step, a number and a percentage below a hundred") {
  const auto schema = schema_of(seed("insert_missing", "[ { \"_id\": 1 } ]") + batch("b"));
  ModelMigrations model = with_documents(9);
  Process process(schema, model);
  std::vector<std::string> seen;
  process.fault = [&](const Work& work) {
    Outcome outcome = std::visit([&](const auto& w) { return process.execute(w); }, work);
    if (std::holds_alternative<RunBatch>(work)) {
      const Migrator::Progress at = process.migrator.progress();
      seen.push_back(
          fmt::format("{} {}/{} {} of {}: {}%", at.what, at.step, at.of, at.done, at.total, at.percent.value_or(-1)));
      if (outcome) std::get<MigrationMoved>(*outcome).record.total = 6;  // more came than were counted
    }
    return outcome;
  };
  REQUIRE(process.run());
  CHECK(seen == std::vector<std::string>{"migration b 2/2 0 of -1: -1%", "migration b 2/2 3 of 6: 50%",
                                         "migration b 2/2 6 of 6: 99%", "migration b 2/2 9 of 6: 99%"});
}
