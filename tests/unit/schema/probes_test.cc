// What is tried out, and what is said of a server that does not keep to it.
#include <algorithm>

#include <doctest/doctest.h>

#include "schema/probes.h"

using namespace readygate;
using namespace readygate::schema;

namespace {

Schema shop(const std::string& collection) {
  auto schema =
      parse("schema = \"shop\"\ndatabase = \"shop\"\nversion = 1\n[[collection]]\nname = \"orders\"\n" + collection,
            "shop.toml", "/nonexistent");
  REQUIRE(schema);
  return *schema;
}

std::vector<Rule> rules(const Schema& schema) {
  std::vector<Rule> all;
  for (const Probe& probe : probes(schema, "scratch")) all.push_back(probe.rule);
  return all;
}

constexpr const char* kIndex = "[[collection.index]]\nname = \"x\"\nkey = [[\"x\", 1]]\n";

}  // namespace

TEST_CASE("only what the schema relies on is tried") {
  CHECK(rules(shop(kIndex)).empty());
  CHECK(rules(shop("validator = '{ \"a\": 1 }'\n")) == std::vector{Rule::kValidator});
  CHECK(rules(shop("validator = '{ \"$jsonSchema\": {} }'\n")) == std::vector{Rule::kJsonSchema});
  CHECK(rules(shop("validator = '{ \"a\": 1 }'\nvalidation = { level = \"strict\", action = \"warn\" }\n")).empty());
  const std::string unique = std::string(kIndex) + "unique = true\n";
  CHECK(rules(shop(unique)) == std::vector{Rule::kUnique});
  CHECK(rules(shop(unique + "sparse = true\n")) == std::vector{Rule::kUnique, Rule::kSparseUnique});
  CHECK(rules(shop(unique + "partial = '{ \"b\": 1 }'\n")) == std::vector{Rule::kUnique, Rule::kPartialUnique});
  CHECK(rules(shop(unique + "collation = { locale = \"de\" }\n")) == std::vector{Rule::kUnique, Rule::kCollatedUnique});
}

TEST_CASE("every command of a probe is on the scratch collection") {
  const std::string all = std::string(kIndex) + "unique = true\nsparse = true\ncollation = { locale = \"de\" }\n";
  const Schema schema = shop("validator = '{ \"a\": 1 }'\n" + all);
  for (const Probe& probe : probes(schema, "scratch")) {
    CHECK(std::any_of(probe.trials.begin(), probe.trials.end(),
                      [](const Trial& trial) { return trial.expect != Trial::Expect::kDone; }));
    for (const Trial& trial : probe.trials) {
      const std::string json = trial.command.to_json();
      CAPTURE(json);
      CHECK(json.find("\" : \"scratch\"") != std::string::npos);
      CHECK(json.find("SCRATCH") == std::string::npos);
    }
  }
}

TEST_CASE("what the server does not enforce is a finding of each object") {
  const Schema schema = shop("validator = '{ \"a\": 1 }'\n" + std::string(kIndex) + "unique = true\n");
  const Server server{"other", "1.0", "standalone"};
  Plan plan;
  const std::vector<Tried> tried = {{Rule::kValidator, false}, {Rule::kUnique, false}};
  report_tried(schema, server, tried, plan);
  REQUIRE(plan.findings.size() == 2);
  CHECK(plan.findings[0].kind == FindingKind::kNotHonoured);
  CHECK(plan.findings[0].option == "validator");
  CHECK(plan.findings[0].message == "tried out: other 1.0 accepts a document that violates a validator (\"orders\")");
  CHECK(plan.findings[1].object == "x");
  CHECK(plan.findings[1].option == "unique");
  Plan clean;
  report_tried(schema, server, {{Rule::kUnique, true}}, clean);
  CHECK(clean.findings.empty());
}
