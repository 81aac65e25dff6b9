// From a catalog, to a schema: the plan, as it is shown.
#include <algorithm>
#include <string>
#include <vector>

#include "schema/fields.h"
#include "schema/plan.h"
#include "text.h"

using namespace readygate;
using namespace readygate::schema;

namespace {

const std::string kId = R"({"v":2,"key":{"_id":1},"name":"_id_"})";

// { "name": { "type": …, "options": {…}, "indexes": [ … ] } }, as a server would report it; the index on _id is added.
Catalog catalog_of(const std::string& text) {
  Catalog catalog;
  catalog.server = {"mongodb", "8.0.4", "replicaset"};
  const Document all = json(text);
  for (const Field& each : fields(all)) {
    const Document given = *each.document();
    Document entry = without(given, {"indexes"});
    append(entry, "name", each.name());
    CatalogCollection collection = collection_from(entry).value();
    collection.indexes.push_back(index_from(json(kId)).value());
    if (const auto indexes = field(given, "indexes")) {
      const Document list = *indexes->document();
      for (const Field& index : fields(list)) collection.indexes.push_back(index_from(*index.document()).value());
    }
    catalog.collections.push_back(std::move(collection));
  }
  return catalog;
}

// "+" creates, "~" changes, "!" fails, "?" is only said, and "w" is withheld.
std::string plan_of(const std::string& schema, const Catalog& catalog) {
  const Plan plan = diff(schema_of(schema), catalog);
  std::string text;
  for (const Step& step : plan.steps) {
    text += (name(step.kind).starts_with("create") ? "+ " : "~ ") + step.collection + "  " + step.what + "\n";
  }
  for (const Finding& finding : plan.findings) {
    const bool fails = finding.kind == FindingKind::kConflict || finding.kind == FindingKind::kNotHonoured;
    std::string kind(name(finding.kind));
    std::replace(kind.begin(), kind.end(), '_', ' ');
    text += (fails ? "! " : "? ") + finding.collection + "  " + kind + ": " + finding.message + "\n";
  }
  for (const Step& step : plan.withheld) text += "w " + step.collection + "  " + step.what + "\n";
  return text;
}

// As read from a server that does not know includeBuildUUIDs.
Catalog without_builds(Catalog catalog) {
  for (CatalogCollection& collection : catalog.collections) {
    for (CatalogIndex& index : collection.indexes) index.build = Build::kUnknown;
  }
  return catalog;
}

struct Pair {
  const char* name;
  std::string from;
  std::string to;
  std::string plan;
};

std::string c(const std::string& lines) { return "[[collection]]\nname = 'c'\n" + lines; }
std::string i(const std::string& name, const std::string& lines) {
  return "[[collection.index]]\nname = '" + name + "'\n" + lines + "\n";
}
std::string with(const std::string& indexes) { return R"({"c":{"indexes":[)" + indexes + "]}}"; }
std::string ruled(const std::string& level, const std::string& action) {
  return R"({"c":{"options":{"validator":{"a":1},"validationLevel":")" + level + R"(","validationAction":")" + action +
         R"("}}})";
}
std::string rule(const std::string& level, const std::string& action) {
  return c("validator = '{ \"a\": 1 }'\nvalidation = { level = '" + level + "', action = '" + action + "' }\n");
}

const std::string kMend = ", which no change in place can mend: drop it by hand, or declare it as it is\n";

}  // namespace

