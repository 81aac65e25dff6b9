// Every code of the table, and one that nobody knows, as the answer to each command that declares something: where the
// gate is after it, and how often the server was asked within a minute.
#include "core/refusals.h"

#include <set>
#include <string>

#include <doctest/doctest.h>

#include "core/server_rules.h"
#include "unit/core/harness.h"

using namespace readygate;
using namespace readygate::core;
using namespace readygate::test;

namespace {

// A schema whose version 2 needs each kind of command over what version 1 has made.
schema::Schema second_version() {
  return example_schema(2, "extra_indexes = \"drop\"\ncontract = \"apply\"", R"(
[[collection]]
name = "notes"
validator = '{ "text": { "$exists": true } }'
)");
}

struct Outcome60 {
  int sent = 0;
  core::State state = State::kStarting;
  Reason code = Reason::kNone;
  Origin origin = Origin::kNone;
};

// What comes of it when the first command of that kind gets that answer, always.
Outcome60 answered(schema::StepKind kind, const Failure& answer) {
  GateSettings settings;
  settings.failed_retry = Millis(300'000);
  Harness h(second_version(), settings);
  Outcome60 seen;
  h.database.fault = [&](const Work& work) -> std::optional<Failure> {
    const auto* step = std::get_if<RunStep>(&work);
    if (step == nullptr || step->step.kind != kind || step->step.collection != "orders") return std::nullopt;
    ++seen.sent;
    Failure failure = answer;
    failure.doing = kind == schema::StepKind::kCreateIndexes ? Doing::kCreateIndexes : Doing::kCreateCollection;
    return failure;
  };
  h.open();
  for (int second = 0; second < 60; ++second) {
    h.pass(Millis(1'000));
    h.answer_all();
  }
  seen.state = h.state();
  seen.code = h.code();
  seen.origin = h.gate.snapshot().origin;
  return seen;
}

Failure server(int code, std::string_view message) {
  Failure failure;
  failure.domain = Domain::kServer;
  failure.code = code;
  failure.message = message;
  return failure;
}

}  // namespace

TEST_CASE("what cannot mend is asked for at most twice, and told as failed, whatever the code") {
  std::set<int> known;
  for (const ServerRule& rule : server_rules()) {
    for (const int code : rule.codes) {
      if (!known.insert(code).second) continue;
      CAPTURE(code);
      Failure failure = server(code, rule.words);
      failure.doing = Doing::kCreateIndexes;
      const Judgement judgement = judge(failure);
      const Outcome60 seen = answered(schema::StepKind::kCreateIndexes, failure);
      if (judgement.verdict != Verdict::kReread) CHECK(seen.origin == judgement.origin);
      if (judgement.verdict == Verdict::kPermanent || judgement.verdict == Verdict::kOnceMore) {
        CHECK(judgement.origin != Origin::kServer);
        CHECK(judgement.origin != Origin::kNone);
        CHECK(seen.state == State::kFailed);
        CHECK(seen.sent <= 2);
      } else if (judgement.verdict == Verdict::kSlow) {
        CHECK(seen.sent <= 3);
      } else if (judgement.verdict != Verdict::kReread) {
        CHECK(seen.state == State::kConnecting);
      }
    }
  }
  CHECK(known.size() > 100);
}

TEST_CASE("a code that nobody knows is a refusal the second time") {
  for (const int code : {8, 96, 5'107'200, 31'441, 999'999}) {
    CAPTURE(code);
    const Outcome60 seen = answered(schema::StepKind::kCreateIndexes, server(code, "no"));
    CHECK(seen.sent == 2);
    CHECK(seen.state == State::kFailed);
    CHECK(seen.code == Reason::kRefused);
    CHECK(seen.origin == Origin::kDeclaration);
  }
}

TEST_CASE("an answer that says the catalog is another one, in every round of two attempts, is an end") {
  for (const int code : {27, 48, 68}) {
    CAPTURE(code);
    CHECK(answered(schema::StepKind::kCreateIndexes, server(code, "no")).state == State::kFailed);
  }
}

TEST_CASE("a damaged record of the ledger is told as such, and not asked for again and again") {
  GateSettings settings;
  settings.failed_retry = Millis(300'000);
  Harness h(example_schema(), settings);
  int read = 0;
  h.database.fault = [&](const Work& work) -> std::optional<Failure> {
    if (!std::holds_alternative<ReadLedger>(work)) return std::nullopt;
    ++read;
    Failure failure;
    failure.domain = Domain::kDamaged;
    failure.message = "the document {_id: \"shop\"} of shop._readygate is damaged: no token";
    return failure;
  };
  h.open();
  for (int second = 0; second < 60; ++second) {
    h.pass(Millis(1'000));
    h.answer_all();
  }
  CHECK(read == 1);
  CHECK(h.state() == State::kFailed);
  CHECK(h.code() == Reason::kLedgerDamaged);
  CHECK(h.gate.snapshot().reason.find("_readygate is damaged") != std::string::npos);
}
