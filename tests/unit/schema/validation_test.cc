// Levels and actions of a validation that not every server has, and a constraint, which is never given up in silence.
// The steps are in tests/plans/validation.toml.
#include <string>
#include <vector>

#include "schema/declared_catalog.h"
#include "schema/plan.h"
#include "schema/writer.h"
#include "scripted_catalog.h"
#include "text.h"

using namespace readygate;
using namespace readygate::schema;

namespace {

const Server kNine{"mongodb", "9.0.1", "replicaset"};
const std::string kApply = "[policy]\ncontract = 'apply'\n";

// `how`: of the table `validation`, or "".
std::string ruled(const std::string& how, const std::string& rule = "{ \"a\": 1 }") {
  return "[[collection]]\nname = 'c'\nvalidator = '" + rule + "'\n" +
         (how.empty() ? "" : "validation = { " + how + " }\n");
}

// A catalog with one collection of two documents, which has these options.
Catalog live(const std::string& options, const Server& server = kNine) {
  Catalog catalog;
  catalog.server = server;
  catalog.collections.push_back(collection_from(json(R"({"name":"c","options":)" + options + "}")).value());
  catalog.collections.back().documents = 2;
  return catalog;
}

std::string at_level(const std::string& level, const std::string& more = "") {
  return R"({"validator":{"a":1},"validationLevel":")" + level + R"(","validationAction":"error")" + more + "}";
}

std::string conflict(const std::string& schema, const Catalog& catalog) {
  const Plan plan = diff(schema_of(schema), catalog);
  CHECK(plan.empty());
  const Finding* found = plan.first(FindingKind::kConflict);
  return found == nullptr ? "" : found->message;
}

std::string commands(const std::string& schema, const Catalog& catalog) {
  std::string all;
  for (const Step& step : diff(schema_of(schema), catalog).steps) all += step.command.to_json() + "\n";
  return all;
}

}  // namespace

TEST_CASE("a server that lacks the level or the action is named, with the place in the file") {
  const std::string logged = ruled("action = 'errorAndLog'");
  const std::string sentence =
      "\"c\" is declared with the validation action \"errorAndLog\" (s.toml:7:25): that needs MongoDB 8.1 or later, "
      "and "
      "this is 8.0.4";
  CHECK(conflict(logged, Catalog{{"mongodb", "8.0.4", "replicaset"}, {}}) == sentence);
  CHECK(conflict(logged, live(at_level("strict"), {"mongodb", "8.0.4", "replicaset"})) == sentence);
  CHECK(diff(schema_of(logged), Catalog{{"mongodb", "8.1.0", "replicaset"}, {}}).steps.size() == 1);
  CHECK(diff(schema_of(logged), Catalog{{"ferretdb", "2.7.0", "standalone"}, {}}).steps.size() == 2);

  const std::string constraint = ruled("level = 'constraint'");
  const std::string begin =
      "\"c\" is declared with the validation level \"constraint\" (s.toml:7:24): that needs MongoDB "
      "9.0 or later, and this is ";
  CHECK(conflict(constraint, Catalog{{"mongodb", "8.3.7", "replicaset"}, {}}) == begin + "8.3.7");
  CHECK(conflict(constraint, live(at_level("strict"), {"mongodb", "8.0.4", "replicaset"})) == begin + "8.0.4");
  CHECK(conflict(constraint, Catalog{{"ferretdb", "2.7.0", "standalone"}, {}}) == begin + "ferretdb 2.7.0");
  CHECK(diff(schema_of(constraint), Catalog{kNine, {}}).steps.size() == 1);
}

TEST_CASE("what goes together in the file") {
  CHECK(mistakes_of(ruled("level = 'constraint', action = 'warn'")) ==
        "s.toml:7:47: collection.validation.action must be \"error\" or \"errorAndLog\" where the level is "
        "\"constraint\"\n");
  CHECK(mistakes_of(ruled("level = 'constraint', action = 'errorAndLog'")) == "");
}

TEST_CASE("a level that is named and one that is not have one hash; a constraint has another") {
  CHECK(schema_of(ruled("")).hash == schema_of(ruled("level = 'strict'")).hash);
  CHECK(schema_of(ruled("")).hash != schema_of(ruled("level = 'constraint'")).hash);
  // As version 1 of the format has had it from the beginning.
  CHECK(schema_of(ruled("")).hash == "1:de91007eb77845a49c8b62fb3d5ee8d852e6512e20950b271921665493f4becb");
}