TEST_CASE("from a catalog to a schema") {
  const std::vector<Pair> pairs = {
      {"nothing to nothing", "{}", "", ""},
      {"a collection that nobody declares", R"({"other":{"indexes":[{"key":{"a":1},"name":"x"}]}})", "", ""},
      {"a new collection", "{}", c(""), "+ c  create collection\n"},
      {"a new collection with all", "{}",
       c("validator = '{ \"a\": 1 }'\n" + i("x", "key = [['a', 1]]") + i("y", "key = [['b', 1]]\nunique = true")),
       "+ c  create collection with a validator (level strict, action error)\n+ c  create indexes x, y\n"},
      {"two new collections, in the order of the file", "{}",
       "[[collection]]\nname = 'z'\n[[collection]]\nname = 'aa'\n",
       "+ z  create collection\n+ aa  create collection\n"},
      {"what is there is left alone", with(R"({"key":{"a":1},"name":"x"})"), c(i("x", "key = [['a', 1]]")), ""},
      {"missing indexes in one command", with(""), c(i("x", "key = [['a', 1]]") + i("y", "key = [['b', 1]]")),
       "+ c  create indexes x, y\n"},
      {"one that is missing", with(R"({"key":{"a":1},"name":"x"})"),
       c(i("x", "key = [['a', 1]]") + i("y", "key = [['b', 1]]")), "+ c  create index y\n"},
      {"unique ones alone, after the others", with(""),
       c(i("u", "key = [['a', 1]]\nunique = true") + i("x", "key = [['b', 1]]") +
         i("v", "key = [['c', 1]]\nunique = true")),
       "+ c  create index x\nw c  look for documents that share a key of u\nw c  create unique index u\n"
       "w c  look for documents that share a key of v\nw c  create unique index v\n"},
      {"an index that is not declared", with(R"({"key":{"a":1},"name":"x"},{"key":{"b":1},"name":"y"})"),
       c(i("x", "key = [['a', 1]]")), "? c  extra index: the index \"y\" of \"c\" is not declared; it is left alone\n"},
      {"the same index under another name", with(R"({"key":{"a":1},"name":"a_1"})"), c(i("x", "key = [['a', 1]]")),
       "? c  other name: the index \"x\" of \"c\" exists as \"a_1\"; an index cannot be renamed, so that one serves\n"},
      {"the same text index under another name",
       with(R"({"key":{"_fts":"text","_ftsx":1},"name":"t_text","weights":{"t":1}})"),
       c(i("x", "key = [['t', 'text']]")),
       "? c  other name: the index \"x\" of \"c\" exists as \"t_text\"; an index cannot be renamed, so that one "
       "serves\n"},
      {"the name is taken by another key", with(R"({"key":{"b":1},"name":"x"})"), c(i("x", "key = [['a', 1]]")),
       "! c  conflict: the index \"x\" of \"c\" has key { \"b\" : 1 } in the database and { \"a\" : 1 } in the schema" +
           kMend},
      {"the same name, not unique", with(R"({"key":{"a":1},"name":"x"})"), c(i("x", "key = [['a', 1]]\nunique = true")),
       "w c  look for documents that share a key of x\nw c  let x refuse new duplicates (prepareUnique)\n"
       "w c  dry run of making index x unique\nw c  make index x unique\n"},
      {"the same name, unique", with(R"({"key":{"a":1},"name":"x","unique":true})"), c(i("x", "key = [['a', 1]]")),
       "! c  conflict: the index \"x\" of \"c\" has unique true in the database and absent in the schema" + kMend},
      {"the same name, another filter", with(R"({"key":{"a":1},"name":"x","partialFilterExpression":{"n":1}})"),
       c(i("x", "key = [['a', 1]]\npartial = '{ \"n\": 2 }'")),
       "! c  conflict: the index \"x\" of \"c\" has partialFilterExpression { \"n\" : 1 } in the database and { \"n\" "
       ": 2 } "
       "in the schema" +
           kMend},
      {"hidden by hand", with(R"({"key":{"a":1},"name":"x","hidden":true})"), c(i("x", "key = [['a', 1]]")),
       "~ c  unhide index x\n"},
      {"another collation", with(R"({"key":{"a":1},"name":"x","collation":{"locale":"en"}})"),
       c(i("x", "key = [['a', 1]]")),
       "! c  conflict: the index \"x\" of \"c\" has collation { \"locale\" : \"en\" } in the database and absent in "
       "the "
       "schema" +
           kMend},
      {"the same key beside a unique one", with(R"({"key":{"a":1},"name":"a_1","unique":true})"),
       c(i("x", "key = [['a', 1]]")),
       "+ c  create index x\n? c  extra index: the index \"a_1\" of \"c\" is not declared; it is left alone\n"},
      {"a second text index", with(R"({"key":{"_fts":"text","_ftsx":1},"name":"t","weights":{"t":1}})"),
       c(i("x", "key = [['s', 'text']]")),
       "! c  conflict: the index \"x\" of \"c\" cannot be built beside \"t\": a collection can have one text index; "
       "drop the other by hand\n? c  extra index: the index \"t\" of \"c\" is not declared; it is left alone\n"},
      {"other weights", with(R"({"key":{"_fts":"text","_ftsx":1},"name":"x","weights":{"t":5}})"),
       c(i("x", "key = [['t', 'text']]\nweights = { t = 6 }")),
       "! c  conflict: the index \"x\" of \"c\" has weights { \"t\" : 5 } in the database and { \"t\" : 6 } in the "
       "schema" +
           kMend},
      {"another TTL", with(R"({"key":{"a":1},"name":"x","expireAfterSeconds":60})"),
       c(i("x", "key = [['a', 1]]\nexpire_after = '30s'")), "~ c  set expireAfterSeconds of x to 30, was 60\n"},
      {"another TTL, under another name", with(R"({"key":{"a":1},"name":"a_1","expireAfterSeconds":60})"),
       c(i("x", "key = [['a', 1]]\nexpire_after = '30s'")),
       "~ c  set expireAfterSeconds of a_1 to 30, was 60\n"
       "? c  other name: the index \"x\" of \"c\" exists as \"a_1\"; an index cannot be renamed, so that one serves\n"},
      {"a TTL that is NaN", with(R"({"key":{"a":1},"name":"x","expireAfterSeconds":{"$numberDouble":"NaN"}})"),
       c(i("x", "key = [['a', 1]]\nexpire_after = '30s'")),
       "~ c  set expireAfterSeconds of x to 30, was { \"$numberDouble\" : \"NaN\" }\n"},
      {"a TTL where none was", with(R"({"key":{"a":1},"name":"x"})"),
       c(i("x", "key = [['a', 1]]\nexpire_after = '30s'")), "~ c  set expireAfterSeconds of x to 30, was not set\n"},
      {"no TTL where one is", with(R"({"key":{"a":1},"name":"x","expireAfterSeconds":60})"),
       c(i("x", "key = [['a', 1]]")),
       "! c  conflict: the index \"x\" of \"c\" has expireAfterSeconds 60 in the database and absent in the schema" +
           kMend},
      {"another TTL and unique", with(R"({"key":{"a":1},"name":"x","expireAfterSeconds":60})"),
       c(i("x", "key = [['a', 1]]\nexpire_after = '30s'\nunique = true")),
       "~ c  set expireAfterSeconds of x to 30, was 60\n"
       "w c  look for documents that share a key of x\nw c  let x refuse new duplicates (prepareUnique)\n"
       "w c  dry run of making index x unique\nw c  make index x unique\n"},
      {"being built", with(R"({"spec":{"key":{"a":1},"name":"x"},"buildUUID":1})"), c(i("x", "key = [['a', 1]]")),
       "+ c  create index x\n"
       "? c  building: the index \"x\" of \"c\" is being built; asking for it again waits for it\n"},
      {"being built under another name", with(R"({"spec":{"key":{"a":1},"name":"a_1"},"buildUUID":1})"),
       c(i("x", "key = [['a', 1]]")),
       "+ c  create index a_1\n"
       "? c  building: the index \"a_1\" of \"c\" is being built; asking for it again waits for it\n"
       "? c  other name: the index \"x\" of \"c\" exists as \"a_1\"; an index cannot be renamed, so that one serves\n"},
      {"being built, as something else",
       with(R"({"spec":{"key":{"a":1},"name":"x","expireAfterSeconds":5},"buildUUID":1})"),
       c(i("x", "key = [['a', 1]]\nexpire_after = '6s'")),
       "! c  conflict: the index \"x\" of \"c\" has expireAfterSeconds 5 in the database and 6 in the schema" + kMend},
      {"two names exchanged", with(R"({"key":{"a":1},"name":"x"},{"key":{"b":1},"name":"y"})"),
       c(i("x", "key = [['b', 1]]") + i("y", "key = [['a', 1]]")),
       "! c  conflict: the index \"x\" of \"c\" has key { \"a\" : 1 } in the database and { \"b\" : 1 } in the schema" +
           kMend +
           "! c  conflict: the index \"y\" of \"c\" has key { \"b\" : 1 } in the database and { \"a\" : 1 } in the "
           "schema" +
           kMend},
      {"a declared index stands under the name of another", with(R"({"key":{"a":1},"name":"y"})"),
       c(i("y", "key = [['b', 1]]") + i("x", "key = [['a', 1]]")),
       "! c  conflict: the index \"y\" of \"c\" has key { \"a\" : 1 } in the database and { \"b\" : 1 } in the schema" +
           kMend +
           "? c  other name: the index \"x\" of \"c\" exists as \"y\"; an index cannot be renamed, so that one "
           "serves\n"},
      {"a validator where none was", with(""), rule("strict", "error"),
       "w c  set the validator (level strict, action error)\n"},
      {"the same validator", ruled("strict", "error"), rule("strict", "error"), ""},
      {"an empty validator is none", R"({"c":{"options":{"validator":{},"validationLevel":"strict"}}})", c(""), ""},
      {"a validator that is not declared", ruled("strict", "error"), c(""),
       "! c  conflict: \"c\" has a validator that is not declared: declare it, or remove it by hand\n"},
      {"another validator", ruled("strict", "error"), c("validator = '{ \"a\": 2 }'\n"),
       "w c  set the validator (level strict, action error)\n"},
      {"a looser level", ruled("strict", "error"), rule("moderate", "error"),
       "~ c  set the validator (level moderate, action error)\n"},
      {"a looser action", ruled("strict", "error"), rule("strict", "warn"),
       "~ c  set the validator (level strict, action warn)\n"},
      {"a stricter level", ruled("off", "error"), rule("moderate", "error"),
       "w c  set the validator (level moderate, action error)\n"},
      {"a stricter action", ruled("strict", "warn"), rule("strict", "error"),
       "w c  set the validator (level strict, action error)\n"},
      {"looser and stricter at once", ruled("strict", "warn"), rule("moderate", "error"),
       "w c  set the validator (level moderate, action error)\n"},
      {"a view of that name", R"({"c":{"type":"view","options":{"viewOn":"d"}}})", c(i("x", "key = [['a', 1]]")),
       "! c  conflict: \"c\" is a view in the database, and is declared as a collection\n"},
      {"a time series of that name", R"({"c":{"type":"timeseries"}})", c(""),
       "! c  conflict: \"c\" is a time series in the database, and is declared as a collection\n"},
      {"a capped collection", R"({"c":{"options":{"capped":true,"size":4096}}})", c(""),
       "! c  conflict: \"c\" was created with capped, which is not declared and cannot be taken away\n"},
      {"a collection with a collation", R"({"c":{"options":{"collation":{"locale":"en"}}}})", c(""),
       "! c  conflict: \"c\" was created with collation, which is not declared and cannot be taken away\n"},
      {"options that are none", R"({"c":{"options":{"capped":false,"collation":{"locale":"simple"}}}})", c(""), ""},
      {"everything of one collection, in its order", with(R"({"key":{"a":1},"name":"x","expireAfterSeconds":60})"),
       rule("strict", "error") + i("x", "key = [['a', 1]]\nexpire_after = 1") + i("y", "key = [['b', 1]]"),
       "+ c  create index y\n~ c  set expireAfterSeconds of x to 1, was 60\n"
       "w c  set the validator (level strict, action error)\n"},
  };
  CHECK(pairs.size() >= 40);
  for (const Pair& pair : pairs) {
    CAPTURE(pair.name);
    CHECK(plan_of(pair.to, catalog_of(pair.from)) == pair.plan);
  }
}

