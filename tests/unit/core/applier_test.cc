// How the Applier spends commands: readings side by side, documents counted only where a step depends on it, one
// command for a collection and its indexes.
#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "core/applier.h"
#include "unit/core/harness.h"

namespace readygate::test {
namespace {

using core::Applier;
using core::Connect;
using core::ReadCatalog;
using core::RunStep;
using core::Work;

// So many collections with one index each, unique or not; the first one has an option.
schema::Schema many(int collections, bool unique = true) {
  std::string more;
  for (int i = 0; i < collections; ++i) {
    more += "[[collection]]\nname = \"c" + std::to_string(i) + "\"\n";
    if (i == 0) more += "validator = '{ \"a\": { \"$exists\": true } }'\n";
    more += "[[collection.index]]\nname = \"a\"\nkey = [[\"a\", 1]]\n";
    if (unique) more += "unique = true\n";
  }
  return example_schema(1, "", more);
}

// Runs an Applier on a model database to its end, and keeps what it asked for.
struct Rig {
  explicit Rig(schema::Schema declared, Applier::Mode mode = Applier::Mode::kApply, std::vector<core::Owns> owns = {})
      : schema(std::move(declared)), applier(schema, 4, std::move(owns), mode) {}

  void run() {
    core::Commands commands;
    applier.begin(commands);
    std::vector<core::StartTask> tasks;
    const auto collect = [&] {
      for (core::Command& command : commands.take()) {
        if (auto* task = std::get_if<core::StartTask>(&command)) tasks.push_back(std::move(*task));
        if (std::holds_alternative<core::Say>(command)) ++said;
      }
    };
    for (collect(); !tasks.empty(); collect()) {
      most_at_once = std::max(most_at_once, tasks.size());
      const core::StartTask task = tasks.back();  // not in the order in which they were asked for
      tasks.pop_back();
      asked.push_back(task.work);
      applier.on(commands, task.id, database.run(task.work));
    }
  }

  template <typename Kind>
  std::vector<Kind> all() const {
    std::vector<Kind> found;
    for (const Work& work : asked) {
      if (const auto* one = std::get_if<Kind>(&work)) found.push_back(*one);
    }
    return found;
  }

