// The table of plans (tests/plans) against the pure planner: the catalog is the scripted server's, in this process,
// with the manual's semantics, so what the planner asks for is also done, or refused.
#include <string>
#include <vector>

#include "scripted_catalog.h"
#include "support/plan_cases/plan_cases.h"
#include "text.h"

using namespace readygate;
using namespace readygate::schema;

namespace {

// The catalog of a case, before what is planned.
ScriptedCatalog prepared(const test::PlanCase& each) {
  ScriptedCatalog catalog({each.product, each.version, "replicaset"});
  Schema from = test::schema_of_case(each, each.from, kDatabase);
  from.policy.contract = Policy::Contract::kApply;
  for (const Step& step : diff(from, catalog.read()).steps) {
    CAPTURE(step.what);
    REQUIRE(catalog.run(step) == "");
  }
  for (const std::string& command : each.prepare) {
    CAPTURE(command);
    REQUIRE(catalog.run(json(command)) == "");
  }
  return catalog;
}

}  // namespace

TEST_CASE("the table of plans: the steps, and after them a plan that is empty") {
  const std::vector<test::PlanCase> cases = test::plan_cases();
  CHECK(cases.size() >= 60);
  for (const test::PlanCase& each : cases) {
    CAPTURE(each.file);
    CAPTURE(each.name);
    ScriptedCatalog catalog = prepared(each);
    const Schema to = test::schema_of_case(each, each.to, kDatabase);
    const Plan plan = diff(to, catalog.read(), each.owns);
    CHECK(test::lines_of(plan.steps) == test::lines(each.steps));
    CHECK(test::lines_of(plan.withheld) == test::lines(each.withheld));
    CHECK(test::lines_of(plan.findings) == test::lines(each.findings));
    if (!each.fails.empty()) continue;  // what the look for duplicates prevents; the model would do half of it
    for (const Step& step : plan.steps) {
      CAPTURE(step.what);
      CHECK(catalog.run(step) == "");
    }
    const Plan second = diff(to, catalog.read(), each.owns);
    CHECK(test::lines_of(second.steps) == "");
    CHECK(test::lines_of(second.withheld) == test::lines(each.withheld));
  }
}

TEST_CASE("the steps of a collection: those that add first, then those that take away") {
  for (const test::PlanCase& each : test::plan_cases()) {
    CAPTURE(each.name);
    bool later = false;
    for (const Step& step :
         diff(test::schema_of_case(each, each.to, kDatabase), prepared(each).read(), each.owns).steps) {
      CAPTURE(step.what);
      later = later || step.destructive;
      // What follows a destructive step is one as well, or could not stand beside what was dropped.
      const bool follows = step.effect == Effect::kContract || step.kind == StepKind::kTryUnique;
      if (later && !step.destructive) CHECK(follows);
      // These take as long as they take: they are never given the lease's rest as their limit.
      if (step.kind == StepKind::kCreateIndexes) CHECK(!step.destructive);
      if (step.kind == StepKind::kMakeConstraint) CHECK(!step.destructive);
    }
  }
}