TEST_CASE("the commands") {
  const auto commands = [](const std::string& schema, const std::string& catalog) {
    std::string all;
    for (const Step& step : diff(schema_of(schema), catalog_of(catalog)).steps) all += step.command.to_json() + "\n";
    return all;
  };
  CHECK(
      commands(rule("moderate", "warn") + i("x", "key = [['a', 1], ['b', 'hashed']]\nsparse = true"), "{}") ==
      "{ \"create\" : \"c\", \"validator\" : { \"a\" : 1 }, \"validationLevel\" : \"moderate\", \"validationAction\" : "
      "\"warn\" }\n"
      "{ \"createIndexes\" : \"c\", \"indexes\" : [ { \"key\" : { \"a\" : 1, \"b\" : \"hashed\" }, \"name\" : \"x\", "
      "\"sparse\" : true } ] }\n");
  CHECK(commands(c(i("x", "key = [['a', 1]]\nexpire_after = '30s'")),
                 with(R"({"key":{"a":1},"name":"old","expireAfterSeconds":60})")) ==
        "{ \"collMod\" : \"c\", \"index\" : { \"name\" : \"old\", \"expireAfterSeconds\" : 30 } }\n");
  CHECK(
      commands("[policy]\ncontract = 'apply'\n" + rule("strict", "error"), with("")) ==
      "{ \"collMod\" : \"c\", \"validator\" : { \"a\" : 1 }, \"validationLevel\" : \"strict\", \"validationAction\" : "
      "\"error\" }\n");
}

