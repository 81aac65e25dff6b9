#include <doctest/doctest.h>

#include "cli/exit_code.h"
#include "cli/status.h"
#include "core/snapshot.h"

using namespace readygate;
using namespace readygate::cli;

namespace {

core::Snapshot snapshot(core::State state) {
  core::Snapshot s;
  s.seq = 7;
  s.instance_id = "00112233445566778899aabbccddeeff";
  s.state = state;
  s.since = WallTime(Millis(1'767'225'600'000));
  s.started = WallTime(Millis(1'767'225'500'000));
  s.code = Reason::kNone;
  return s;
}

schema::Document json_of(const core::Snapshot& s) { return *schema::Document::from_json(core::render_full(s)); }
constexpr WallTime kNow{Millis(1'767'225'612'345)};

}  // namespace

TEST_CASE("status: an open gate on one page") {
  core::Snapshot s = snapshot(core::State::kReady);
  s.facts = {true, true, true, true, true, true};
  s.schema = {"rebalancer", 3, "1:ab"};
  s.server = {"FerretDB", "7.0.77", "standalone"};
  s.checks = {{"schema", true, Reason::kNone}, {"mongodb", true, Reason::kNone}};
  CHECK(render_status(json_of(s), Colour::kNo, kNow) ==
        "state      ready for 12 s (since 2026-01-01T00:00:00.000Z)\n"
        "facts      open yes · ready yes · initialized yes · reachable yes · healthy yes\n"
        "schema     rebalancer version 3, 1:ab\n"
        "server     FerretDB 7.0.77, standalone\n"
        "checks     [+] schema\n"
        "           [+] mongodb\n"
        "instance   00112233445566778899aabbccddeeff, started 2025-12-31T23:58:20.000Z\n");
  CHECK(status_exit_code(json_of(s)) == kExitOk);
}

TEST_CASE("status: beside a check that fails stands why") {
  core::Snapshot s = snapshot(core::State::kReady);
  s.checks = {{"drain", true, Reason::kNone},
              {"app", false, Reason::kCheckFailed, "http://127.0.0.1:8000 answers 503"},
              {"drift", false, Reason::kDrift}};
  CHECK(render_status(json_of(s), Colour::kNo, kNow)
            .find("checks     [+] drain\n"
                  "           [-] app: check_failed: http://127.0.0.1:8000 answers 503\n"
                  "           [-] drift: drift\n") != std::string::npos);
}

TEST_CASE("status: an open gate whose probe says no is not shown as ready, and says why first") {
  core::Snapshot s = snapshot(core::State::kReady);
  s.facts = {true, true, true, false, true, true};
  s.checks = {{"schema", true, Reason::kNone, {}},
              {"migrations", false, Reason::kMigrationRefused, "migration 0001 failed: no such operator"},
              {"app", false, Reason::kCheckFailed, {}}};
  std::string page = render_status(json_of(s), Colour::kYes, kNow);
  CHECK(
      page.starts_with("state      \x1b[1;33mready\x1b[0m, but not served: migration_refused (check \"migrations\": "
                       "migration 0001 failed: no such operator; 1 more below) · for 12 s (since "));
  CHECK(page.find("do         correct what the message names") != std::string::npos);
  CHECK(page.find("[-] app: check_failed") != std::string::npos);
  CHECK(status_exit_code(json_of(s)) == kExitUnavailable);

  // A check without a sentence: what its code means.
  s.checks = {{"app", false, Reason::kCheckPending, {}}};
  page = render_status(json_of(s), Colour::kNo, kNow);
  CHECK(
      page.starts_with("state      ready, but not served: check_pending (check \"app\": a [[check]] of the "
                       "configuration has not passed yet) · for 12 s"));
  CHECK(status_exit_code(json_of(s)) == kExitUnavailable);

  // Drained on the socket.
  s.checks = {{"drain", false, Reason::kDraining, {}}};
  s.facts.open = false;
  s.code = Reason::kDraining;
  s.reason = "the gate is closing";
  page = render_status(json_of(s), Colour::kNo, kNow);
  CHECK(page.starts_with("state      ready, but not served: draining (the gate is closing) · for 12 s"));
  CHECK(status_exit_code(json_of(s)) == kExitTryAgain);
}

TEST_CASE("status: steps that are held back stay visible") {
  core::Snapshot s = snapshot(core::State::kReady);
  s.facts = {true, true, true, true, true, true};
  CHECK(render_status(json_of(s), Colour::kNo, kNow).find("withheld") == std::string::npos);
  s.withheld_steps = 2;
  CHECK(render_status(json_of(s), Colour::kNo, kNow)
            .find("withheld   2 steps are held back, because they can break the version before and policy.contract is "
                  "\"report\"; `readygate plan` lists what is held back\n") != std::string::npos);
  CHECK(status_exit_code(json_of(s)) == kExitOk);
  s.withheld_steps = 1;
  CHECK(render_status(json_of(s), Colour::kNo, kNow).find("withheld   1 step is held back, because it can break") !=
        std::string::npos);
}

TEST_CASE("status: a failed gate says why, and what to do") {
  core::Snapshot s = snapshot(core::State::kFailed);
  s.code = Reason::kDuplicates;
  s.reason = "rebalances has two documents\nwith one key";
  s.attempt = 4;
  s.next_attempt_at = s.since + Seconds(60);
  s.phase = {"apply", 2, 5, "create indexes on rebalances", 40};
  const std::string page = render_status(json_of(s), Colour::kNo, kNow);
  CHECK(page.find("why        duplicate_keys: rebalances has two documents with one key\n") != std::string::npos);
  CHECK(page.find("do         remove the duplicates, then retry\n") != std::string::npos);
  CHECK(page.find("phase      apply 2/5: create indexes on rebalances (40%)\n") != std::string::npos);
  CHECK(page.find("attempt    4, the next one at 2026-01-01T00:01:00.000Z\n") != std::string::npos);
  CHECK(status_exit_code(json_of(s)) == kExitUnavailable);
}

TEST_CASE("status --retry: whether there was anything to retry") {
  const auto words = [](const char* body) {
    return retry_words(std::string("HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\n\r\n") + body + "\n");
  };
  CHECK(words(R"({"ok":true,"why":"retry","state":"connecting","retried":true})") == "The gate tries again.");
  CHECK(words(R"({"ok":true,"why":"retry","state":"ready","retried":false})") ==
        "There is nothing to retry: the gate has opened.");
  CHECK(words(R"({"ok":true,"why":"retry","state":"degraded","retried":false})").find("There is nothing to retry") ==
        0);
  CHECK(words(R"({"ok":true,"why":"retry","state":"connecting"})") == "The gate tries again.");  // of an older daemon
}

TEST_CASE("status: colour only when asked for") {
  const schema::Document json = json_of(snapshot(core::State::kDegraded));
  CHECK(render_status(json, Colour::kNo, kNow).find('\x1b') == std::string::npos);
  CHECK(render_status(json, Colour::kYes, kNow).find("\x1b[1;33mdegraded\x1b[0m") != std::string::npos);
  CHECK(status_exit_code(json) == kExitTryAgain);
}
