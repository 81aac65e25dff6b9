// What the driver reports, as what the core judges.
#include <cstdio>
#include <string>

#include <doctest/doctest.h>
#include <mongoc/mongoc.h>

#include "mongo/errors.h"
#include "schema/document.h"

namespace readygate::mongo {
namespace {

using core::Doing;
using core::Domain;

bson_error_t error_of(mongoc_error_domain_t domain, std::uint32_t code, const char* message) {
  bson_error_t error{};
  bson_set_error(&error, domain, code, "%s", message);
  return error;
}

TEST_CASE("each report of the driver has its domain") {
  struct Row {
    mongoc_error_domain_t domain;
    std::uint32_t code;
    const char* message;
    Domain expected;
  };
  // The sentences are those of libmongoc 1.23.1, seen or read in its source.
  const Row rows[] = {
      {MONGOC_ERROR_SERVER, 86, "Index already exists with a different name", Domain::kServer},
      {MONGOC_ERROR_SERVER, 18, "Authentication failed.", Domain::kAuth},
      {MONGOC_ERROR_WRITE_CONCERN, 64, "waiting for replication timed out", Domain::kServer},
      {MONGOC_ERROR_CLIENT, MONGOC_ERROR_CLIENT_AUTHENTICATE, "Authentication failed.", Domain::kAuth},
      {MONGOC_ERROR_CLIENT, MONGOC_ERROR_CLIENT_AUTHENTICATE, "No username provided for X509 authentication.",
       Domain::kAuth},
      {MONGOC_ERROR_CLIENT, MONGOC_ERROR_CLIENT_AUTHENTICATE, "Failed to read 4 bytes: socket error or timeout",
       Domain::kStream},
      {MONGOC_ERROR_SCRAM, MONGOC_ERROR_SCRAM_PROTOCOL_ERROR, "SCRAM Failure: invalid salt length", Domain::kAuth},
      {MONGOC_ERROR_STREAM, MONGOC_ERROR_STREAM_NAME_RESOLUTION, "Failed to resolve host", Domain::kResolution},
      {MONGOC_ERROR_STREAM, MONGOC_ERROR_STREAM_CONNECT, "Failed to connect to target host: h:1", Domain::kStream},
      {MONGOC_ERROR_STREAM, MONGOC_ERROR_STREAM_SOCKET, "TLS handshake failed: wrong version number", Domain::kTls},
      {MONGOC_ERROR_STREAM, MONGOC_ERROR_STREAM_SOCKET, "TLS handshake timed out.", Domain::kTls},
      {MONGOC_ERROR_STREAM, MONGOC_ERROR_STREAM_SOCKET, "Failed initialize TLS state.", Domain::kTlsFile},
      {MONGOC_ERROR_STREAM, MONGOC_ERROR_STREAM_SOCKET, "connection timeout while polling", Domain::kStreamTimeout},
      {MONGOC_ERROR_STREAM, MONGOC_ERROR_STREAM_SOCKET,
       "Failed to send \"find\" command with database \"x\": Failed to read 4 bytes: socket error or timeout",
       Domain::kStream},
      {MONGOC_ERROR_PROTOCOL, MONGOC_ERROR_PROTOCOL_BAD_WIRE_VERSION,
       "Server at h:1 reports wire version 2, but this version of libmongoc requires at least 6 (MongoDB 3.6)",
       Domain::kProtocol},
      {MONGOC_ERROR_PROTOCOL, MONGOC_ERROR_PROTOCOL_INVALID_REPLY, "Invalid reply from server.", Domain::kStream},
      {MONGOC_ERROR_SERVER_SELECTION, MONGOC_ERROR_SERVER_SELECTION_FAILURE,
       "No suitable servers found: `serverSelectionTimeoutMS` expired", Domain::kSelection},
      {MONGOC_ERROR_SERVER_SELECTION, MONGOC_ERROR_SERVER_SELECTION_FAILURE,
       "No suitable servers found (`serverSelectionTryOnce` set): [connection refused calling hello on 'h:1']",
       Domain::kRefused},
      {MONGOC_ERROR_SERVER_SELECTION, MONGOC_ERROR_SERVER_SELECTION_FAILURE,
       "No suitable servers found (`serverSelectionTryOnce` set): [connection timeout calling hello on 'h:1']",
       Domain::kStreamTimeout},
      {MONGOC_ERROR_SERVER_SELECTION, MONGOC_ERROR_SERVER_SELECTION_FAILURE,
       "No suitable servers found (`serverSelectionTryOnce` set): [Failed to resolve 'h']", Domain::kResolution},
      {MONGOC_ERROR_SERVER_SELECTION, MONGOC_ERROR_SERVER_SELECTION_FAILURE,
       "No suitable servers found (`serverSelectionTryOnce` set): [TLS handshake failed: x calling hello on 'h:1']",
       Domain::kTls},
      {MONGOC_ERROR_COMMAND, MONGOC_ERROR_COMMAND_INVALID_ARG, "Empty command document", Domain::kOther},
  };
  for (const Row& row : rows) {
    CAPTURE(row.message);
    const core::Failure failure =
        failure_from(error_of(row.domain, row.code, row.message), nullptr, Doing::kReadLedger);
    CHECK(failure.domain == row.expected);
    CHECK(failure.message == row.message);
    CHECK((failure.doing == Doing::kConnect) == concerns_connection(row.expected));
  }
}

TEST_CASE("codes of the driver are not taken for the server's") {
  // 11000 is the server's duplicate key; 64 its write concern. The driver uses both numbers for its own purposes.
  const auto failure = failure_from(error_of(MONGOC_ERROR_STREAM, 11000, "x"), nullptr, Doing::kPing);
  CHECK(failure.domain == Domain::kStream);
}

TEST_CASE("every phrase of the table is found, and the first that fits wins") {
  for (const Phrase& phrase : phrases()) {
    CAPTURE(phrase.part);
    CHECK(domain_of_sentence(std::string("some words: ") + std::string(phrase.part), Domain::kOther) == phrase.domain);
    CHECK_FALSE(phrase.seen_in.empty());
  }
  CHECK(domain_of_sentence("TLS handshake failed: connection timed out", Domain::kOther) == Domain::kTls);
  CHECK(domain_of_sentence("nothing known", Domain::kSelection) == Domain::kSelection);
}

TEST_CASE("who is refused without having logged in lacks a user, not privileges") {
  struct Row {
    int code;
    const char* message;
    bool nobody;
  };
  const Row rows[] = {
      {13, "command find requires authentication", true},
      {13, "not authorized on shop to execute command { find: \"orders\", filter: { secret: 7 } }", true},
      {8000, "user is not allowed to do action [find] on [shop.orders]", true},
      {8000, "not authorized on admin to execute command", true},
      {8000, "you are over your space quota, using 513 MB of 512 MB", false},
      {59, "no such command", false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.message);
    const core::Failure seen = failure_from(
        error_of(MONGOC_ERROR_SERVER, static_cast<std::uint32_t>(row.code), row.message), nullptr, Doing::kReadLedger);
    const core::Failure failure = as_nobody(seen);
    CHECK(failure.code == row.code);
    CHECK((failure.domain == Domain::kAuth) == row.nobody);
    if (!row.nobody) continue;
    const core::Judgement judgement = core::judge(failure);
    CHECK(judgement.reason == Reason::kAuth);
    CHECK(judgement.verdict == core::Verdict::kAuthGrace);
    CHECK(judgement.sentence.starts_with("the server wants a user, and the URI has none"));
    CHECK(judgement.sentence.find("Write a user and password into the URI") != std::string::npos);
    CHECK(judgement.sentence.find("rant") == std::string::npos);
    CHECK(judgement.sentence.find("secret: 7") == std::string::npos);
  }
  // A code of the driver is not the server's.
  CHECK(as_nobody(failure_from(error_of(MONGOC_ERROR_STREAM, 13, "x"), nullptr, Doing::kPing)).domain ==
        Domain::kStream);
}

TEST_CASE("the pause that an overloaded server names comes along, in any type of integer") {
  const struct {
    const char* reply;
    int pause;
  } rows[] = {{R"({"ok": 0})", 0},
              {R"({"ok": 0, "baseBackoffMS": 250})", 250},
              {R"({"ok": 0, "baseBackoffMS": {"$numberLong": "250"}})", 250},
              {R"({"ok": 0, "baseBackoffMS": 1e300})", 0},
              {R"({"ok": 0, "baseBackoffMS": -1})", 0},
              {R"({"ok": 0, "baseBackoffMS": "soon"})", 0}};
  bson_error_t error{};
  error.domain = MONGOC_ERROR_SERVER;
  error.code = 462;
  for (const auto& row : rows) {
    CAPTURE(row.reply);
    const auto reply = schema::Document::from_json(row.reply);
    REQUIRE(reply);
    CHECK(failure_from(error, reply->get(), Doing::kPing).base_backoff == Millis(row.pause));
  }
  CHECK(failure_from(error, nullptr, Doing::kPing).base_backoff == Millis(0));
}

TEST_CASE("labels come along") {
  const auto reply = schema::Document::from_json(R"({"ok": 0, "errorLabels": ["RetryableWriteError", 7, "X"]})");
  const auto failure = failure_from(error_of(MONGOC_ERROR_SERVER, 91, "shutdown"), reply->get(), Doing::kWriteLedger);
  CHECK(failure.labels == std::vector<std::string>{"RetryableWriteError", "X"});
  CHECK(failure.code == 91);
}

TEST_CASE("an answer that is ok may still be a failed write") {
  const auto failed = [](const char* json, core::Failure& failure) {
    return write_failed(*schema::Document::from_json(json)->get(), Doing::kWriteLedger, failure);
  };
  core::Failure failure;
  CHECK_FALSE(failed(R"({"ok": 1, "n": 1})", failure));
  CHECK_FALSE(failed(R"({"ok": 1, "writeErrors": []})", failure));
  REQUIRE(
      failed(R"({"ok": 1, "n": 0, "writeErrors": [{"index": 0, "code": 11000, "errmsg": "E11000 dup"}]})", failure));
  CHECK(failure.domain == Domain::kServer);
  CHECK(failure.code == 11000);
  CHECK(failure.message == "E11000 dup");
  CHECK(failure.doing == Doing::kWriteLedger);
  REQUIRE(failed(R"({"ok": 1, "value": {"_id": 1}, "writeConcernError": {"code": 64, "codeName": "WriteConcernFailed",
                     "errmsg": "waiting for replication timed out", "errInfo": {"wtimeout": true}},
                     "errorLabels": ["RetryableWriteError"]})",
                 failure));
  CHECK(failure.code == 64);
  CHECK(failure.message == "waiting for replication timed out");
  CHECK(failure.labels == std::vector<std::string>{"RetryableWriteError"});
}

}  // namespace
}  // namespace readygate::mongo