TEST_CASE("the commands that lead to a constraint: the validator is in none beside the level") {
  CHECK(commands(kApply + ruled("level = 'constraint'"), live(at_level("strict"))) ==
        "{ \"find\" : \"c\", \"filter\" : { \"$nor\" : [ { \"a\" : 1 } ] }, \"projection\" : { \"_id\" : 1 }, "
        "\"limit\" : "
        "10, \"singleBatch\" : true, \"maxTimeMS\" : 60000 }\n"
        "{ \"collMod\" : \"c\", \"prepareConstraintValidationLevel\" : true }\n"
        "{ \"collMod\" : \"c\", \"validationLevel\" : \"constraint\", \"validationAction\" : \"error\" }\n");
  const std::string other = "{ \"a\": 2 }";
  CHECK(
      commands(kApply + ruled("", other), live(at_level("constraint"))) ==
      "{ \"find\" : \"c\", \"filter\" : { \"$nor\" : [ { \"a\" : 2 } ] }, \"projection\" : { \"_id\" : 1 }, \"limit\" "
      ": "
      "10, \"singleBatch\" : true, \"maxTimeMS\" : 60000 }\n"
      "{ \"collMod\" : \"c\", \"validator\" : { \"a\" : 2 }, \"validationLevel\" : \"strict\", \"validationAction\" : "
      "\"error\" }\n"
      "{ \"collMod\" : \"c\", \"prepareConstraintValidationLevel\" : true }\n"
      "{ \"collMod\" : \"c\", \"validationLevel\" : \"constraint\", \"validationAction\" : \"error\" }\n");
  // While it is prepared, the server takes no validator, even the same.
  CHECK(commands(ruled("action = 'warn'"), live(at_level("strict", R"(,"prepareConstraintValidationLevel":true)"))) ==
        "{ \"collMod\" : \"c\", \"validationLevel\" : \"strict\", \"validationAction\" : \"warn\" }\n");
}

TEST_CASE("what a server of later has in place of a level or an action is given up by name alone") {
  const Catalog later = live(at_level("unbreakable"));
  CHECK(commands(ruled(""), later).empty());
  CHECK(diff(schema_of(ruled("")), later).withheld.empty());
  const Plan plan = diff(schema_of(ruled("level = 'strict'")), later);
  CHECK(plan.empty());
  REQUIRE(plan.withheld.size() == 1);
  CHECK(plan.withheld[0].what ==
        "set the validator (level strict, action error), which gives up the level unbreakable");
  const Plan louder = diff(schema_of(ruled("")),
                           live(R"({"validator":{"a":1},"validationLevel":"strict","validationAction":"shout"})"));
  CHECK(louder.empty());
  REQUIRE(louder.withheld.size() == 1);
  CHECK(louder.withheld[0].what == "set the validator (level strict, action error), which gives up the action shout");
}

TEST_CASE("import keeps a constraint, and says what it cannot") {
  const Catalog constraint = live(at_level("constraint"));
  const Written written = write_schema(constraint, {"db"});
  CHECK(written.left_out.empty());
  CHECK(written.toml.find("validation = { level = \"constraint\" }\n") != std::string::npos);
  CHECK(diff(parse(written.toml, "import", "").value(), constraint).findings.empty());

  const auto left_out = [](const std::string& options) {
    const Catalog catalog = live(options);
    const Written one = write_schema(catalog, {"db"});
    const Plan plan = diff(parse(one.toml, "import", "").value(), catalog);
    CHECK(plan.empty());
    CHECK(plan.withheld.empty());
    CHECK(plan.first(FindingKind::kConflict) == nullptr);
    return one.left_out;
  };
  CHECK(left_out(at_level("strict", R"(,"prepareConstraintValidationLevel":true)")) ==
        std::vector<std::string>{"prepareConstraintValidationLevel of \"c\": it cannot be declared"});
  CHECK(left_out(R"({"validationLevel":"constraint"})") ==
        std::vector<std::string>{"validationLevel of \"c\": it cannot be declared without a validator"});
  CHECK(left_out(R"({"validationLevel":"moderate"})").empty());
}

TEST_CASE("a file against a file: a level that the new one does not name is not given up") {
  const Catalog before = schema::catalog_of(schema_of(ruled("level = 'constraint'")));
  CHECK(diff(schema_of(ruled("")), before).withheld.empty());
  CHECK(diff(schema_of(ruled("level = 'strict'")), before).withheld.size() == 1);
  CHECK(diff(schema_of(ruled("level = 'constraint'")), before).findings.empty());
}

TEST_CASE("writes that bypass validation are refused from the preparation on, and what was prepared is taken back") {
  ScriptedCatalog server(kNine);
  const auto insert = [&](int id) {
    return server.run(
        json(R"({"insert":"c","bypassDocumentValidation":true,"documents":[{"_id":)" + std::to_string(id) + "}]}"));
  };
  const auto run = [&](const std::string& schema) {
    for (const Step& step : diff(schema_of(schema), server.read()).steps) CHECK(server.run(step) == "");
  };
  run(ruled("level = 'strict'"));
  CHECK(insert(1) == "");
  CHECK(server.run(json(R"({"collMod":"c","prepareConstraintValidationLevel":true})")) == "");
  CHECK(insert(2) == "bypassDocumentValidation is not allowed on db.c");
  run(ruled("level = 'strict'"));
  CHECK(insert(2) == "");
}