TEST_CASE("a step names the indexes that it builds, and the unique ones") {
  const Plan plan =
      diff(schema_of(c(i("x", "key = [['a', 1]]") + i("y", "key = [['b', 1]]\nunique = true"))), Catalog{});
  REQUIRE(plan.steps.size() == 2);
  CHECK(plan.steps[0].indexes.empty());
  CHECK(plan.steps[1].indexes == std::vector<std::string>{"x", "y"});
  REQUIRE(plan.steps[1].unique.size() == 1);
  CHECK(plan.steps[1].unique[0].name == "y");
}

TEST_CASE("a finding holds both sides") {
  const Plan plan =
      diff(schema_of(c(i("x", "key = [['a', 1]]\nsparse = true"))), catalog_of(with(R"({"key":{"a":1},"name":"x"})")));
  const Finding* conflict = plan.first(FindingKind::kConflict);
  REQUIRE(conflict != nullptr);
  CHECK(conflict->collection == "c");
  CHECK(conflict->object == "x");
  CHECK(conflict->option == "sparse");
  CHECK(conflict->asked == "true");
  CHECK(conflict->reported == "");
  CHECK(plan.first(FindingKind::kBuilding) == nullptr);
}

TEST_CASE("an index becomes a TTL index only where the server can do that") {
  Catalog catalog = catalog_of(with(R"({"key":{"a":1},"name":"x"})"));
  const auto steps = [&](const char* product, const char* version) {
    catalog.server = {product, version, "replicaset"};
    return diff(schema_of(c(i("x", "key = [['a', 1]]\nexpire_after = 1"))), catalog).steps.size();
  };
  CHECK(steps("mongodb", "4.4.29") == 0);
  CHECK(steps("mongodb", "5.0.31") == 0);
  CHECK(steps("mongodb", "5.1.0") == 1);
  CHECK(steps("mongodb", "10.0.0") == 1);
  CHECK(steps("ferretdb", "2.7.0") == 1);
}

