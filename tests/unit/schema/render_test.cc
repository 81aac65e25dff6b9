#include "schema/plan.h"
#include "text.h"

using namespace readygate;
using namespace readygate::schema;

namespace {

Plan example() {
  Plan plan;
  plan.steps.push_back(Step{
      StepKind::kCreateIndexes, "rebalances", "create index x", json(R"({"createIndexes":"rebalances"})"), {"x"}, {}});
  plan.steps.push_back(Step{StepKind::kSetValidator, "é", "set the validator", json(R"({"collMod":"é"})"), {}, {}});
  plan.findings.push_back(Finding{FindingKind::kConflict, "m", "i", "unique", "true", "", "no \"way\""});
  plan.findings.push_back(Finding{FindingKind::kExtraIndex, "m", "j", "", "", "{ \"a\" : 1 }", "left alone"});
  return plan;
}

}  // namespace

TEST_CASE("text is aligned") {
  CHECK(render_text(example(), Colour::kOff) ==
        "+ rebalances  create index x\n~ é           set the validator\n! m           conflict: no \"way\"\n"
        "? m           extra index: left alone\n");
  CHECK(render_text(Plan{}, Colour::kOff) == "");
}

TEST_CASE("colour only when asked for") {
  CHECK(render_text(example(), Colour::kOff).find('\x1b') == std::string::npos);
  CHECK(render_text(example(), Colour::kOn).find("\x1b[31m!\x1b[0m m ") != std::string::npos);
}

TEST_CASE("a name from the database cannot write to the terminal") {
  Plan plan;
  plan.findings.push_back(Finding{FindingKind::kExtraIndex, "a\x1b[2J", "x", "", "", "", "the \x07\n\\ \xff bell"});
  CHECK(render_text(plan, Colour::kOff) == "? a\\u001b[2J  extra index: the \\u0007\\n\\ \\ufffd bell\n");
}

TEST_CASE("a very long name pushes only its own line") {
  Plan plan;
  plan.steps.push_back(Step{StepKind::kCreateCollection, std::string(100, 'x'), "w", {}, {}, {}});
  plan.steps.push_back(Step{StepKind::kCreateCollection, "y", "w", {}, {}, {}});
  CHECK(render_text(plan, Colour::kOff) == "+ " + std::string(100, 'x') + "  w\n+ y" + std::string(31, ' ') + "  w\n");
}

TEST_CASE("in full: what each step costs, and both sides of what changes") {
  Plan plan;
  Step build{StepKind::kCreateIndexes, "c", "create index x", {}, {"x"}, {}};
  build.cost = Cost::kScans;
  build.documents = 1200;
  plan.steps.push_back(build);
  Step change{StepKind::kModifyIndex, "c", "set expireAfterSeconds of ttl", {}, {}, {}};
  change.changes = {{"expireAfterSeconds", "60", "30"}, {"hidden", "", "true"}};
  plan.steps.push_back(change);
  Step drop{StepKind::kDropIndex, "c", "drop index y", {}, {}, {}};
  drop.effect = Effect::kContract;
  plan.steps.push_back(drop);
  Step held{StepKind::kSetValidator, "c", "set the validator", {}, {}, {}};
  held.effect = Effect::kContract;
  held.cost = Cost::kBlocksWrites;
  held.documents = 1;
  plan.withheld.push_back(held);
  plan.findings.push_back(Finding{FindingKind::kConflict, "c", "i", "unique", "true", "", "no way"});
  CHECK(render_text(plan, Colour::kOff, Detail::kFull) ==
        "+ c  create index x (scans the collection, about 1200 documents)\n"
        "~ c  set expireAfterSeconds of ttl (instant)\n"
        "       - expireAfterSeconds: 60\n"
        "       + expireAfterSeconds: 30\n"
        "       + hidden: true\n"
        "- c  drop index y (instant; can break the version before)\n"
        "= c  set the validator (blocks writes, about 1 document; can break the version before; withheld by "
        "policy.contract)\n"
        "! c  conflict: no way\n"
        "       + unique: true\n");
  const std::string coloured = render_text(plan, Colour::kOn, Detail::kFull);
  CHECK(coloured.find("\x1b[31m- expireAfterSeconds: 60\x1b[0m\n") != std::string::npos);
  CHECK(coloured.find("\x1b[32m+ expireAfterSeconds: 30\x1b[0m\n") != std::string::npos);
  CHECK(coloured.find("\x1b[31m-\x1b[0m c  drop") != std::string::npos);
}

TEST_CASE("JSON") {
  const std::string text = render_json(example());
  CHECK(
      text ==
      R"({"v":1,"changes":2,"steps":[{"kind":"create_indexes","collection":"rebalances","object":"",)"
      R"("what":"create index x","effect":"expand","destructive":false,"cost":"instant","documents":null,)"
      R"("indexes":["x"],"changes":[],"command":{ "createIndexes" : "rebalances" }},)"
      R"({"kind":"set_validator","collection":"é","object":"","what":"set the validator","effect":"expand",)"
      R"("destructive":false,"cost":"instant","documents":null,"indexes":[],"changes":[],)"
      R"("command":{ "collMod" : "é" }}],"withheld":[],)"
      R"("findings":[{"kind":"conflict","collection":"m","object":"i","option":"unique",)"
      R"("asked":true,"reported":null,"message":"no \"way\""},{"kind":"extra_index","collection":"m","object":"j",)"
      R"("option":"","asked":null,"reported":{ "a" : 1 },"message":"left alone"}],"missing_privileges":null,"server":null})");
  CHECK(Document::from_json(text));
  CHECK(render_json(Plan{}) ==
        R"({"v":1,"changes":0,"steps":[],"withheld":[],"findings":[],"missing_privileges":null,"server":null})");
}

TEST_CASE("JSON: who answered") {
  const auto said = [](const Server& server) {
    const std::string text = render_json(Plan{}, std::nullopt, &server);
    return text.substr(text.find("\"server\":"));
  };
  CHECK(said({"mongodb", "8.0.4", "sharded"}) ==
        R"("server":{"product":"mongodb","version":"8.0.4","topology":"sharded","mongodb_version":null}})");
  CHECK(said({"a\"b", "1", "standalone", "8.2.11"}) ==
        R"("server":{"product":"a\"b","version":"1","topology":"standalone","mongodb_version":"8.2.11"}})");
}

TEST_CASE("JSON of a step that takes something away") {
  Plan plan;
  Step step{StepKind::kDropIndex, "c", "drop index y", json(R"({"dropIndexes":"c"})"), {}, {}, "y"};
  step.changes = {{"unique", "true", ""}};
  step.effect = Effect::kContract;
  step.destructive = true;
  step.cost = Cost::kBlocksWrites;
  step.documents = 7;
  plan.withheld.push_back(step);
  CHECK(render_json(plan) ==
        R"({"v":1,"changes":0,"steps":[],"withheld":[{"kind":"drop_index","collection":"c","object":"y",)"
        R"("what":"drop index y","effect":"contract","destructive":true,"cost":"blocks_writes","documents":7,)"
        R"("indexes":[],"changes":[{"option":"unique","from":true,"to":null}],)"
        R"("command":{ "dropIndexes" : "c" }}],"findings":[],"missing_privileges":null,"server":null})");
}