  schema::Schema schema;
  ModelDatabase database;
  Applier applier;
  std::vector<Work> asked;
  std::size_t most_at_once = 0;
  int said = 0;
};

}  // namespace

TEST_CASE("a large catalog is read in twice as many parts as steps may be in flight, each name once") {
  Rig rig(many(30));
  rig.run();
  CHECK(rig.applier.stage() == Applier::Stage::kMatched);
  CHECK(rig.most_at_once == std::size_t(Applier::tasks_at_once(4)));
  const auto readings = rig.all<ReadCatalog>();
  REQUIRE(readings.size() == 18);
  const auto declared = schema::declared_names(rig.schema);
  for (std::size_t begin : {0U, 9U}) {
    std::multiset<std::string> names;
    int rest = 0;
    for (std::size_t i = begin; i < begin + 9; ++i) {
      if (readings[i].part == ReadCatalog::Part::kRest) {
        ++rest;
        CHECK(readings[i].collections == declared);
        continue;
      }
      CHECK(readings[i].part == ReadCatalog::Part::kCollections);
      CHECK(readings[i].collections.size() == 4);
      names.insert(readings[i].collections.begin(), readings[i].collections.end());
    }
    CHECK(rest == 1);
    CHECK(names == std::multiset<std::string>(declared.begin(), declared.end()));
  }
}

TEST_CASE("where nothing was ever applied it asks which collections there are, and then for those alone") {
  for (const std::size_t there : {0U, 1U, 20U}) {
    CAPTURE(there);
    Rig rig(many(30));
    for (std::size_t i = 0; i < there; ++i) {
      schema::CatalogCollection& made = rig.database.catalog.collections.emplace_back();
      made.name = rig.schema.collections[i].name;
      made.type = "collection";
      made.options = rig.schema.collections[i].options;
    }
    rig.applier.expect_nothing();
    rig.run();
    CHECK(rig.applier.stage() == Applier::Stage::kMatched);
    const auto readings = rig.all<ReadCatalog>();
    REQUIRE(readings.size() >= 2);
    CHECK(readings[0].part == ReadCatalog::Part::kNames);
    CHECK(readings[1].part == ReadCatalog::Part::kRest);
    const auto declared = schema::declared_names(rig.schema);
    CHECK(readings[0].collections == declared);
    CHECK(readings[1].collections == declared);
    // And afterwards, once more, for all.
    std::multiset<std::string> asked;
    std::size_t parts = 0;
    for (const ReadCatalog& reading : readings) {
      if (reading.part != ReadCatalog::Part::kCollections) continue;
      ++parts;
      asked.insert(reading.collections.begin(), reading.collections.end());
    }
    CHECK(asked.size() == there + declared.size());
    CHECK(parts == there / 4 + (there % 4 == 0 ? 0 : 1) + 8);
    CHECK(readings.size() == 2 + parts + 1);
    CHECK(rig.all<Connect>().size() == 8);  // meanwhile, for the steps
  }
}

TEST_CASE("who only looks reads with no more at once than steps could be") {
  Rig apply(many(30));
  apply.run();
  Rig look(many(30), Applier::Mode::kLook);
  look.database.catalog = apply.database.catalog;
  look.run();
  CHECK(look.applier.stage() == Applier::Stage::kMatched);
  CHECK(look.all<ReadCatalog>().size() == 5);
}

TEST_CASE("a small one is read at once") {
  Rig rig(example_schema());
  rig.run();
  CHECK(rig.all<ReadCatalog>().size() == 2);
}

TEST_CASE("parts that come from different primaries are read again") {
  Rig rig(many(30));
  int readings = 0;
  rig.database.fault = [&](const Work& work) -> std::optional<core::Failure> {
    if (std::holds_alternative<ReadCatalog>(work)) rig.database.primary = ++readings == 2 ? "b/1" : "a/1";
    return std::nullopt;
  };
  rig.run();
  CHECK(rig.applier.stage() == Applier::Stage::kMatched);
  CHECK(rig.all<ReadCatalog>().size() == 27);
}

TEST_CASE("documents are counted for a difference, and not to find that there is none") {
  Rig rig(example_schema());
  rig.run();
  auto readings = rig.all<ReadCatalog>();
  REQUIRE(readings.size() == 2);
  CHECK(readings[0].count);
  CHECK_FALSE(readings[1].count);

  SUBCASE("a look at what matches counts nothing") {
    Rig look(example_schema(), Applier::Mode::kLook);
    look.database.catalog = rig.database.catalog;
    look.run();
    CHECK(look.applier.stage() == Applier::Stage::kMatched);
    readings = look.all<ReadCatalog>();
    REQUIRE(readings.size() == 1);
    CHECK_FALSE(readings[0].count);
  }
  SUBCASE("a unique index that is missing is a difference, though without a count it may not be built") {
    Rig look(example_schema(), Applier::Mode::kLook);
    look.database.catalog = rig.database.catalog;
    for (auto& collection : look.database.catalog.collections) {
      std::erase_if(collection.indexes, [](const auto& one) { return one.index.name == "number"; });
    }
    look.run();
    CHECK(look.applier.stage() == Applier::Stage::kBroken);
    readings = look.all<ReadCatalog>();
    REQUIRE(readings.size() == 2);
    CHECK(readings[1].count);
  }
}

TEST_CASE("a collection without options comes with its indexes; one with options comes first") {
  Rig rig(many(2));
  rig.run();
  CHECK(rig.applier.stage() == Applier::Stage::kMatched);
  std::multiset<std::string> sent;
  for (const RunStep& run : rig.all<RunStep>()) sent.insert(run.step.collection + " " + name(run.step.kind).data());
  CHECK(sent == std::multiset<std::string>{"c0 create_collection", "c0 create_indexes", "c1 create_indexes",
                                           "customers create_indexes", "orders create_indexes"});
  CHECK(rig.said == 8);  // both steps of each are done, and said
  for (const core::Owns& owns : rig.applier.owns()) CHECK(owns.created);
}

TEST_CASE(
    "state collections come before the collection that they serve, one after the other, whatever may run at once") {
  Rig rig(example_schema(1, "", R"([[collection]]
name = "patients"
encrypted_fields = """{ "fields": [ { "path": "ssn", "keyId": { "$uuid": "7a4d1c9e-3b52-4f0e-9c1d-5e8b6f2a0d13" } } ] }"""
)"));
  rig.database.catalog.server = {"mongodb", "8.0.4", "replicaset"};
  rig.run();
  CHECK(rig.applier.stage() == Applier::Stage::kMatched);
  std::vector<std::string> sent;
  for (const RunStep& run : rig.all<RunStep>()) {
    if (run.step.lane() == "patients") sent.push_back(run.step.collection + " " + name(run.step.kind).data());
  }
  CHECK(sent == std::vector<std::string>{"enxcol_.patients.esc create_collection",
                                         "enxcol_.patients.ecoc create_collection", "patients create_collection",
                                         "patients create_indexes"});
  const auto owns = rig.applier.owns();
  for (const char* made : {"enxcol_.patients.esc", "enxcol_.patients.ecoc", "patients"}) {
    CAPTURE(made);
    const schema::Owns* own = schema::find_owned(owns, made);
    REQUIRE(own != nullptr);
    CHECK(own->created);
    CHECK(own->indexes.size() == (std::string(made) == "patients" ? 1 : 0));
  }
}

TEST_CASE(
    "steps on different collections run in parallel, at most as many as may be in flight, those of one in order; of "
    "those "
    "that work through no documents twice as many") {
  std::size_t expected = 0;
  SUBCASE("of empty collections") { expected = 8; }
  SUBCASE("of collections that hold documents") { expected = 4; }
  Rig rig(many(30, false));
  if (expected == 4) {
    rig.database.documents_each = 1000;
    for (const schema::Collection& declared : rig.schema.collections) {
      schema::CatalogCollection& there = rig.database.catalog.collections.emplace_back();
      there.name = declared.name;
      there.type = "collection";
      there.options = declared.options;
    }
  }
  core::Commands commands;
  std::vector<core::StartTask> open;
  const auto collect = [&] {
    for (core::Command& command : commands.take()) {
      if (auto* task = std::get_if<core::StartTask>(&command)) open.push_back(std::move(*task));
    }
  };
  std::size_t most = 0;
  rig.applier.begin(commands);
  for (collect(); !open.empty(); collect()) {
    std::multiset<std::string> collections;
    for (const core::StartTask& task : open) {
      if (const auto* run = std::get_if<RunStep>(&task.work)) collections.insert(run->step.lane());
    }
    most = std::max(most, collections.size());
    for (const std::string& each : collections) CHECK(collections.count(each) == 1);
    const core::StartTask task = open.back();
    open.pop_back();
    rig.applier.on(commands, task.id, rig.database.run(task.work));
  }
  CHECK(most == expected);
  CHECK(rig.applier.stage() == Applier::Stage::kMatched);
}

TEST_CASE("what takes something away waits until everything that adds is done, and the lease is confirmed") {
  const std::string policy = "extra_indexes = \"drop\"\ncontract = \"apply\"";
  Rig first(example_schema(1, policy, "  [[collection.index]]\n  name = \"gone\"\n  key = [[\"g\", 1]]\n"));
  first.run();
  // "customers" loses an index, and "orders", which comes before it, gets none: only the new collection adds.
  Rig rig(example_schema(2, policy, "[[collection]]\nname = \"late\"\n"), Applier::Mode::kApply, first.applier.owns());
  rig.database.catalog = first.database.catalog;
  rig.run();
  CHECK(rig.applier.stage() == Applier::Stage::kConfirming);
  std::vector<std::string> sent;
  for (const RunStep& run : rig.all<RunStep>()) sent.push_back(run.step.collection + " " + name(run.step.kind).data());
  CHECK(sent == std::vector<std::string>{"late create_collection"});
  core::Commands commands;
  rig.applier.confirm(commands);
  std::vector<std::string> after;
  for (core::Command& command : commands.take()) {
    if (auto* task = std::get_if<core::StartTask>(&command)) {
      after.emplace_back(name(std::get<RunStep>(task->work).step.kind));
    }
  }
  CHECK(after == std::vector<std::string>{"drop_index"});
}

// What a server does that lists an index from the beginning of its build and does not say so.
struct HiddenBuilds : Rig {
  explicit HiddenBuilds(Applier::Mode mode = Applier::Mode::kApply) : Rig(example_schema(), mode) {
    Rig before(example_schema());
    before.run();
    database.catalog = before.database.catalog;
    database.hides_builds = true;
    for (auto& collection : database.catalog.collections) {
      for (auto& index : collection.indexes) index.build = schema::Build::kRunning;
    }
  }

  std::multiset<std::string> sent() const {
    std::multiset<std::string> steps;
    for (const RunStep& run : all<RunStep>()) steps.insert(run.step.collection + ": " + run.step.what);
    return steps;
  }
};

const std::multiset<std::string> kAskedAgain = {"customers: wait until email is built",
                                                "orders: wait until by_customer, number are built"};

TEST_CASE("where builds are hidden, what is listed is asked for again before it is believed, and is not made by that") {
  HiddenBuilds rig;
  core::Grant grant;
  grant.token = 7;
  grant.not_after = Instant(std::chrono::hours(1));
  rig.applier.grant(grant);
  rig.run();
  CHECK(rig.applier.stage() == Applier::Stage::kMatched);
  CHECK(rig.sent() == kAskedAgain);
  for (const RunStep& run : rig.all<RunStep>()) {
    CHECK(run.step.command.has("createIndexes"));
    CHECK_FALSE(run.step.destructive);
    CHECK(run.token == 7);
    CHECK(run.not_after == grant.not_after);
  }
  for (const auto& collection : rig.database.catalog.collections) {
    for (const auto& index : collection.indexes) {
      CHECK((index.index.name == "_id_" || index.build == schema::Build::kDone));
    }
  }
  CHECK(rig.all<ReadCatalog>().size() == 2);
  CHECK(rig.applier.owns().empty());
}

TEST_CASE("where builds are hidden, the server's yes to a build is enough") {
  Rig rig(example_schema());
  rig.database.hides_builds = true;
  rig.run();
  CHECK(rig.applier.stage() == Applier::Stage::kMatched);
  for (const RunStep& run : rig.all<RunStep>()) CHECK(run.step.kind == schema::StepKind::kCreateIndexes);
  CHECK(rig.all<ReadCatalog>().size() == 2);
}

TEST_CASE("where builds are hidden, what one primary has answered for is asked of another again") {
  HiddenBuilds rig;
  int readings = 0;
  rig.database.fault = [&](const Work& work) -> std::optional<core::Failure> {
    if (std::holds_alternative<ReadCatalog>(work)) rig.database.primary = ++readings == 1 ? "a/1" : "b/1";
    return std::nullopt;
  };
  rig.run();
  CHECK(rig.applier.stage() == Applier::Stage::kMatched);
  std::multiset<std::string> twice = kAskedAgain;
  twice.insert(kAskedAgain.begin(), kAskedAgain.end());
  CHECK(rig.sent() == twice);
}

TEST_CASE("where builds are hidden, a build that fails after all fails the apply") {
  HiddenBuilds rig;
  rig.database.fault = [](const Work& work) -> std::optional<core::Failure> {
    if (!std::holds_alternative<RunStep>(work)) return std::nullopt;
    core::Failure failure = server_error(11000);
    failure.doing = core::Doing::kCreateIndexes;
    return failure;
  };
  rig.run();
  CHECK(rig.applier.stage() == Applier::Stage::kBroken);
  CHECK(rig.applier.judgement().reason == Reason::kDuplicates);
}

TEST_CASE("where builds are hidden, who only looks sends nothing, and believes what an apply has answered for") {
  HiddenBuilds rig(Applier::Mode::kLook);
  SUBCASE("an apply has") {
    rig.run();
    CHECK(rig.applier.stage() == Applier::Stage::kMatched);
  }
  SUBCASE("none has") {
    rig.applier.doubt_unproven();
    rig.run();
    CHECK(rig.applier.stage() == Applier::Stage::kBroken);
    CHECK(rig.applier.judgement().verdict == core::Verdict::kSlow);
    CHECK_FALSE(rig.applier.drifted());
  }
  CHECK(rig.all<RunStep>().empty());
}

TEST_CASE("where builds are shown, nothing that is there is asked for again") {
  Rig before(example_schema());
  before.run();
  Rig rig(example_schema());
  rig.database.catalog = before.database.catalog;
  rig.run();
  CHECK(rig.applier.stage() == Applier::Stage::kMatched);
  CHECK(rig.all<RunStep>().empty());
  CHECK(rig.all<ReadCatalog>().size() == 1);
}

}  // namespace readygate::test
