// Seeds and migrations on a real server: what they leave in it, and that a successor goes on where a holder ended.
#include "migration_rig.h"
#include "schema/fields.h"

namespace readygate::mongo::testing {
namespace {

// Who holds the lease, as the ledger shows it.
void lease(const TestDatabase& database, int token, const std::string& owner = "me") {
  database.command(fmt::format(
      R"({{"update": "_readygate", "updates": [{{"q": {{"_id": "orders"}}, "u": {{"$set": {{"token": {{"$numberLong": "{}"}},
          "rev": "r", "owner": "{}"}}}}, "upsert": true}}]}})",
      token, owner));
}

// The documents of a collection in the order of _id, without spaces.
std::string documents(const TestDatabase& database, const std::string& collection, const std::string& filter = "{}") {
  const auto reply = json(database.command(
      fmt::format(R"({{"find": "{}", "filter": {}, "sort": {{"_id": 1}}, "batchSize": 1000}})", collection, filter)));
  std::string all;
  const schema::Document cursor = *schema::field(reply, "cursor")->document();
  const schema::Document batch = *schema::field(cursor, "firstBatch")->document();
  for (const schema::Field& each : schema::fields(batch)) {
    for (const char c : each.to_json()) all += c == ' ' ? "" : std::string(1, c);
  }
  return all;
}

core::MigrationRecord record(Bench& bench, const std::string& key) {
  const auto read = expect<core::MigrationsRead>(bench.run(core::ReadMigrations{}));
  const core::MigrationRecord* found = core::find_record(read.records, key);
  REQUIRE(found);
  return *found;
}

std::string seed(const std::string& mode, const std::string& docs) {
  return fmt::format("[[seed]]\ncollection = 'models'\nmode = '{}'\ndocs = '{}'\n", mode, docs);
}

constexpr const char* kNotYet = R"({ "state": { "$exists": false } })";
constexpr const char* kCount = R"({ "$set": { "state": "x" }, "$inc": { "times": 1 } })";

}  // namespace

TEST_CASE("seeds fill up, merge and replace") {
  const char* uri = test_uri();
  if (!uri) return;
  const TestDatabase database(uri);
  Bench bench(database.settings());
  lease(database, 1);
  database.command(R"({"insert": "models", "documents": [{"_id": 1, "a": "theirs", "b": "theirs"}]})");
  const auto run = [&](const std::string& text) {
    const auto schema = schema_of(text);
    Holder holder(bench, schema, 1);
    holder.run();
    CAPTURE(holder.sentence());
    CHECK(holder.done());
  };
  run(seed("insert_missing", R"([ { "_id": 1, "a": "ours" }, { "_id": "two", "a": "ours" } ])"));
  CHECK(documents(database, "models") == R"({"_id":1,"a":"theirs","b":"theirs"}{"_id":"two","a":"ours"})");
  const std::string merge = seed("merge", R"([ { "_id": 1, "a": "ours" }, { "_id": 3, "a": "ours" } ])");
  run(merge);
  CHECK(documents(database, "models") ==
        R"({"_id":1,"a":"ours","b":"theirs"}{"_id":3,"a":"ours"}{"_id":"two","a":"ours"})");
  database.command(R"({"update": "models", "updates": [{"q": {"_id": 1}, "u": {"$set": {"a": "theirs"}}}]})");
  run(merge);
  run(merge + seed("replace", R"([ { "_id": 3, "c": 1 } ])"));
  CHECK(documents(database, "models") ==
        R"({"_id":1,"a":"theirs","b":"theirs"}{"_id":3,"c":1}{"_id":"two","a":"ours"})");
  run(seed("replace", R"([ { "_id": 3, "c": 1 } ])"));
  run(merge);  // declared again after it was not
  CHECK(documents(database, "models").starts_with(R"({"_id":1,"a":"ours")"));
}

TEST_CASE("a seed that a unique index keeps out is refused, without the values") {
  const char* uri = test_uri();
  if (!uri) return;
  const TestDatabase database(uri);
  Bench bench(database.settings());
  lease(database, 1);
  database.command(
      R"({"createIndexes": "models", "indexes": [{"name": "email", "key": {"email": 1}, "unique": true}]})");
  database.command(R"({"insert": "models", "documents": [{"_id": 1, "email": "a@example.com"}]})");
  const auto schema = schema_of(seed("insert_missing", R"([ { "_id": 2, "email": "a@example.com" } ])"));
  Holder holder(bench, schema, 1);
  holder.run();
  CHECK(holder.reason() == Reason::kMigrationRefused);
  CHECK(holder.sentence().find("a@example.com") == std::string::npos);
}

