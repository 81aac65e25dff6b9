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

TEST_CASE("JSON") {
  const std::string text = render_json(example());
  CHECK(
      text ==
      R"({"v":1,"changes":2,"steps":[{"kind":"create_indexes","collection":"rebalances","what":"create index x",)"
      R"("command":{ "createIndexes" : "rebalances" }},{"kind":"set_validator","collection":"é","what":"set the validator",)"
      R"("command":{ "collMod" : "é" }}],"findings":[{"kind":"conflict","collection":"m","object":"i","option":"unique",)"
      R"("asked":true,"reported":null,"message":"no \"way\""},{"kind":"extra_index","collection":"m","object":"j",)"
      R"("option":"","asked":null,"reported":{ "a" : 1 },"message":"left alone"}]})");
  CHECK(Document::from_json(text));
  CHECK(render_json(Plan{}) == R"({"v":1,"changes":0,"steps":[],"findings":[]})");
}
