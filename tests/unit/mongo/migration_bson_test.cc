// The record of a migration: its format, and what it forgives.
#include <string>

#include <doctest/doctest.h>

#include "mongo/migration_bson.h"
#include "schema/fields.h"

namespace readygate::mongo {
namespace {

core::MigrationRecord full() {
  core::MigrationRecord record;
  record.key = "m/0003-split";
  record.checksum = "1:cafe";
  record.state = core::RecordState::kFailed;
  schema::append(record.checkpoint, "_id", std::int32_t{7});
  record.done = 12;
  record.total = 5'000'000'000;
  record.found = 5;
  record.passes = 2;
  record.claim = 3;
  record.token = 9;
  record.owner = "me";
  record.at = WallTime(Millis(1'700'000'000'123));
  record.started = WallTime(Millis(1'700'000'000'000));
  record.by = "you";
  record.host = "pod-7";
  record.code = "migration_refused";
  record.error = "what happened";
  return record;
}

schema::Document with_id(const schema::Document& fields) {
  schema::Document document;
  schema::append(document, "_id", "shop/m/0003-split");
  for (const schema::Field& each : schema::fields(fields)) schema::append(document, each);
  return document;
}

tl::expected<core::MigrationRecord, std::string> from_json(const std::string& json) {
  const auto document = schema::Document::from_json(json);
  REQUIRE(document);
  return record_from(*document, "shop");
}

TEST_CASE("the format of a record is what it is") {
  CHECK(
      fields_of(full()).to_canonical_json() ==
      R"({ "checksum" : "1:cafe", "state" : "failed", "checkpoint" : { "_id" : { "$numberInt" : "7" } }, )"
      R"("done" : { "$numberLong" : "12" }, "total" : { "$numberLong" : "5000000000" }, )"
      R"("found" : { "$numberLong" : "5" }, "passes" : { "$numberLong" : "2" }, )"
      R"("started" : { "$date" : { "$numberLong" : "1700000000000" } }, "claim" : { "$numberLong" : "3" }, )"
      R"("token" : { "$numberLong" : "9" }, "owner" : "me", )"
      R"("at" : { "$date" : { "$numberLong" : "1700000000123" } }, "by" : "you", "host" : "pod-7", "code" : "migration_refused", )"
      R"("error" : "what happened" })");
  for (const char* progress : {"checkpoint", "done", "total", "found", "passes", "started", "claim"}) {
    CHECK_FALSE(fields_without_progress(full()).has(progress));
  }
}

TEST_CASE("what is written of a record is read") {
  const auto read = record_from(with_id(fields_of(full())), "shop");
  REQUIRE(read);
  CHECK(read->key == "m/0003-split");
  CHECK(fields_of(*read).to_canonical_json() == fields_of(full()).to_canonical_json());
  const auto empty = from_json(R"({ "_id": "shop/m/a", "checksum": "1:ab", "state": "pending", "checkpoint": null })");
  REQUIRE(empty);
  CHECK_FALSE(empty->has_checkpoint());
  CHECK(empty->total == -1);
}

TEST_CASE("a person may write numbers of any type, and no state that is none") {
  const auto read =
      from_json(R"({ "_id": "shop/m/a", "checksum": "1:ab", "state": "running", "token": 4.0, "claim": 2 })");
  REQUIRE(read);
  CHECK(read->token == 4);
  CHECK(read->claim == 2);
  CHECK(from_json(R"({ "_id": "shop/m/a", "checksum": "1:ab", "state": "Done" })").error() ==
        "its state is \"Done\", which is none");
  CHECK(from_json(R"({ "_id": "shop/m/a", "checksum": "1:ab" })").error() == "its state is \"\", which is none");
  CHECK(from_json(R"({ "_id": "shop/m/a", "state": "done" })").error() == "its field checksum is missing");
}

}  // namespace
}  // namespace readygate::mongo
