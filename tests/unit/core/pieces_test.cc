// The small pure parts: backoff, reachability, the ledger's standing, the snapshot's two renderings.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "core/backoff.h"
#include "core/reachability.h"
#include "core/snapshot.h"
#include "unit/core/harness.h"

using namespace readygate;
using namespace readygate::core;
using readygate::test::example_schema;
using readygate::test::SeededRandom;

namespace {

Instant at(int seconds) { return Instant(std::chrono::seconds(seconds)); }

Ledger applied(const schema::Schema& schema, int version) {
  Ledger ledger;
  ledger.id = schema.name;
  ledger.rev = "r1";
  ledger.applied = Applied{version, bare_hash(schema), schema::kHashFormat, 1, {}, "someone"};
  return ledger;
}

}  // namespace

TEST_CASE("backoff doubles its bound to the cap and draws below it") {
  SeededRandom random(7);
  Backoff backoff(Millis(100), Millis(5'000));
  Millis bound(100);
  Millis longest(0);
  for (int i = 0; i < 200; ++i) {
    const Millis pause = backoff.next(random);
    CHECK(pause >= Millis(0));
    CHECK(pause <= bound);
    longest = std::max(longest, pause);
    bound = std::min(bound * 2, Millis(5'000));
  }
  CHECK(longest > Millis(4'000));  // the cap is reached, not only approached
  backoff.reset();
  CHECK(backoff.next(random) <= Millis(100));
}

TEST_CASE("an overloaded server is left alone for up to twice its base, doubled each time, at most ten seconds") {
  const struct {
    int named;
    int first;
  } rows[] = {{0, 200}, {1, 2}, {250, 500}, {7'000, 10'000}, {1'000'000'000, 10'000}};
  for (const auto& row : rows) {
    CAPTURE(row.named);
    std::vector<Millis> longest(20, Millis(0));
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
      SeededRandom random(seed);
      OverloadBackoff backoff;
      Millis bound(row.first);
      for (Millis& most : longest) {
        const Millis pause = backoff.next(random, Millis(row.named));
        CHECK(pause <= bound);
        most = std::max(most, pause);
        bound = std::min(bound * 2, OverloadBackoff::kMax);
      }
      backoff.reset();
      CHECK(backoff.next(random, Millis(row.named)) <= Millis(row.first));
    }
    Millis bound(row.first);
    for (const Millis most : longest) {
      CHECK(most >= bound / 2);  // so it is drawn from the whole of it
      bound = std::min(bound * 2, OverloadBackoff::kMax);
    }
  }
}

TEST_CASE("a loss counts only once it is older than unready_after") {
  Reachability reachability(Millis(30'000));
  CHECK_FALSE(reachability.reachable(at(0)));  // no primary was known yet
  reachability.primary(true, at(1));
  CHECK_FALSE(reachability.reachable(at(1)));  // the monitors know one, but nothing that we asked was answered yet
  reachability.heard(Heard::kAnswer, at(1));
  CHECK(reachability.reachable(at(1)));
  CHECK_FALSE(reachability.next_change(at(1)));
  reachability.primary(false, at(10));
  CHECK(reachability.reachable(at(39)));
  CHECK(reachability.next_change(at(10)) == at(40));
  CHECK_FALSE(reachability.reachable(at(40)));
  CHECK_FALSE(reachability.next_change(at(40)));
  reachability.primary(true, at(50));
  CHECK(reachability.reachable(at(50)));
}

TEST_CASE("a failed ping is a loss until a ping answers, and a stable topology never ages") {
  Reachability reachability(Millis(1'000));
  reachability.primary(true, at(0));
  reachability.heard(Heard::kAnswer, at(0));
  CHECK(reachability.reachable(at(100'000)));
  reachability.heard(Heard::kSilence, at(100'000));
  reachability.primary(true, at(100'000));
  CHECK_FALSE(reachability.reachable(at(100'001)));
  reachability.heard(Heard::kAnswer, at(100'002));
  CHECK(reachability.reachable(at(100'002)));
}

TEST_CASE("who only refuses us is not reached, until it has answered once") {
  Reachability reachability(Millis(1'000));
  reachability.primary(true, at(0));
  reachability.heard(Heard::kRefusal, at(0));
  CHECK_FALSE(reachability.reachable(at(0)));
  reachability.heard(Heard::kAnswer, at(1));
  CHECK(reachability.reachable(at(1)));
  reachability.heard(Heard::kRefusal, at(2));
  CHECK(reachability.reachable(at(100'000)));
}

TEST_CASE("what was heard: any answer of the server is one, and silence is the driver's word") {
  const auto heard = [](Domain domain, int code) {
    Failure failure;
    failure.domain = domain;
    failure.code = code;
    failure.message = "words";
    return heard_in(tl::unexpected(failure));
  };
  CHECK(heard_in(Done{}) == Heard::kAnswer);
  for (const int code : {0, 1, 8, 13, 91, 371, 462, 10107, 11602, 999'999}) {
    CAPTURE(code);
    CHECK(heard(Domain::kServer, code) == Heard::kAnswer);
  }
  CHECK(heard(Domain::kServer, 18) == Heard::kRefusal);
  CHECK(heard(Domain::kAuth, 18) == Heard::kRefusal);
  for (const Domain domain : {Domain::kSelection, Domain::kResolution, Domain::kRefused, Domain::kStream,
                              Domain::kStreamTimeout, Domain::kTls, Domain::kTlsFile, Domain::kOther}) {
    CAPTURE(static_cast<int>(domain));
    CHECK(heard(domain, 0) == Heard::kSilence);
  }
}

TEST_CASE("where a schema stands against the ledger") {
  const schema::Schema schema = example_schema(3);
  CHECK(standing(std::nullopt, schema) == Standing::kNeeded);
  CHECK(standing(Ledger{}, schema) == Standing::kNeeded);
  CHECK(standing(applied(schema, 3), schema) == Standing::kApplied);
  CHECK(standing(applied(schema, 2), schema) == Standing::kNeeded);
  CHECK(standing(applied(schema, 4), schema) == Standing::kNewer);
  Ledger other = applied(schema, 3);
  other.applied->hash = "another";
  CHECK(standing(other, schema) == Standing::kNotRaised);
  other.applied->hash_format = schema::kHashFormat + 1;
  CHECK(standing(other, schema) == Standing::kNeeded);  // another format: the catalog decides
  Ledger target = applied(schema, 3);
  target.target = Target{4, "h", 1};
  CHECK(standing(target, schema) == Standing::kNewer);
}

TEST_CASE("min_open decides whether an older version may open") {
  const schema::Schema schema = example_schema(2);
  Ledger newer = applied(schema, 4);
  newer.applied->min_open = 2;
  CHECK(may_open_on_newer(newer, schema));
  newer.applied->min_open = 3;
  CHECK_FALSE(may_open_on_newer(newer, schema));
}

TEST_CASE("what a schema owns grows by what was made, each name once") {
  const std::vector<Owns> all = united({{"orders", {"by_customer"}, true}},
                                       {{"orders", {"number", "by_customer"}, false}, {"customers", {"email"}, true}});
  REQUIRE(all.size() == 2);
  CHECK(all[0] == Owns{"orders", {"by_customer", "number"}, true});
  CHECK(all[1] == Owns{"customers", {"email"}, true});
}

TEST_CASE("the public snapshot holds no reason text") {
  Snapshot snapshot;
  snapshot.reason = "host db.internal refused";
  CHECK(render_full(snapshot).find("db.internal") != std::string::npos);
  CHECK(render_public(snapshot).find("db.internal") == std::string::npos);
  CHECK(render_public(snapshot).find("\"reason\"") == std::string::npos);
}

TEST_CASE("a snapshot is one line of JSON whatever its texts hold") {
  Snapshot snapshot;
  snapshot.reason = "quote \" line\nend \x01 and \xff";
  const std::string json = render_full(snapshot);
  CHECK(json.find('\n') == std::string::npos);
  CHECK(json.find(R"(quote \" line\nend \u0001 and \ufffd)") != std::string::npos);
}
