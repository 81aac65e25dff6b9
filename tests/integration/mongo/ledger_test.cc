// The control document in a real server.
#include "rig.h"

namespace readygate::mongo::testing {
namespace {

core::Ledger ledger(std::int64_t token, const std::string& rev) {
  core::Ledger ledger;
  ledger.id = "orders";
  ledger.token = token;
  ledger.rev = rev;
  ledger.period_ms = 20'000;
  return ledger;
}

core::LedgerRead read(Bench& bench) { return expect<core::LedgerRead>(bench.run(core::ReadLedger{})); }
bool insert(Bench& bench, core::Ledger first) {
  return expect<core::LedgerWritten>(bench.run(core::InsertLedger{std::move(first)})).won;
}
bool change(Bench& bench, core::LedgerMatch match, core::Ledger next,
            core::LedgerFields fields = core::kAllLedgerFields) {
  return expect<core::LedgerWritten>(bench.run(core::ChangeLedger{std::move(match), fields, std::move(next)})).won;
}

TEST_CASE("the ledger: none, inserted once, replaced only by who saw its last revision") {
  const char* uri = test_uri();
  if (!uri) return;
  const TestDatabase database(uri);
  Bench bench(database.settings());
  CHECK_FALSE(read(bench).ledger);
  CHECK(insert(bench, ledger(0, "r0")));
  CHECK_FALSE(insert(bench, ledger(0, "other")));
  CHECK(read(bench).ledger == ledger(0, "r0"));

  core::Ledger next = ledger(1, "r1");
  next.owner = "0123456789abcdef0123456789abcdef";
  next.target = core::Target{3, "cafe", 1};
  next.step = "create indexes a, b";
  next.pending = {"0001-x"};
  next.owns = {{"orders", {"a", "b"}, true}};
  CHECK_FALSE(change(bench, core::LedgerRev{0, "wrong"}, next));
  CHECK_FALSE(change(bench, core::LedgerRev{1, "r0"}, next));
  CHECK(change(bench, core::LedgerRev{0, "r0"}, next));
  CHECK(read(bench).ledger == next);
}

TEST_CASE("a holder changes what it names and nothing else, for as long as it is the holder") {
  const char* uri = test_uri();
  if (!uri) return;
  const TestDatabase database(uri);
  Bench bench(database.settings());
  core::Ledger held = ledger(4, "r0");
  held.owner = "me";
  held.applied = core::Applied{3, "cafe", 1, 2, WallTime(Millis(1'700'000'000'123)), "me"};
  CHECK(insert(bench, held));
  core::Ledger renewal = ledger(99, "r1");
  renewal.step = "create indexes a";
  const auto only_step = static_cast<core::LedgerFields>(core::LedgerField::kStep);
  CHECK_FALSE(change(bench, core::LedgerHold{4, "another"}, renewal, only_step));
  CHECK_FALSE(change(bench, core::LedgerHold{5, "me"}, renewal, only_step));
  CHECK(change(bench, core::LedgerHold{4, "me"}, renewal, only_step));
  held.rev = "r1";
  held.step = "create indexes a";
  CHECK(read(bench).ledger == held);
  CHECK(change(bench, core::LedgerHold{4, "me"}, ledger(99, "r2"),
               static_cast<core::LedgerFields>(core::LedgerField::kOwner)));
  CHECK_FALSE(read(bench).ledger->owner);
  CHECK_FALSE(change(bench, core::LedgerHold{4, "me"}, renewal, only_step));
}

TEST_CASE("fields of a later version survive our writes") {
  const char* uri = test_uri();
  if (!uri) return;
  const TestDatabase database(uri);
  Bench bench(database.settings());
  CHECK(insert(bench, ledger(0, "r0")));
  database.command(R"({"update": "_readygate", "updates": [{"q": {"_id": "orders"}, "u": {"$set": {"later": 42}}}]})");
  CHECK(change(bench, core::LedgerRev{0, "r0"}, ledger(1, "r1")));
  CHECK(read(bench).ledger == ledger(1, "r1"));
  CHECK(database.command(R"({"find": "_readygate", "filter": {"_id": "orders"}})").find("\"later\" : 42") !=
        std::string::npos);
}

TEST_CASE("each applied version is kept once") {
  const char* uri = test_uri();
  if (!uri) return;
  const TestDatabase database(uri);
  Bench bench(database.settings());
  core::Ledger applied = ledger(0, "r0");
  applied.applied = core::Applied{3, "cafe", 1, 2, WallTime(Millis(1'700'000'000'123)), "me"};
  CHECK(insert(bench, ledger(0, "r")));
  CHECK(change(bench, core::LedgerRev{0, "r"}, applied));
  CHECK(read(bench).ledger == applied);
  const std::string query = R"({"count": "_readygate", "query": {"_id": "orders/v/3/cafe", "version": 3}})";
  CHECK(database.command(query).find("\"n\" : 1") != std::string::npos);
  applied.rev = "r1";
  CHECK(change(bench, core::LedgerRev{0, "r0"}, applied));
  Bench another(database.settings());  // another process would not remember either
  applied.rev = "r2";
  CHECK(change(another, core::LedgerRev{0, "r1"}, applied));
  CHECK(database.command(query).find("\"n\" : 1") != std::string::npos);
}

TEST_CASE("a damaged ledger is said to be so") {
  const char* uri = test_uri();
  if (!uri) return;
  const TestDatabase database(uri);
  database.command(R"({"insert": "_readygate", "documents": [{"_id": "orders", "token": "x", "rev": "r"}]})");
  Bench bench(database.settings());
  const core::Outcome outcome = bench.run(core::ReadLedger{});
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().message.find("token") != std::string::npos);
}

TEST_CASE("eight processes race: each revision has one winner") {
  const char* uri = test_uri();
  if (!uri) return;
  const TestDatabase database(uri);
  std::vector<std::unique_ptr<Bench>> benches;
  for (int i = 0; i < 8; ++i) benches.push_back(std::make_unique<Bench>(database.settings()));
  for (int round = 0; round < 6; ++round) {
    std::vector<core::TaskId> tasks;
    for (std::size_t i = 0; i < benches.size(); ++i) {
      const core::Ledger next = ledger(round, fmt::format("{}/{}", round, i));
      core::Work work = core::InsertLedger{next};
      if (round > 0) {
        work =
            core::ChangeLedger{core::LedgerRev{round - 1, read(*benches[0]).ledger->rev}, core::kAllLedgerFields, next};
      }
      tasks.push_back(0);
      benches[i]->start(core::Ping{});  // every one connected first
      tasks[i] = benches[i]->start(std::move(work));
    }
    int winners = 0;
    for (std::size_t i = 0; i < benches.size(); ++i) {
      if (expect<core::LedgerWritten>(benches[i]->wait(tasks[i])).won) ++winners;
    }
    CHECK(winners == 1);
  }
}

}  // namespace
}  // namespace readygate::mongo::testing
