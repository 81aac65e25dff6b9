// The [[check]]s: when they are asked, what their answers mean, and what they may and may not close.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "core/checks.h"
#include "harness.h"

using namespace readygate;
using namespace readygate::core;
using readygate::test::Harness;

namespace {

CheckSpec spec(std::string name) {
  CheckSpec made;
  made.name = std::move(name);
  return made;
}

GateSettings with_check(CheckSpec check) {
  GateSettings settings;
  settings.checks.push_back(std::move(check));
  return settings;
}

// Asks when it is time, and answers at once. How often it was asked.
int ask(Harness& h, const CheckOutcome& outcome) {
  h.collect();
  int count = 0;
  for (const std::size_t index : std::exchange(h.asked, {})) {
    h.gate.checked(index, outcome, h.now());
    ++count;
  }
  h.collect();
  return count;
}

const CheckOutcome kYes{};
const CheckOutcome kNo = tl::unexpected(std::string("it answers 503"));

Check shown(const Harness& h) { return h.gate.snapshot().checks.back(); }

}  // namespace

TEST_CASE("a check joins ready and never open, and is asked once the gate has opened") {
  Harness h(test::example_schema(), with_check(spec("app")));
  h.gate.start(h.now());
  h.pass(Millis(3'000));
  h.collect();
  CHECK(h.asked.empty());  // nobody listens before the gate is open
  CHECK(shown(h) == Check{"app", false, Reason::kCheckPending});
  h.primary(true);
  h.answer_all();
  CHECK(h.state() == State::kReady);
  CHECK(h.facts().open);
  CHECK_FALSE(h.facts().ready);
  h.pass(Millis(0));
  CHECK(ask(h, kYes) == 1);
  CHECK(h.facts().ready);
  CHECK(h.facts().open);
  CHECK(shown(h) == Check{"app", true, Reason::kNone});
  CHECK(h.said("Check \"app\" passes") == 1);
}

TEST_CASE("thresholds: one failure does not take ready away, as many as the threshold in a row do") {
  CheckSpec app = spec("app");
  app.success_threshold = 2;
  Harness h(test::example_schema(), with_check(app));
  h.open();
  h.pass(Millis(0));
  ask(h, kYes);
  CHECK_FALSE(h.facts().ready);
  h.pass(Millis(1'000));
  ask(h, kYes);
  CHECK(h.facts().ready);
  const auto next = [&](const CheckOutcome& outcome) {
    h.pass(Millis(5'000));
    CHECK(ask(h, outcome) == 1);
    return h.facts().ready;
  };
  CHECK(next(kNo));
  CHECK(next(kNo));
  CHECK(next(kYes));  // not in a row any more
  CHECK(next(kNo));
  CHECK(next(kNo));
  CHECK_FALSE(next(kNo));
  CHECK(shown(h) == Check{"app", false, Reason::kCheckFailed, "it answers 503"});
  CHECK(h.facts().open);
  CHECK_FALSE(next(kNo));
  CHECK(h.said("Check \"app\" does not pass: it answers 503") == 1);  // once, however long it lasts
  CHECK_FALSE(next(kYes));
  CHECK(next(kYes));
}

TEST_CASE("why a check does not pass stands beside it, and only as long as it is so") {
  CheckSpec app = spec("app");
  app.success_threshold = 2;
  Harness h(test::example_schema(), with_check(app));
  h.open();
  CHECK(shown(h) == Check{"app", false, Reason::kCheckPending, ""});
  h.pass(Millis(0));
  ask(h, kYes);
  bool passed_once = false;
  const auto next = [&](const CheckOutcome& outcome) {
    h.pass(passed_once ? Millis(5'000) : Millis(1'000));
    CHECK(ask(h, outcome) == 1);
    return shown(h);
  };
  CHECK(next(kNo) == Check{"app", false, Reason::kCheckPending, "it answers 503"});
  CHECK(next(kYes) == Check{"app", false, Reason::kCheckPending, "passed 1 of 2 times in a row"});
  CHECK(next(kYes) == Check{"app", true, Reason::kNone, ""});
  passed_once = true;
  CHECK(next(kNo) == Check{"app", true, Reason::kNone, ""});  // one failure of three takes nothing away
  next(kNo);
  CHECK(next(kNo) == Check{"app", false, Reason::kCheckFailed, "it answers 503"});
  const Snapshot before = h.gate.snapshot();
  next(kNo);
  CHECK(h.gate.snapshot() == before);  // the same again is no news
  CHECK(next(tl::unexpected(std::string("it hangs"))).sentence == "it hangs");
  const Check shortened = next(tl::unexpected(std::string(199, 'x') + std::string(400, '\xC3')));
  CHECK(shortened.sentence.size() < 210);
  CHECK(next(kYes).sentence == "passed 1 of 2 times in a row");
  CHECK(next(kYes).sentence.empty());
}

TEST_CASE("a check's sentence is for the socket, and not for whoever reaches the port") {
  Snapshot s;
  s.checks = {{"app", false, Reason::kCheckFailed, "http://10.0.0.7:8000 answers 503"}, {"drain", true, Reason::kNone}};
  CHECK(render_full(s).find(
            R"({"name":"app","passed":false,"code":"check_failed",)"
            R"("reason":"http://10.0.0.7:8000 answers 503"},{"name":"drain","passed":true,"code":"none"})") !=
        std::string::npos);
  CHECK(render_public(s).find(R"({"name":"app","passed":false,"code":"check_failed"})") != std::string::npos);
  CHECK(render_public(s).find("10.0.0.7") == std::string::npos);
}

TEST_CASE("until it passes for the first time it is asked every second, then every period") {
  CheckSpec slow = spec("app");
  slow.period = Millis(60'000);
  Harness h(test::example_schema(), with_check(slow));
  h.open();
  h.pass(Millis(0));
  CHECK(ask(h, kNo) == 1);
  h.pass(Millis(999));
  CHECK(ask(h, kNo) == 0);
  h.pass(Millis(1));
  CHECK(ask(h, kYes) == 1);
  h.pass(Millis(59'000));
  CHECK(ask(h, kYes) == 0);
  h.pass(Millis(1'000));
  CHECK(ask(h, kYes) == 1);
}

TEST_CASE("a worker that hangs counts as failures, and is given no company") {
  Harness h(test::example_schema(), with_check(spec("app")));
  h.open();
  h.pass(Millis(0));
  ask(h, kYes);
  CHECK(h.facts().ready);
  h.pass(Millis(5'000));
  h.collect();
  CHECK(h.asked.size() == 1);  // and never answers
  h.pass(Millis(20'000));
  h.collect();
  CHECK(h.asked.size() == 1);
  CHECK_FALSE(h.facts().ready);
  CHECK(h.said("Check \"app\" does not pass: no answer within 1s") == 1);
  CHECK(ask(h, kYes) == 1);  // after all
  CHECK(h.facts().ready);
}

TEST_CASE("one check that fails is enough, and a draining gate asks no more") {
  GateSettings settings = with_check(spec("app"));
  settings.checks.push_back(spec("cache"));
  settings.drain_delay = Millis(60'000);
  Harness h(test::example_schema(), settings);
  h.open();
  h.pass(Millis(0));
  h.collect();
  CHECK(std::exchange(h.asked, {}).size() == 2);
  h.gate.checked(0, kYes, h.now());
  CHECK_FALSE(h.facts().ready);
  h.gate.checked(1, kYes, h.now());
  CHECK(h.facts().ready);
  h.gate.checked(7, kNo, h.now());  // nobody asked that
  CHECK(h.facts().ready);
  h.gate.terminate(h.now());
  h.pass(Millis(30'000));
  h.collect();
  CHECK(h.asked.empty());
}