TEST_CASE("FerretDB: create forgets a validator, so it is set in a step of its own") {
  Catalog catalog;
  catalog.server = {"ferretdb", "2.7.0", "standalone"};
  CHECK(plan_of(rule("strict", "error") + i("x", "key = [['a', 1]]"), catalog) ==
        "+ c  create collection with a validator (level strict, action error)\n"
        "~ c  set the validator (level strict, action error)\n"
        "+ c  create index x\n");
  Catalog applied = catalog_of(ruled("strict", "error"));
  applied.server = catalog.server;
  const Plan plan = diff(schema_of(rule("strict", "error")), applied);
  CHECK(plan.empty());
  CHECK(plan.findings.empty());
}

TEST_CASE("more indexes than a collection can have") {
  std::string extra;
  for (int n = 0; n < 62; ++n) {
    extra +=
        (n == 0 ? "" : ",") + ("{\"key\":{\"f" + std::to_string(n)) + "\":1},\"name\":\"e" + std::to_string(n) + "\"}";
  }
  const Catalog catalog = catalog_of(with(extra));  // 63 with the one on _id
  const auto conflict = [&](const std::string& schema) {
    return diff(schema_of(schema), catalog).first(FindingKind::kConflict) != nullptr;
  };
  CHECK(!conflict(c(i("x", "key = [['a', 1]]"))));
  CHECK(conflict(c(i("x", "key = [['a', 1]]") + i("y", "key = [['b', 1]]"))));
}

