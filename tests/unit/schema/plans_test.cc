// The table of plans (tests/plans) against the pure planner: the catalog is the scripted server's, in this process,
// with the manual's semantics, so what the planner asks for is also done, or refused.
#include <stdexcept>
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
  std::size_t cases = 0;
  const auto ended = test::for_each_plan_case([&](const test::PlanCase& each) {
    ++cases;
    ScriptedCatalog catalog = prepared(each);
    const Schema to = test::schema_of_case(each, each.to, kDatabase);
    const Plan plan = diff(to, catalog.read(), each.owns);
    CHECK(test::lines_of(plan.steps) == test::lines(each.steps));
    CHECK(test::lines_of(plan.withheld) == test::lines(each.withheld));
    CHECK(test::lines_of(plan.findings) == test::lines(each.findings));
    if (!each.fails.empty()) return;  // what the look for duplicates prevents; the model would do half of it
    for (const Step& step : plan.steps) {
      CAPTURE(step.what);
      CHECK(catalog.run(step) == "");
    }
    const Plan second = diff(to, catalog.read(), each.owns);
    CHECK(test::lines_of(second.steps) == "");
    CHECK(test::lines_of(second.withheld) == test::lines(each.withheld));
  });
  CHECK(test::lines(ended) == "");
  CHECK(cases >= 60);
}

TEST_CASE("the table of plans: what ends one case does not end those after it") {
  std::size_t begun = 0;
  const std::size_t all = test::plan_cases().size();
  const std::vector<std::string> ended = test::for_each_plan_case([&](const test::PlanCase&) {
    if (++begun == 2) throw std::runtime_error("as an exception");
    if (begun == 3) throw doctest::detail::TestFailureException();  // as REQUIRE and FAIL do
  });
  CHECK(begun == all);
  REQUIRE(ended.size() == 2);
  CHECK(ended[0].find(": as an exception") != std::string::npos);
  CHECK(ended[1].find(": the failure above") != std::string::npos);
}

TEST_CASE("the steps of a collection: those that add first, then those that take away") {
  const auto ended = test::for_each_plan_case([](const test::PlanCase& each) {
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
  });
  CHECK(test::lines(ended) == "");
}
