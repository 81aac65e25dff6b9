// Against a server that says it is a mongos: which shards have which index is what test_program.py lets it answer.
#include <string>
#include <vector>

#include "rig.h"
#include "schema/plan.h"

namespace readygate::mongo::testing {
namespace {

// The catalog of "orders", with the indexes "by_customer" and "late"; none, and the test is skipped, on other servers.
std::optional<schema::Catalog> sharded_orders() {
  const char* uri = test_uri();
  if (!uri) return std::nullopt;
  const TestDatabase database(uri);
  Bench bench(database.settings());
  const core::ReadCatalog work{{"orders"}, false};
  if (expect<core::CatalogRead>(bench.run(work)).catalog.server.topology != "sharded") {
    MESSAGE("skipped: not a mongos");
    return std::nullopt;
  }
  database.command(R"({"createIndexes": "orders", "indexes": [
    {"name": "by_customer", "key": {"customer": 1, "at": 1}}, {"name": "late", "key": {"b": 1}}]})");
  return expect<core::CatalogRead>(bench.run(work)).catalog;
}

schema::Plan plan_of(const schema::Catalog& catalog, const std::string& more) {
  const auto schema = schema::parse(
      "schema = 's'\ndatabase = 'd'\nversion = 1\n[policy]\nconflict = 'replace'\ncontract = 'apply'\n"
      "[[collection]]\nname = 'orders'\n[[collection.index]]\nname = 'late'\nkey = [['b', 1]]\n" +
          more,
      "s.toml", "");
  REQUIRE(schema);
  return schema::diff(*schema, catalog);
}

TEST_CASE("a sharded collection: an index that a shard lacks is asked for again") {
  const auto catalog = sharded_orders();
  if (!catalog) return;
  REQUIRE(catalog->collections.size() == 1);
  REQUIRE(catalog->collections[0].sharding);
  const schema::Sharding& sharding = *catalog->collections[0].sharding;
  CHECK(sharding.verified);
  CHECK(schema::same(sharding.key, json(R"({"customer": 1})")));
  CHECK(sharding.incomplete == std::vector<std::string>{"late"});
  const schema::Plan plan = plan_of(*catalog, "");
  REQUIRE(plan.steps.size() == 1);
  CHECK(plan.steps[0].indexes == std::vector<std::string>{"late"});
  CHECK(plan.first(schema::FindingKind::kBuilding) != nullptr);
  CHECK(plan.first(schema::FindingKind::kShardedUnverified) == nullptr);
}

TEST_CASE("a sharded collection: what the shard key needs is left alone") {
  const auto catalog = sharded_orders();
  if (!catalog) return;
  const std::string index = "[[collection.index]]\nname = 'by_customer'\n";
  const schema::Plan replaced = plan_of(*catalog, index + "key = [['customer', 1]]\n");
  REQUIRE(replaced.first(schema::FindingKind::kConflict) != nullptr);
  CHECK(replaced.first(schema::FindingKind::kConflict)->object == "by_customer");
  const schema::Plan unique = plan_of(*catalog, "[[collection.index]]\nname = 'u'\nkey = [['a', 1]]\nunique = true\n");
  REQUIRE(unique.first(schema::FindingKind::kConflict) != nullptr);
  CHECK(unique.first(schema::FindingKind::kConflict)->option == "unique");
  const schema::Plan prefixed =
      plan_of(*catalog, "[[collection.index]]\nname = 'u'\nkey = [['customer', 1], ['a', 1]]\nunique = true\n");
  CHECK(prefixed.first(schema::FindingKind::kConflict) == nullptr);
}

TEST_CASE("a cluster that does not let us ask: that is said") {
  const auto catalog = sharded_orders();
  if (!catalog) return;
  REQUIRE(catalog->collections.at(0).sharding);
  CHECK_FALSE(catalog->collections[0].sharding->verified);
  CHECK(plan_of(*catalog, "").first(schema::FindingKind::kShardedUnverified) != nullptr);
}

}  // namespace
}  // namespace readygate::mongo::testing
