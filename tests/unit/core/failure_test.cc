// Permanent or not, from (domain, code, what was being done): one line per rule.
#include <doctest/doctest.h>

#include <initializer_list>
#include <string>

#include "core/failure.h"

using namespace readygate;
using namespace readygate::core;

namespace {

Failure server(int code, Doing doing = Doing::kCreateIndexes) {
  Failure failure;
  failure.domain = Domain::kServer;
  failure.code = code;
  failure.doing = doing;
  failure.message = "the server's own words.";
  return failure;
}

void each_is(std::initializer_list<int> codes, Verdict verdict) {
  for (const int code : codes) {
    CAPTURE(code);
    const Judgement judgement = judge(server(code));
    CHECK(judgement.verdict == verdict);
    CHECK(judgement.sentence.starts_with("the server's own words. "));
  }
}

}  // namespace

TEST_CASE("transient codes of the server are retried") {
  each_is(
      {6, 7, 24, 46, 50, 64, 89, 91, 112, 117, 133, 189, 215, 262, 276, 9001, 10107, 11600, 11602, 12587, 13435, 13436},
      Verdict::kTransient);
}

TEST_CASE("an unknown code is transient") { each_is({1, 8, 999'999, 31'000}, Verdict::kTransient); }

TEST_CASE("too few members, a full disk and a user that is not there yet are retried slowly") {
  each_is({100, 14031, 11}, Verdict::kSlow);
}

TEST_CASE("permanent codes of the server fail") {
  each_is({2, 9, 13, 59, 67, 72, 73, 85, 86, 115, 121, 166, 197, 359}, Verdict::kPermanent);
}

TEST_CASE("refused credentials have a grace, whoever says so") {
  CHECK(judge(server(18)).verdict == Verdict::kAuthGrace);
  Failure failure;
  failure.domain = Domain::kAuth;
  CHECK(judge(failure).verdict == Verdict::kAuthGrace);
  CHECK(judge(failure).reason == Reason::kAuth);
}

TEST_CASE("a catalog that changed meanwhile is read again") { each_is({27, 48, 68}, Verdict::kReread); }

TEST_CASE("a duplicate key is permanent in a build and a race elsewhere") {
  CHECK(judge(server(11000, Doing::kCreateIndexes)).verdict == Verdict::kPermanent);
  CHECK(judge(server(11000, Doing::kCreateIndexes)).reason == Reason::kDuplicates);
  CHECK(judge(server(11000, Doing::kWriteLedger)).verdict == Verdict::kTransient);
}

TEST_CASE("a code of the driver is never taken for the server's") {
  Failure failure = server(13);
  failure.domain = Domain::kSelection;  // 13053 and 13 are both somebody's codes
  CHECK(judge(failure).verdict == Verdict::kTransient);
  failure.domain = Domain::kStream;
  CHECK(judge(failure).verdict == Verdict::kTransient);
}

TEST_CASE("each way of not reaching the database has its reason and tells what to do") {
  const struct {
    Domain domain;
    Verdict verdict;
    Reason reason;
    std::string advice;
  } rows[] = {
      {Domain::kSelection, Verdict::kTransient, Reason::kNoPrimary, "Check the hosts"},
      {Domain::kResolution, Verdict::kTransient, Reason::kNameResolution, "Check the host in the URI"},
      {Domain::kRefused, Verdict::kTransient, Reason::kConnectionRefused, "Start the database"},
      {Domain::kStream, Verdict::kTransient, Reason::kNetwork, "retried"},
      {Domain::kStreamTimeout, Verdict::kTransient, Reason::kTimeout, "firewalls"},
      {Domain::kTls, Verdict::kTransient, Reason::kTls, "tls=true"},
      {Domain::kTlsFile, Verdict::kPermanent, Reason::kCaFile, "readable PEM file"},
      {Domain::kProtocol, Verdict::kPermanent, Reason::kServerTooOld, "4.2"},
      {Domain::kConfiguration, Verdict::kPermanent, Reason::kConfigInvalid, "Correct the URI"},
      {Domain::kOther, Verdict::kTransient, Reason::kNetwork, "retried"},
  };
  for (const auto& row : rows) {
    Failure failure;
    failure.domain = row.domain;
    failure.message = "words";
    const Judgement judgement = judge(failure);
    CAPTURE(judgement.sentence);
    CHECK(judgement.verdict == row.verdict);
    CHECK(judgement.reason == row.reason);
    CHECK(judgement.sentence.find(row.advice) != std::string::npos);
  }
}

TEST_CASE("advice that comes with a failure takes the place of the table's") {
  for (const Domain domain : {Domain::kTls, Domain::kServer, Domain::kOther}) {
    Failure failure = server(13);
    failure.domain = domain;
    const Judgement from_table = judge(failure);
    failure.advice = "Do this.";
    const Judgement judgement = judge(failure);
    CHECK(judgement.sentence == "the server's own words. Do this.");
    CHECK(judgement.verdict == from_table.verdict);
    CHECK(judgement.reason == from_table.reason);
  }
}
