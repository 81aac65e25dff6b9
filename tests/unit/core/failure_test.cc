// Permanent or not, from (domain, code, what was being done): one line per rule.
#include <doctest/doctest.h>

#include <algorithm>
#include <initializer_list>
#include <string>

#include "core/failure.h"
#include "core/refusals.h"
#include "core/server_rules.h"

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

void each_is(std::initializer_list<int> codes, Verdict verdict, Doing doing = Doing::kCreateIndexes) {
  for (const int code : codes) {
    CAPTURE(code);
    const Judgement judgement = judge(server(code, doing));
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

TEST_CASE("an unknown code may pass where nothing is declared, and is asked for once more where something is") {
  for (const Doing doing :
       {Doing::kConnect, Doing::kReadLedger, Doing::kReadCatalog, Doing::kWriteLedger, Doing::kWarm, Doing::kPing}) {
    each_is({1, 8, 999'999, 31'000}, Verdict::kTransient, doing);
  }
  for (const Doing doing :
       {Doing::kCreateCollection, Doing::kCreateIndexes, Doing::kModify, Doing::kSeed, Doing::kMigrate}) {
    each_is({1, 8, 999'999, 31'000}, Verdict::kOnceMore, doing);
    CHECK(judge(server(8, doing)).origin == Origin::kDeclaration);
  }
}

TEST_CASE("a label that asks to retry makes every code transient that is not known to pass") {
  for (const char* label : {"RetryableWriteError", "TransientTransactionError", "RetryableError"}) {
    for (const int code : {8, 2, 13, 16755, 11000}) {
      Failure failure = server(code);
      failure.labels = {"Other", label};
      CAPTURE(label);
      CAPTURE(code);
      CHECK(judge(failure).verdict == Verdict::kTransient);
    }
  }
}

TEST_CASE("the second answer of a kind to a step is a refusal, whatever was answered in between") {
  Refusals refusals;
  Judgement first = judge(server(8));
  first.answer = "step one, code 8";
  Judgement second = first;
  second.answer = "step two, code 8";
  CHECK(refusals.weigh(first).verdict == Verdict::kTransient);
  CHECK(refusals.weigh(second).verdict == Verdict::kTransient);
  CHECK(refusals.weigh(first).verdict == Verdict::kPermanent);
  CHECK(refusals.weigh(second).verdict == Verdict::kPermanent);
  CHECK(refusals.weigh(judge(server(112))).verdict == Verdict::kTransient);
  refusals.clear();
  CHECK(refusals.weigh(first).verdict == Verdict::kTransient);
}

TEST_CASE("documents that are stored stop a step that looks at them") {
  for (const int code : {171, 201, 510, 511, 13027, 16755, 16756, 16766, 17262, 183493, 183934, 12370902}) {
    CAPTURE(code);
    for (const Doing doing : {Doing::kCreateIndexes, Doing::kModify}) {
      CHECK(judge(server(code, doing)).verdict == Verdict::kPermanent);
      CHECK(judge(server(code, doing)).origin == Origin::kDocuments);
      CHECK(judge(server(code, doing)).reason == Reason::kDocumentRefused);
    }
  }
  // What an update does not get from a document is the document's fault; asked of a collection, it is the file's.
  for (const int code : {14, 28, 121, 241}) {
    CAPTURE(code);
    CHECK(judge(server(code, Doing::kMigrate)).origin == Origin::kDocuments);
  }
  CHECK(judge(server(14, Doing::kCreateCollection)).origin == Origin::kDeclaration);
  CHECK(judge(server(121, Doing::kSeed)).origin == Origin::kDeclaration);
}

TEST_CASE("Atlas' one code is told apart by its words") {
  const struct {
    const char* words;
    Verdict verdict;
    Reason reason;
  } rows[] = {
      {"user is not allowed to do action [createCollection] on [a.b]", Verdict::kPermanent, Reason::kNotAuthorized},
      {"you are over your space quota, using 517 MB of 512 MB", Verdict::kPermanent, Reason::kQuotaExceeded},
      {"cannot create a new collection -- already using 500 collections of 500", Verdict::kPermanent,
       Reason::kQuotaExceeded},
      {"bad auth : Authentication failed.", Verdict::kAuthGrace, Reason::kAuth},
      {"CMD_NOT_ALLOWED: collMod", Verdict::kPermanent, Reason::kNotAllowed},
  };
  for (const auto& row : rows) {
    CAPTURE(row.words);
    Failure failure = server(8000);
    failure.message = row.words;
    CHECK(judge(failure).verdict == row.verdict);
    CHECK(judge(failure).reason == row.reason);
    CHECK(judge(failure).origin == Origin::kAccount);
  }
  CHECK(judge(server(8000, Doing::kPing)).verdict == Verdict::kTransient);
}

TEST_CASE("what the deployment does not allow, and blocked writes, are the account's") {
  for (const int code : {13, 148, 322, 323, 324, 371, 31082}) {
    CAPTURE(code);
    CHECK(judge(server(code)).origin == Origin::kAccount);
  }
  CHECK(judge(server(371)).verdict == Verdict::kSlow);
}

TEST_CASE("no code has two rules that hold in one place") {
  for (const ServerRule& rule : server_rules()) {
    for (const int code : rule.codes) {
      Failure failure = server(code);
      failure.message = rule.words;
      int fitting = 0;
      for (const ServerRule& other : server_rules()) {
        const bool has = std::find(other.codes.begin(), other.codes.end(), code) != other.codes.end();
        if (has && other.where == rule.where && other.words == rule.words) ++fitting;
      }
      CAPTURE(code);
      CHECK(fitting == 1);
    }
  }
}

TEST_CASE("the document that a server names stands in the sentence, with its path") {
  Failure failure = server(16755);
  failure.document = {R"({"$oid":"6570e3a1f0c2d4b5a6978812"})", "loc"};
  CHECK(judge(failure).sentence ==
        "the server's own words (document with _id {\"$oid\":\"6570e3a1f0c2d4b5a6978812\"}, field \"loc\"). Correct or "
        "remove that document, then retry.");
}

TEST_CASE("advice of whoever saw the failure stands in place of the table's") {
  Failure failure = server(13);
  failure.advice = "Do this.";
  CHECK(judge(failure).sentence == "the server's own words. Do this.");
}

TEST_CASE("too few members, a full disk and a user that is not there yet are retried slowly") {
  each_is({100, 14031, 11}, Verdict::kSlow);
}

TEST_CASE("permanent codes of the server fail") {
  each_is({2, 9, 13, 14, 59, 67, 72, 73, 85, 86, 115, 121, 166, 168, 197, 359, 31254, 40324}, Verdict::kPermanent);
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

TEST_CASE("an overloaded server is known by its label, whatever the code and whatever was asked") {
  for (const int code : {0, 433, 449, 450, 462, 463, 13, 67, 121, 999'999}) {
    for (const Doing doing : {Doing::kConnect, Doing::kReadLedger, Doing::kReadCatalog, Doing::kCreateCollection,
                              Doing::kCreateIndexes, Doing::kModify, Doing::kWriteLedger, Doing::kWarm, Doing::kPing}) {
      CAPTURE(code);
      Failure failure = server(code, doing);
      failure.labels = {"SystemOverloadedError"};
      failure.base_backoff = Millis(250);
      const Judgement judgement = judge(failure);
      CHECK(judgement.verdict == Verdict::kTransient);
      CHECK(judgement.reason == Reason::kOverloaded);
      CHECK(judgement.base_backoff == Millis(250));
      CHECK(overloaded(failure));
      CHECK_FALSE(refused_undone(failure));
      failure.labels.clear();
      CHECK(judge(failure).reason != Reason::kOverloaded);
    }
  }
  Failure driver = server(462);
  driver.domain = Domain::kStream;
  driver.labels = {"SystemOverloadedError"};  // some drivers mark a broken connection so
  CHECK_FALSE(overloaded(driver));
}

TEST_CASE("what an overloaded server has not begun may be sent again") {
  for (const char* label : {"RetryableError", "NoWritesPerformed"}) {
    Failure failure = server(462);
    failure.labels = {label};
    CHECK_FALSE(refused_undone(failure));
    failure.labels = {"SystemOverloadedError", label};
    CHECK(refused_undone(failure));
    forget_undone(failure);
    CHECK_FALSE(refused_undone(failure));
    CHECK(overloaded(failure));
  }
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
      {Domain::kDamaged, Verdict::kPermanent, Reason::kLedgerDamaged, "made anew"},
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