TEST_CASE("a sharded collection: what may serve the shard key stays, and what a shard lacks is asked for again") {
  Catalog catalog = catalog_of(with(R"({"key":{"a":1,"b":1},"name":"ab"},{"key":{"b":1},"name":"b"})"));
  const std::vector<Owns> owns = {{"c", {"ab", "b"}, true}};
  const auto plan = [&](const std::string& body) {
    return diff(schema_of("[policy]\nextra_indexes = 'drop'\nconflict = 'replace'\ncontract = 'apply'\n" + body),
                catalog, owns);
  };
  const auto dropped = [&](const std::string& body) {
    std::vector<std::string> names;
    for (const Step& step : plan(body).steps) {
      if (step.kind == StepKind::kDropIndex) names.push_back(step.object);
    }
    return names;
  };
  CHECK(dropped(c("")) == std::vector<std::string>{"ab", "b"});
  catalog.collections[0].sharding = Sharding{json(R"({"a":1})"), true, {}};
  CHECK(dropped(c("")) == std::vector<std::string>{"b"});
  CHECK(dropped(c(i("ab", "key = [['z', 1]]") + i("b", "key = [['y', 1]]"))) == std::vector<std::string>{"b"});
  CHECK(plan(c("")).first(FindingKind::kShardedUnverified) == nullptr);
  // Unique across shards only when the key begins with the shard's.
  const auto conflict = [&](const std::string& key) {
    return plan(c(i("u", "key = " + key + "\nunique = true"))).first(FindingKind::kConflict) != nullptr;
  };
  CHECK(conflict("[['y', 1]]"));
  CHECK(conflict("[['y', 1], ['a', 1]]"));
  CHECK(!conflict("[['a', 1], ['y', 1]]"));
  CHECK(plan(c(i("b", "key = [['b', 1]]\nunique = true"))).first(FindingKind::kConflict) != nullptr);
  catalog.collections[0].sharding->incomplete = {"b"};
  const Plan again = plan(c(i("b", "key = [['b', 1]]") + i("ab", "key = [['a', 1], ['b', 1]]")));
  REQUIRE(again.steps.size() == 1);
  CHECK(again.steps[0].indexes == std::vector<std::string>{"b"});
  // Where the key is not known, any may be it.
  catalog.collections[0].sharding = Sharding{};
  CHECK(dropped(c("")).empty());
  CHECK(plan(c("")).first(FindingKind::kShardedUnverified) != nullptr);
}

