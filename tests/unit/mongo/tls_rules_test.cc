// Each finding about TLS has a sentence that names the server, and advice that can be followed.
#include <string>

#include <doctest/doctest.h>

#include "mongo/tls_rules.h"

namespace readygate::mongo {
namespace {

TlsFacts facts() {
  TlsFacts facts;
  facts.server = "db:27017";
  facts.name = "db";
  facts.which = "the certificate of db:27017";
  facts.date = "2026-01-02 03:04 UTC";
  facts.now = "2026-11-30 12:00 UTC";
  facts.names = "db.internal";
  facts.issuer = "CN=Their CA";
  facts.known = "those of tlsCAFile in the URI (/ca.pem)";
  facts.alert = "alert 80 (internal_error)";
  facts.file = "/client.pem";
  facts.detail = "tlsCertificateKeyFile of db:27017 is odd";
  return facts;
}

TEST_CASE("each finding is in the table once, and is said whole") {
  for (int i = 0; i <= static_cast<int>(TlsFinding::kOther); ++i) {
    const auto finding = static_cast<TlsFinding>(i);
    int rows = 0;
    for (const TlsRule& rule : tls_rules()) rows += rule.finding == finding ? 1 : 0;
    CAPTURE(i);
    CHECK(rows == 1);
    const core::Failure failure = tls_failure(finding, facts());
    const core::Judgement judgement = core::judge(failure);
    CAPTURE(judgement.sentence);
    CHECK(failure.message.find("db:27017") != std::string::npos);
    CHECK(judgement.sentence.find('{') == std::string::npos);
    CHECK(judgement.sentence.find(failure.advice) != std::string::npos);
    CHECK(failure.advice.ends_with('.'));
  }
}

TEST_CASE("only what a file of ours can mend is not retried") {
  for (const TlsRule& rule : tls_rules()) {
    CAPTURE(rule.sentence);
    const bool file = rule.finding == TlsFinding::kOwnExpired || rule.finding == TlsFinding::kOwnFile;
    const core::Judgement judgement = core::judge(tls_failure(rule.finding, facts()));
    CHECK((judgement.verdict == core::Verdict::kPermanent) == file);
    CHECK((judgement.reason == Reason::kCaFile) == file);
  }
}

TEST_CASE("what was found is in the sentence") {
  const auto says = [](TlsFinding finding, const char* words) {
    CHECK(core::judge(tls_failure(finding, facts())).sentence.find(words) != std::string::npos);
  };
  says(TlsFinding::kExpired, "expired on 2026-01-02 03:04 UTC; here it is 2026-11-30 12:00 UTC");
  says(TlsFinding::kWrongHost, "is for db.internal, and not for db.");
  says(TlsFinding::kWrongHost, "have a certificate made for db.");
  says(TlsFinding::kUnknownIssuer, "signed by CN=Their CA, which is not among those of tlsCAFile in the URI (/ca.pem)");
  says(TlsFinding::kInternalError, "alert 80 (internal_error)");
  says(TlsFinding::kInternalError, "access list");
  says(TlsFinding::kOwnExpired, "/client.pem");
}

}  // namespace
}  // namespace readygate::mongo