TEST_CASE("killed in the middle, resumed at the checkpoint: each document is changed once") {
  const char* uri = test_uri();
  if (!uri) return;
  const TestDatabase database(uri);
  // _ids of several types: a comparison alone would stay within the first.
  std::string all;
  for (int i = 0; i < 9; ++i) all += fmt::format("{{\"_id\": {}}}, ", i);
  for (int i = 0; i < 9; ++i) all += fmt::format("{{\"_id\": \"s{}\"}}, ", i);
  for (int i = 1; i < 9; ++i) all += fmt::format("{{\"_id\": {{\"$oid\": \"{:024x}\"}}}}, ", i);
  all += R"({"_id": true}, {"_id": {"$date": 5}}, {"_id": {"a": 1}}, {"_id": "done", "state": "old"})";
  database.command(fmt::format(R"({{"insert": "orders", "documents": [{}]}})", all));
  const auto schema = schema_of(batch(kNotYet, kCount, 5));

  const auto lives = [&](int token, int tasks) {
    lease(database, token);
    Bench bench(database.settings());  // connections of its own, closed in the end, as those of a process are
    Holder holder(bench, schema, token);
    holder.run(tasks);
    return holder.done();
  };
  CHECK_FALSE(lives(1, 4));  // read, claim, one document, five documents
  {
    Bench bench(database.settings());
    const core::MigrationRecord interrupted = record(bench, "m/m");
    CHECK(interrupted.state == core::RecordState::kRunning);
    // With transactions five, and the four that are left of their type: a batch stays within one.
    CHECK(interrupted.done == (expect<core::MigrationsRead>(bench.run(core::ReadMigrations{})).transactions ? 9 : 6));
    CHECK(interrupted.has_checkpoint());
    CHECK(interrupted.total == 29);
    CHECK(interrupted.token == 1);
  }
  CHECK_FALSE(lives(2, 3));
  CHECK(lives(3, 1000));
  CHECK(documents(database, "orders", R"({"times": {"$ne": 1}})") == R"({"_id":"done","state":"old"})");
  Bench bench(database.settings());
  const core::MigrationRecord finished = record(bench, "m/m");
  CHECK(finished.state == core::RecordState::kDone);
  CHECK(finished.checksum == schema.migrations[0].checksum);
  CHECK(finished.done == 29);
  CHECK(finished.claim == 3);
  CHECK(finished.owner == "me");
  CHECK(finished.by == "me");
  CHECK(finished.at > WallTime(Millis(1'700'000'000'000)));
}

TEST_CASE("in the background, with a pipeline, until a pass finds nothing") {
  const char* uri = test_uri();
  if (!uri) return;
  const TestDatabase database(uri);
  Bench bench(database.settings());
  lease(database, 1);
  database.command(R"({"insert": "orders", "documents": [{"_id": 1, "status": "a"}, {"_id": 2, "status": "b"}]})");
  const auto schema =
      schema_of(batch(kNotYet, R"([ { "$set": { "state": "$status" } } ])", 500, "phase = 'background'"));
  Holder holder(bench, schema, 1, schema::Migration::Phase::kBackground);
  holder.run();
  CAPTURE(holder.sentence());
  CHECK(holder.done());
  CHECK(documents(database, "orders") == R"({"_id":1,"status":"a","state":"a"}{"_id":2,"status":"b","state":"b"})");
  CHECK(record(bench, "m/m").passes == 2);
}

TEST_CASE("an update that leaves its filter matching is found out with one document") {
  const char* uri = test_uri();
  if (!uri) return;
  const TestDatabase database(uri);
  Bench bench(database.settings());
  lease(database, 1);
  database.command(R"({"insert": "orders", "documents": [{"_id": 1}, {"_id": 2}, {"_id": 3}]})");
  const auto schema = schema_of(batch(kNotYet, R"({ "$inc": { "times": 1 } })", 500, "phase = 'background'"));
  for (int i = 0; i < 2; ++i) {
    Holder holder(bench, schema, 1, schema::Migration::Phase::kBackground);
    holder.run();
    CHECK(holder.reason() == (i == 0 ? Reason::kMigrationNotConvergent : Reason::kMigrationInterrupted));
  }
  CHECK(documents(database, "orders", R"({"_id": {"$gt": 1}})") == R"({"_id":2}{"_id":3})");
  CHECK(record(bench, "m/m").code == "migration_not_convergent");
}

