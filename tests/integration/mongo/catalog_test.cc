// The schema's side of a real server: what is asked for is made, and read back.
#include <algorithm>
#include <optional>

#include "rig.h"

namespace readygate::mongo::testing {
namespace {

core::RunStep step(schema::StepKind kind, const std::string& collection, const std::string& command) {
  core::RunStep work;
  work.step.kind = kind;
  work.step.collection = collection;
  work.step.what = "a step of the test";
  work.step.command = json(command);
  work.token = 7;
  return work;
}

const schema::CatalogIndex* index_of(const schema::CatalogCollection& collection, std::string_view name) {
  for (const auto& index : collection.indexes) {
    if (index.index.name == name) return &index;
  }
  return nullptr;
}

core::CatalogRead read(Bench& bench, std::vector<std::string> names) {
  return expect<core::CatalogRead>(bench.run(core::ReadCatalog{std::move(names)}));
}

TEST_CASE("an empty database reads as an empty catalog, with the server's facts") {
  const char* uri = test_uri();
  if (!uri) return;
  const TestDatabase database(uri);
  Bench bench(database.settings());
  const core::CatalogRead empty = read(bench, {"orders", "models"});
  CHECK(empty.catalog.collections.empty());
  CHECK_FALSE(empty.catalog.server.product.empty());
  CHECK_FALSE(empty.catalog.server.version.empty());
  CHECK(empty.catalog.server.topology != "unknown");
}

TEST_CASE("every kind of index is created and read back, and only declared collections are read") {
  const char* uri = test_uri();
  if (!uri) return;
  const TestDatabase database(uri);
  Bench bench(database.settings());
  using schema::StepKind;
  expect<core::Done>(bench.run(step(StepKind::kCreateCollection, "orders", R"({"create": "orders"})")));
  expect<core::Done>(bench.run(step(StepKind::kCreateCollection, "other", R"({"create": "other"})")));
  std::vector<std::string> names = {"_id_",    "plain", "compound", "unique",  "sparse",
                                    "partial", "ttl",   "geo",      "wildcard"};
  std::string more;
  for (const auto& [name, spec] : {std::pair{"text", R"({"name": "text", "key": {"x": "text"}},)"},
                                   std::pair{"hashed", R"({"name": "hashed", "key": {"h": "hashed"}},)"}}) {
    if (lacks(name)) continue;
    names.emplace_back(name);
    more += spec;
  }
  const std::string create = R"({"createIndexes": "orders", "indexes": [)" + more + R"(
    {"name": "plain", "key": {"a": 1}},
    {"name": "compound", "key": {"b": 1, "a": -1}},
    {"name": "unique", "key": {"u": 1}, "unique": true},
    {"name": "sparse", "key": {"s": 1}, "sparse": true},
    {"name": "partial", "key": {"p": 1}, "partialFilterExpression": {"p": {"$gt": 5}}},
    {"name": "ttl", "key": {"t": 1}, "expireAfterSeconds": 3600},
    {"name": "geo", "key": {"g": "2dsphere"}},
    {"name": "wildcard", "key": {"$**": 1}}]})";
  expect<core::Done>(bench.run(step(StepKind::kCreateIndexes, "orders", create)));
  const core::CatalogRead now = read(bench, {"orders", "missing"});
  REQUIRE(now.catalog.collections.size() == 1);
  const schema::CatalogCollection& orders = now.catalog.collections.front();
  CHECK(orders.name == "orders");
  for (const std::string& name : names) {
    CAPTURE(name);
    const schema::CatalogIndex* found = index_of(orders, name);
    REQUIRE(found);
    CHECK(found->build != schema::Build::kRunning);
  }
  CHECK(schema::same(index_of(orders, "compound")->index.key, json(R"({"b": 1, "a": -1})"),
                     schema::FieldOrder::kMatters));
  CHECK(index_of(orders, "unique")->index.options.has("unique"));

  // The same again is fine: another replica may have been first.
  expect<core::Done>(
      bench.run(step(StepKind::kCreateIndexes, "orders",
                     R"({"createIndexes": "orders", "indexes": [{"name": "plain", "key": {"a": 1}}]})")));
  // An index changed in place.
  expect<core::Done>(bench.run(step(StepKind::kModifyIndex, "orders",
                                    R"({"collMod": "orders", "index": {"name": "ttl", "expireAfterSeconds": 60}})")));
  const core::CatalogRead later = read(bench, {"orders"});
  CHECK(index_of(later.catalog.collections.front(), "ttl")->index.options.to_json().find("60") != std::string::npos);
}

