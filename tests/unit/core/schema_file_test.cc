// A schema file that changes while the daemon runs: when it is taken, and when it needs a restart.
#include <doctest/doctest.h>

#include <string>

#include "unit/core/harness.h"

using namespace readygate;
using namespace readygate::core;
using namespace readygate::test;

TEST_CASE("a schema file that changed under an open gate is a failed check and closes ready, not open") {
  Harness h;
  h.open();
  h.gate.schema_file(example_schema(2), h.now());
  CHECK(h.facts().open);
  CHECK_FALSE(h.facts().ready);
  h.gate.schema_file(example_schema(1), h.now());
  CHECK(h.facts().ready);
}

TEST_CASE("another name of the schema or its database needs a restart, also before the gate is open") {
  const std::string text = "schema = \"store\"\ndatabase = \"elsewhere\"\nversion = 1\n";
  const auto renamed = schema::parse(text, "example.toml", "/nonexistent");
  REQUIRE(renamed);
  const std::string sentence =
      "The schema file renames schema \"shop\" to \"store\", and database \"shop\" to \"elsewhere\": in force only "
      "after "
      "a restart";
  for (const bool open : {false, true}) {
    CAPTURE(open);
    Harness h;
    h.gate.start(h.now());
    h.primary(true);
    if (open) h.answer_all();
    h.gate.schema_file(*renamed, h.now());
    h.gate.schema_file(*renamed, h.now());
    h.collect();
    CHECK(h.said(sentence) == 1);
    CHECK(h.gate.snapshot().checks.at(5) == Check{"schema_file", false, Reason::kSchemaFileChanged, sentence});
    h.answer_all();
    CHECK(h.facts().open);
    CHECK_FALSE(h.facts().ready);
    CHECK(h.database.ledger->id == "shop");  // nothing of the file was taken
    CHECK(h.database.catalog.collections.size() == 2);
    h.gate.schema_file(example_schema(1), h.now());
    CHECK(h.facts().ready);
    CHECK(h.gate.snapshot().checks.at(5) == Check{"schema_file", true, Reason::kNone, ""});
  }
}

TEST_CASE("a schema file that is corrected while the gate is failed is applied") {
  Harness first(example_schema(1, "", "  [[collection.index]]\n  name = \"more\"\n  key = [[\"x\", 1]]\n"));
  first.open();
  Harness h(example_schema(1), {}, 2);
  h.database = first.database;
  h.open();
  CHECK(h.code() == Reason::kVersionNotRaised);
  h.gate.schema_file(example_schema(2), h.now());
  h.answer_all();
  CHECK(h.facts().open);
  CHECK(h.gate.snapshot().schema.version == 2);
  CHECK(h.database.ledger->applied->version == 2);
}