TEST_CASE("without the lease, with an older token or past its time nothing is written") {
  const char* uri = test_uri();
  if (!uri) return;
  const TestDatabase database(uri);
  Bench bench(database.settings());
  database.command(R"({"insert": "orders", "documents": [{"_id": 1}, {"_id": 2}]})");
  const auto schema = schema_of(batch(kNotYet, kCount, 1));
  const auto untouched = [&] { return documents(database, "orders", R"({"times": {"$exists": true}})").empty(); };

  lease(database, 5, "somebody");
  Holder other(bench, schema, 5);
  CHECK(other.run().migrator().lost());
  lease(database, 5);
  Holder old(bench, schema, 4);
  CHECK(old.run().migrator().lost());
  CHECK(documents(database, "_readygate", R"({"_id": "orders/m/m"})").empty());

  Holder holder(bench, schema, 5);
  holder.run(2);  // read, claim
  core::MigrationRecord claimed = record(bench, "m/m");
  core::RunBatch late{{5, "me", Instant{}}, *schema.migrations[0].batch(), {}, true, false, claimed};
  const core::Outcome refused = bench.run(late);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("had run out") != std::string::npos);
  CHECK(untouched());
  // Another claim since: the documents may be changed by a late batch without a transaction, the record not.
  core::WriteMigration write{{5, "me", {}}, claimed};
  --write.record.claim;
  CHECK_FALSE(expect<core::MigrationMoved>(bench.run(write)).held);
  lease(database, 6);
  CHECK_FALSE(expect<core::MigrationMoved>(bench.run(core::WriteMigration{{5, "me", {}}, claimed})).held);
  late.fence.not_after.reset();
  CHECK_FALSE(expect<core::MigrationMoved>(bench.run(late)).held);
  CHECK(untouched());

  // A claim takes over what the database knows of progress, which may be more than was read.
  lease(database, 5);
  database.command(
      R"({"update": "_readygate", "updates": [{"q": {"_id": "orders/m/m"}, "u": {"$set": {"checkpoint": {"_id": 0}}}}]})");
  CHECK(expect<core::MigrationMoved>(bench.run(core::ClaimMigration{{5, "me", {}}, claimed, true}))
            .record.checkpoint.to_json() == R"({ "_id" : 0 })");
  CHECK_FALSE(expect<core::MigrationMoved>(bench.run(core::ClaimMigration{{5, "me", {}}, claimed, false}))
                  .record.has_checkpoint());
  lease(database, 6);

  Holder successor(bench, schema, 6);
  CHECK(successor.run().done());
  CHECK_FALSE(untouched());
  // Done stays done, and a token that is older than the record's does not get it.
  CHECK(expect<core::MigrationMoved>(bench.run(core::ClaimMigration{{6, "me", {}}, claimed, true})).record.state ==
        core::RecordState::kDone);
  database.command(
      R"({"update": "_readygate", "updates": [{"q": {"_id": "orders/m/m"}, "u": {"$set": {"state": "running",
          "token": {"$numberLong": "9"}}}}]})");
  CHECK_FALSE(expect<core::MigrationMoved>(bench.run(core::ClaimMigration{{6, "me", {}}, claimed, true})).held);
}

TEST_CASE("a list of commands") {
  const char* uri = test_uri();
  if (!uri) return;
  const TestDatabase database(uri);
  Bench bench(database.settings());
  lease(database, 1);
  schema::Migration migration;
  migration.id = "c";
  migration.work = schema::CommandList{
      {json(R"({"insert": "orders", "documents": [{"_id": 1}, {"_id": 2}]})"),
       json(R"({"update": "orders", "updates": [{"q": {}, "u": {"$inc": {"n": 1}}, "multi": true}]})"),
       json(R"({"delete": "orders", "deletes": [{"q": {"_id": 2}, "limit": 1}]})")}};
  migration.checksum = checksum_of(migration);
  schema::Schema schema = schema_of("");
  schema.migrations.push_back(migration);
  Holder dying(bench, schema, 1);
  dying.run(2);
  lease(database, 2);
  Holder holder(bench, schema, 2);
  holder.run();
  CAPTURE(holder.sentence());
  CHECK(holder.done());
  CHECK(documents(database, "orders") == R"({"_id":1,"n":1})");
  CHECK(record(bench, "m/c").done == 3);

  // A command that the server refuses, and a list that does not go on after it without being told.
  migration.id = "d";
  migration.work = schema::CommandList{{json(R"({"insert": "orders", "documents": [{"_id": 1}]})")}};
  migration.checksum = checksum_of(migration);
  schema.migrations.push_back(migration);
  Holder refused(bench, schema, 2);
  refused.run();
  CHECK(refused.reason() == Reason::kMigrationRefused);
  CHECK(record(bench, "m/d").state == core::RecordState::kFailed);
}

TEST_CASE("records are this schema's alone, and a damaged one is said to be") {
  const char* uri = test_uri();
  if (!uri) return;
  const TestDatabase database(uri);
  Bench bench(database.settings());
  lease(database, 1);
  database.command(R"({"insert": "_readygate", "documents": [
      {"_id": "orders/v/1/ab"}, {"_id": "orders/m/a", "checksum": "1:ab", "state": "done", "passes": 2.0, "later": 1},
      {"_id": "orders/s/models/1:ab", "checksum": "1:ab", "state": "superseded"},
      {"_id": "orders2/m/b", "checksum": "1:ab", "state": "done"}]})");
  const auto read = expect<core::MigrationsRead>(bench.run(core::ReadMigrations{}));
  REQUIRE(read.records.size() == 2);
  CHECK(core::find_record(read.records, "m/a")->passes == 2);
  CHECK(core::find_record(read.records, "s/models/1:ab")->state == core::RecordState::kSuperseded);
  database.command(
      R"({"update": "_readygate", "updates": [{"q": {"_id": "orders/m/a"}, "u": {"$set": {"state": "dnoe"}}}]})");
  const core::Outcome damaged = bench.run(core::ReadMigrations{});
  REQUIRE_FALSE(damaged);
  CHECK(damaged.error().message.find("{_id: \"orders/m/a\"}") != std::string::npos);
  CHECK(damaged.error().message.find("dnoe") != std::string::npos);
}

}  // namespace readygate::mongo::testing