TEST_CASE("a conflicting index is the server's error, with its code") {
  const char* uri = test_uri();
  if (!uri) return;
  const TestDatabase database(uri);
  Bench bench(database.settings());
  using schema::StepKind;
  const auto index = [](const char* options) {
    return step(StepKind::kCreateIndexes, "orders",
                fmt::format(R"({{"createIndexes": "orders", "indexes": [{{"name": "a", {}}}]}})", options));
  };
  expect<core::Done>(bench.run(index(R"("key": {"a": 1})")));
  const core::Outcome conflict = bench.run(index(R"("key": {"b": 1})"));
  REQUIRE_FALSE(conflict);
  CHECK(conflict.error().domain == core::Domain::kServer);
  CHECK((conflict.error().code == 86 || conflict.error().code == 85));
  CHECK(conflict.error().doing == core::Doing::kCreateIndexes);
}

schema::Index unique_index(const std::string& name, const std::string& key, const std::string& options) {
  schema::Index index;
  index.name = name;
  index.key = json(key);
  index.options = json(options);
  return index;
}

TEST_CASE("a unique index over duplicates: how many there are, and some of their keys") {
  const char* uri = test_uri();
  if (!uri) return;
  const TestDatabase database(uri);
  Bench bench(database.settings());
  const std::string longest(200, 'x');
  database.command(fmt::format(R"({{"insert": "orders", "documents": [
    {{"_id": 1, "a": "twin", "b": 1}}, {{"_id": 2, "a": "twin", "b": 1}}, {{"_id": 3, "a": "other", "b": 1}},
    {{"_id": 4}}, {{"_id": 5, "a": "{0}"}}, {{"_id": 6, "a": "{0}"}}, {{"_id": 7, "a": "{0}"}}]}})",
                               longest));
  core::RunStep work = step(schema::StepKind::kFindDuplicates, "orders",
                            R"({"createIndexes": "orders", "indexes": [
                                {"name": "fine", "key": {"_id": 1, "a": 1}, "unique": true},
                                {"name": "pair", "key": {"a": 1, "b": 1}, "unique": true}]})");
  work.step.unique = {unique_index("fine", R"({"_id": 1, "a": 1})", "{}"),
                      unique_index("pair", R"({"a": 1, "b": 1})", "{}")};
  const core::Outcome failed = bench.run(work);
  REQUIRE_FALSE(failed);
  CHECK(failed.error().code == 11000);
  const std::string& message = failed.error().message;
  CAPTURE(message);
  CHECK(message.find("the index \"pair\" of \"orders\" cannot be unique: 5 documents share 2 keys of (a, b)") == 0);
  CHECK(message.find("(\"twin\", 1) in 2 documents") != std::string::npos);
  CHECK(message.find("… in 3 documents") == std::string::npos);
  CHECK(message.find("…) in 3 documents") != std::string::npos);
  CHECK(message.find(longest) == std::string::npos);
  // The build itself says the same, after it has failed.
  work.step.kind = schema::StepKind::kCreateIndexes;
  const core::Outcome refused = bench.run(work);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == 11000);
  CHECK(refused.error().message == message);
  const std::size_t half = lacks("all_indexes_or_none") ? 1 : 0;
  CHECK(read(bench, {"orders"}).catalog.collections.front().indexes.size() == 1 + half);

  // What a partial or sparse index leaves out is no duplicate.
  work.step.command = json(R"({"createIndexes": "orders", "indexes": [
    {"name": "pair", "key": {"a": 1}, "unique": true, "partialFilterExpression": {"b": {"$gt": 1}}},
    {"name": "missing", "key": {"zzz": 1}, "unique": true, "sparse": true}]})");
  work.step.unique = {unique_index("pair", R"({"a": 1})", R"({"partialFilterExpression": {"b": {"$gt": 1}}})"),
                      unique_index("missing", R"({"zzz": 1})", R"({"sparse": true})")};
  expect<core::Done>(bench.run(work));
}