TEST_CASE("where builds are not shown, a plan has no steps for what is listed, and says what an apply would wait for") {
  const Catalog catalog = without_builds(catalog_of(R"({"c": {"type": "collection", "indexes": [
      {"key": {"a": 1}, "name": "x"}, {"key": {"b": 1}, "name": "b_1", "unique": true},
      {"key": {"_fts": "text", "_ftsx": 1}, "name": "t", "weights": {"t": 1}},
      {"key": {"e": 1}, "name": "extra"}, {"key": {"at": 1}, "name": "ttl", "expireAfterSeconds": 60} ]}})"));
  const std::string schema = c(i("x", "key = [['a', 1]]") + i("u", "key = [['b', 1]]\nunique = true") +
                               i("t", "key = [['t', 'text']]") + i("ttl", "key = [['at', 1]]\nexpire_after = '30s'"));
  CHECK(plan_of(schema, catalog) ==
        "~ c  set expireAfterSeconds of ttl to 30, was 60\n"
        "? c  other name: the index \"u\" of \"c\" exists as \"b_1\"; an index cannot be renamed, so that one serves\n"
        "? c  unproven: the server does not say which indexes of \"c\" are still being built; an apply asks for x, t, "
        "b_1 again, which waits for that\n"
        "? c  extra index: the index \"extra\" of \"c\" is not declared; it is left alone\n");
  const Plan plan = diff(schema_of(schema), catalog);
  REQUIRE(plan.unproven.size() == 1);
  const Step& step = plan.unproven[0];
  CHECK(step.kind == StepKind::kAwaitIndexes);
  CHECK(step.what == "wait until x, t, b_1 are built");
  CHECK(step.indexes == std::vector<std::string>{"x", "t", "b_1"});
  REQUIRE(step.unique.size() == 1);
  CHECK(step.unique[0].name == "b_1");
  CHECK(step.command.to_json() ==
        R"({ "createIndexes" : "c", "indexes" : [ { "key" : { "a" : 1 }, "name" : "x" }, )"
        R"({ "key" : { "t" : "text" }, "name" : "t" }, { "key" : { "b" : 1 }, "name" : "b_1", "unique" : true } ] })");
  CHECK(diff(schema_of(schema), catalog_of("{}")).unproven.empty());
}

TEST_CASE("where builds are not shown, a hidden index is asked for as the server takes it") {
  Catalog catalog = without_builds(
      catalog_of(R"({"c": {"type": "collection", "indexes": [{"key": {"a": 1}, "name": "x", "hidden": true}]}})"));
  const auto asks_for_hidden = [&] {
    const Plan plan = diff(schema_of(c(i("x", "key = [['a', 1]]\nhidden = true"))), catalog);
    CHECK(plan.empty());
    REQUIRE(plan.unproven.size() == 1);
    return plan.unproven[0].command.to_json().find("hidden") != std::string::npos;
  };
  CHECK(asks_for_hidden());
  catalog.server = {"ferretdb", "2.7.0", "standalone"};
  CHECK_FALSE(asks_for_hidden());
}

TEST_CASE("no policy hides or drops the index on _id, one that serves the shard key, or one that is being built") {
  Catalog catalog = catalog_of(R"({"c": {"type": "collection", "indexes": [
      {"key": {"shard": 1, "x": 1}, "name": "serves_the_shard_key"},
      {"spec": {"key": {"a": 1}, "name": "building"}, "buildUUID": 1},
      {"key": {"b": 1}, "name": "ours"} ]}})");
  catalog.collections[0].sharding = Sharding{json(R"({"shard": 1})"), true, {}};
  const std::vector<Owns> owns = {{"c", {"_id_", "serves_the_shard_key", "building", "ours"}, true}};
  for (const std::string policy : {"hide", "drop"}) {
    const Plan plan =
        diff(schema_of("[policy]\nextra_indexes = '" + policy + "'\ncontract = 'apply'\n[[collection]]\nname = 'c'\n"),
             catalog, owns);
    REQUIRE(plan.steps.size() == 1);
    CHECK(plan.steps[0].object == "ours");
    CHECK(plan.withheld.empty());
  }
}
