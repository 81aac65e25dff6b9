// What a seed or migration is refused for, and what of that is remembered.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "unit/core/migrator_rig.h"

using namespace readygate;
using namespace readygate::core;
using namespace readygate::test;

TEST_CASE("what the server refuses is remembered") {
  const auto schema = schema_of(batch("b"));
  ModelMigrations model = with_documents(3);
  Process process(schema, model);
  process.fault = [&](const Work& work) -> Outcome {
    if (!std::holds_alternative<RunBatch>(work)) {
      return std::visit([&](const auto& w) { return process.execute(w); }, work);
    }
    return tl::unexpected(Failure{Domain::kServer, 11000, core::Doing::kMigrate, "E11000 duplicate key", {}});
  };
  REQUIRE(process.run());
  CHECK(process.reason() == Reason::kMigrationRefused);
  CHECK(process.sentence().find("E11000 duplicate key") != std::string::npos);
  CHECK(model.records["m/b"].state == RecordState::kFailed);
  CHECK(model.records["m/b"].error == process.sentence());
  // A broken connection is not remembered: the next one resumes.
  Process dropped(schema, model);
  dropped.fault = [&](const Work& work) -> Outcome {
    if (!std::holds_alternative<RunBatch>(work)) {
      return std::visit([&](const auto& w) { return dropped.execute(w); }, work);
    }
    return tl::unexpected(Failure{Domain::kStream, 0, core::Doing::kModify, "connection closed", {}});
  };
  REQUIRE(dropped.run());
  CHECK(dropped.migrator.judgement().verdict == Verdict::kTransient);
  CHECK(model.records["m/b"].state == RecordState::kRunning);
  CHECK(model.records["m/b"].error.empty());
}

TEST_CASE(
    "a seed that collides says which, with which key of whose document, and is remembered where it has a record") {
  for (const char* mode : {"insert_missing", "merge", "replace"}) {
    for (const bool same_seed : {false, true}) {
      CAPTURE(mode);
      CAPTURE(same_seed);
      const auto schema = schema_of(seed(mode, R"([ { "_id": "admin", "name": "a" } ])"));
      ModelMigrations model;
      Process process(schema, model);
      process.fault = [&](const Work& work) -> Outcome {
        if (!std::holds_alternative<RunSeed>(work)) {
          return std::visit([&](const auto& w) { return process.execute(w); }, work);
        }
        MigrationMoved moved;
        moved.collision = SeedCollision{"\"admin\"", "by_name", R"({ "name" : 1 })", "41", same_seed};
        return moved;
      };
      REQUIRE(process.run());
      CHECK(process.reason() == Reason::kMigrationRefused);
      CHECK(process.migrator.judgement().verdict == Verdict::kPermanent);
      CHECK(process.migrator.judgement().origin == Origin::kDocuments);
      CHECK(process.sentence().starts_with(
          R"(seed of models failed: the document { "_id" : "admin" } that s.toml:10:1 declares has, in the unique )"
          R"(index "by_name" { "name" : 1 }, the key of )"));
      const bool ours = process.sentence().find(R"(a document of this seed, { "_id" : 41 }.)") != std::string::npos;
      CHECK(ours == same_seed);
      const MigrationRecord* record = model.records.empty() ? nullptr : &model.records.begin()->second;
      CHECK((record != nullptr) == (std::string(mode) != "insert_missing"));
      if (record != nullptr) CHECK(record->error == process.sentence());
    }
  }
}