TEST_CASE("documents are counted when that is asked for") {
  const char* uri = test_uri();
  if (!uri) return;
  const TestDatabase database(uri);
  Bench bench(database.settings());
  expect<core::Done>(bench.run(step(schema::StepKind::kCreateCollection, "empty", R"({"create": "empty"})")));
  database.command(R"({"insert": "full", "documents": [{"_id": 1}, {"_id": 2}]})");
  const auto counted = [&](bool count) {
    std::vector<std::optional<std::int64_t>> documents;
    for (const char* name : {"empty", "full"}) {
      const auto now = expect<core::CatalogRead>(bench.run(core::ReadCatalog{{name}, count}));
      REQUIRE(now.catalog.collections.size() == 1);
      documents.push_back(now.catalog.collections.front().documents);
    }
    return documents;
  };
  CHECK(counted(false) == std::vector<std::optional<std::int64_t>>{std::nullopt, std::nullopt});
  // An estimate may be none at all, but never zero for a collection that holds something.
  const auto now = counted(true);
  CHECK(now[0] == 0);
  CHECK((!now[1] || *now[1] > 0));
}

struct FixedClock final : Clock {
  Instant now() const override { return Instant(Seconds(100)); }
  WallTime wall() const override { return {}; }
};

TEST_CASE("a step past its time is not sent") {
  const char* uri = test_uri();
  if (!uri) return;
  const TestDatabase database(uri);
  Bench bench(database.settings(), std::make_shared<FixedClock>());
  core::RunStep work = step(schema::StepKind::kCreateCollection, "late", R"({"create": "late"})");
  work.not_after = Instant(Seconds(100));
  const core::Outcome late = bench.run(work);
  REQUIRE_FALSE(late);
  CHECK(late.error().message.find("not sent") != std::string::npos);
  CHECK(read(bench, {"late"}).catalog.collections.empty());
  work.not_after = Instant(Seconds(101));
  expect<core::Done>(bench.run(work));
  CHECK(read(bench, {"late"}).catalog.collections.size() == 1);
}

TEST_CASE("what could undo a successor's work has only what is left of its time; a build has all") {
  const char* uri = test_uri();
  if (!uri) return;
  const TestDatabase database(uri);
  Bench bench(database.settings(), std::make_shared<FixedClock>());
  const auto timed = [&](schema::StepKind kind, const std::string& command) {
    core::RunStep work = step(kind, "orders", command);
    work.not_after = Instant(Seconds(107));
    expect<core::Done>(bench.run(work));
  };
  using schema::StepKind;
  timed(StepKind::kCreateCollection, R"({"create": "orders"})");
  timed(StepKind::kCreateIndexes,
        R"({"createIndexes": "orders", "indexes": [{"name": "a", "key": {"a": 1}, "expireAfterSeconds": 60}]})");
  timed(StepKind::kModifyIndex, R"({"collMod": "orders", "index": {"name": "a", "expireAfterSeconds": 30}})");
  timed(StepKind::kDropIndex, R"({"dropIndexes": "orders", "index": "a"})");
  CHECK(read(bench, {"orders"}).catalog.collections.front().indexes.size() == 1);
}

TEST_CASE("many collections are read to the end of the cursor") {
  const char* uri = test_uri();
  if (!uri) return;
  const TestDatabase database(uri);
  Bench bench(database.settings());
  std::vector<std::string> names;
  std::vector<core::TaskId> tasks;
  for (int i = 0; i < 120; ++i) {  // more than the 101 documents of a first batch
    names.push_back(fmt::format("c{}", i));
    tasks.push_back(
        bench.start(step(schema::StepKind::kCreateCollection, names.back(), fmt::format(R"({{"create": "c{}"}})", i))));
  }
  for (const core::TaskId task : tasks) expect<core::Done>(bench.wait(task));
  CHECK(read(bench, names).catalog.collections.size() == names.size());
}

}  // namespace
}  // namespace readygate::mongo::testing
