// The control document: its format, and what it forgives.
#include <string>

#include <doctest/doctest.h>

#include "mongo/ledger_bson.h"

namespace readygate::mongo {
namespace {

core::Ledger full() {
  core::Ledger ledger;
  ledger.id = "orders";
  ledger.token = 5'000'000'000;
  ledger.rev = "0123456789abcdef0123456789abcdef";
  ledger.owner = "me";
  ledger.period_ms = 20'000;
  ledger.applied = core::Applied{3, "cafe", 1, 2, WallTime(Millis(1'700'000'000'123)), "you"};
  ledger.applied->host = "pod-7";
  ledger.applied->took = Millis(1234);
  ledger.target = core::Target{4, "beef", 1};
  ledger.step = "create indexes a";
  ledger.pending = {"0001-x", "0002-y"};
  ledger.owns = {{"orders", {"a", "b"}, true}, {"models", {}, false}};
  return ledger;
}

tl::expected<core::Ledger, std::string> from_json(const std::string& json) {
  const auto document = schema::Document::from_json(json);
  REQUIRE(document);
  return ledger_from(*document->get());
}

TEST_CASE("the format is what it is") {
  CHECK(
      to_bson(full()).to_canonical_json() ==
      R"({ "_id" : "orders", "token" : { "$numberLong" : "5000000000" }, "rev" : "0123456789abcdef0123456789abcdef", )"
      R"("owner" : "me", "period_ms" : { "$numberLong" : "20000" }, "applied" : { "version" : { "$numberInt" : "3" }, )"
      R"("hash" : "cafe", "hash_format" : { "$numberInt" : "1" }, "min_open" : { "$numberInt" : "2" }, )"
      R"("at" : { "$date" : { "$numberLong" : "1700000000123" } }, "by" : "you", "host" : "pod-7", )"
      R"("took_ms" : { "$numberLong" : "1234" } }, )"
      R"("target" : { "version" : { "$numberInt" : "4" }, "hash" : "beef", "hash_format" : { "$numberInt" : "1" } }, )"
      R"("step" : "create indexes a", "pending" : [ "0001-x", "0002-y" ], "owns" : [ { "collection" : "orders", )"
      R"("indexes" : [ "a", "b" ], "created" : true }, { "collection" : "models", "indexes" : [ ], "created" : false } ] })");
  core::Ledger empty;
  empty.id = "orders";
  CHECK(to_bson(empty).to_json() ==
        R"({ "_id" : "orders", "token" : 0, "rev" : "", "owner" : null, "period_ms" : 0, )"
        R"("applied" : null, "target" : null, "step" : "", "pending" : [ ], "owns" : [ ] })");
}

TEST_CASE("what is written is read") {
  CHECK(ledger_from(*to_bson(full()).get()).value() == full());
  core::Ledger empty;
  empty.id = "orders";
  CHECK(ledger_from(*to_bson(empty).get()).value() == empty);
}

TEST_CASE("a write sets the revision and what it names, never _id") {
  using core::LedgerField;
  const schema::Document all = fields_of(full(), core::kAllLedgerFields);
  CHECK_FALSE(all.has("_id"));
  for (const char* field : {"token", "rev", "owner", "period_ms", "applied", "target", "step", "pending", "owns"}) {
    CHECK(all.has(field));
  }
  CHECK(fields_of(full(), LedgerField::kStep | LedgerField::kPending).to_json() ==
        R"({ "rev" : "0123456789abcdef0123456789abcdef", "step" : "create indexes a", )"
        R"("pending" : [ "0001-x", "0002-y" ] })");
}

TEST_CASE("unknown fields are read over, missing ones are unset, numbers may have any type") {
  const auto ledger = from_json(R"({"_id": "orders", "later": {"x": [1]}, "token": 7.0, "rev": "r", "extra": 1,
                                    "applied": {"version": {"$numberLong": "3"}, "hash": "h", "new": true},
                                    "owns": [{"collection": "c", "more": 1}]})");
  REQUIRE(ledger);
  CHECK(ledger->token == 7);
  CHECK(ledger->rev == "r");
  CHECK_FALSE(ledger->owner);
  CHECK(ledger->applied->version == 3);
  CHECK(ledger->applied->min_open == 0);
  CHECK(ledger->owns == std::vector<core::Owns>{{"c", {}, false}});
}

TEST_CASE("what cannot be right is named") {
  const auto problem = [](const char* json) {
    const auto ledger = from_json(json);
    REQUIRE_FALSE(ledger);
    return ledger.error();
  };
  CHECK(problem(R"({"_id": "orders", "rev": "r"})") == "its field token is not there");
  CHECK(problem(R"({"_id": "orders", "token": 1})") == "its field rev is not there");
  CHECK(problem(R"({"token": "1", "rev": "r"})") == "its field token is not a whole number");
  CHECK(problem(R"({"token": 1, "rev": 5})") == "its field rev is not a string");
  CHECK(problem(R"({"token": 1, "rev": "r", "applied": [1]})") == "its field applied is not a document");
  CHECK(problem(R"({"token": 1, "rev": "r", "applied": {"version": {"$numberLong": "5000000000"}}})") ==
        "its field applied.version is not a whole number");
  CHECK(problem(R"({"token": 1, "rev": "r", "applied": {"at": "today"}})") == "its field applied.at is not a date");
  CHECK(problem(R"({"token": 1, "rev": "r", "pending": "x"})") == "its field pending is not an array");
  CHECK(problem(R"({"token": 1, "rev": "r", "owns": [{"indexes": [3]}]})") == "its field owns.indexes is not a string");
}

TEST_CASE("an applied version has its own entry") {
  const schema::Document entry = history_entry("orders", *full().applied);
  CHECK(entry.to_json() ==
        R"({ "_id" : "orders/v/3/cafe", "version" : 3, "hash" : "cafe", "hash_format" : 1, "min_open" : 2, )"
        R"("at" : { "$date" : "2023-11-14T22:13:20.123Z" }, "by" : "you", "host" : "pod-7", "took_ms" : 1234 })");
  CHECK(applied_from(*entry.get()).value() == *full().applied);
}

}  // namespace
}  // namespace readygate::mongo
