#include "mongo/errors.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include <fmt/format.h>
#include <mongoc/mongoc.h>

#include "core/server_codes.h"

namespace readygate::mongo {

namespace {

using core::Doing;
using core::Domain;
using core::Failure;

constexpr int kAtlasError = 8000;

// The order matters: a TLS handshake may fail by a timeout, and it is TLS that needs looking at.
constexpr std::array kPhrases{
    Phrase{"Failed initialize TLS state", Domain::kTlsFile, "1.23 to 2.5"},
    Phrase{"TLS handshake", Domain::kTls, "1.23 to 2.5"},
    Phrase{"Failed to resolve", Domain::kResolution, "1.23 to 2.5"},
    Phrase{"Failed to look up", Domain::kResolution, "1.23 to 2.5 (SRV records)"},
    Phrase{"No SRV records", Domain::kResolution, "1.23 to 2.5"},
    Phrase{"SRV response did not contain any valid hosts", Domain::kResolution, "1.23 to 2.5"},
    Phrase{"reports wire version", Domain::kProtocol, "1.23 to 2.5"},
    Phrase{"requires wire version", Domain::kProtocol, "1.23 to 2.5"},
    Phrase{"Authentication failed", Domain::kAuth, "1.23 to 2.5"},
    Phrase{"connection refused", Domain::kRefused, "1.23 to 2.5 (a client of one thread)"},
    Phrase{"Connection refused", Domain::kRefused, "1.23 to 2.5 (UNIX sockets)"},
    Phrase{"connection timeout", Domain::kStreamTimeout, "1.23 to 2.5"},
    Phrase{"connection timed out", Domain::kStreamTimeout, "1.23 to 2.5"},
    Phrase{"Failed to connect to target host", Domain::kStream, "1.23 to 2.5"},
    Phrase{"Failed to connect to UNIX domain socket", Domain::kStream, "1.23 to 2.5"},
    Phrase{"socket error or timeout", Domain::kStream, "1.23 to 2.5"},
    Phrase{"Failure during socket delivery", Domain::kStream, "1.23 to 2.5"},
    Phrase{"connection closed", Domain::kStream, "1.23 to 2.5"},
    Phrase{"connection error", Domain::kStream, "1.23 to 2.5"},
};

Domain domain_of(const bson_error_t& error) {
  const std::string_view message = error.message;
  switch (error.domain) {
    case MONGOC_ERROR_SERVER: return error.code == 18 ? Domain::kAuth : Domain::kServer;
    case MONGOC_ERROR_WRITE_CONCERN: return Domain::kServer;  // the code is the server's
    case MONGOC_ERROR_SERVER_SELECTION:
      return error.code == MONGOC_ERROR_SERVER_SELECTION_BAD_WIRE_VERSION
                 ? Domain::kProtocol
                 : domain_of_sentence(message, Domain::kSelection);
    case MONGOC_ERROR_STREAM:
      if (error.code == MONGOC_ERROR_STREAM_NAME_RESOLUTION) return Domain::kResolution;
      return domain_of_sentence(message, Domain::kStream);
    // An answer that is no answer (another protocol listens there, or bytes were lost) is a broken connection.
    case MONGOC_ERROR_PROTOCOL:
      return error.code == MONGOC_ERROR_PROTOCOL_BAD_WIRE_VERSION ? Domain::kProtocol : Domain::kStream;
    case MONGOC_ERROR_SCRAM:
    case MONGOC_ERROR_SASL: return Domain::kAuth;
    case MONGOC_ERROR_CLIENT:
      if (error.code == MONGOC_ERROR_CLIENT_AUTHENTICATE) {
        // A connection that breaks in the middle of authentication is reported as its failure.
        const Domain inner = domain_of_sentence(message, Domain::kAuth);
        return inner == Domain::kStream || inner == Domain::kStreamTimeout ? inner : Domain::kAuth;
      }
      return domain_of_sentence(message, Domain::kOther);
    case MONGOC_ERROR_COMMAND:
      return error.code == MONGOC_ERROR_PROTOCOL_BAD_WIRE_VERSION ? Domain::kProtocol : Domain::kOther;
    default: return domain_of_sentence(message, Domain::kOther);
  }
}

std::vector<std::string> labels_of(const bson_t* reply) {
  std::vector<std::string> labels;
  bson_iter_t iter;
  bson_iter_t element;
  if (!reply || !bson_iter_init_find(&iter, reply, "errorLabels") || !BSON_ITER_HOLDS_ARRAY(&iter) ||
      !bson_iter_recurse(&iter, &element)) {
    return labels;
  }
  while (bson_iter_next(&element)) {
    if (BSON_ITER_HOLDS_UTF8(&element)) labels.emplace_back(bson_iter_utf8(&element, nullptr));
  }
  return labels;
}

Millis base_backoff_of(const bson_t* reply) {
  bson_iter_t iter;
  if (!reply || !bson_iter_init_find(&iter, reply, "baseBackoffMS") || !BSON_ITER_HOLDS_INT(&iter)) {
    return Millis(0);
  }
  return Millis(std::max<std::int64_t>(0, bson_iter_as_int64(&iter)));
}

// The code and message of one {code, errmsg} document.
Failure server_failure(bson_iter_t* inside, const bson_t& reply, Doing doing) {
  Failure failure{Domain::kServer, 0, doing, "the server gives no reason", labels_of(&reply)};
  failure.base_backoff = base_backoff_of(&reply);
  while (bson_iter_next(inside)) {
    const std::string_view key = bson_iter_key(inside);
    if (key == "code" && BSON_ITER_HOLDS_NUMBER(inside)) {
      failure.code = static_cast<int>(bson_iter_as_int64(inside));
    } else if (key == "errmsg" && BSON_ITER_HOLDS_UTF8(inside)) {
      failure.message = bson_iter_utf8(inside, nullptr);
    }
  }
  return failure;
}

}  // namespace

std::span<const Phrase> phrases() { return kPhrases; }

Domain domain_of_sentence(std::string_view sentence, Domain otherwise) {
  for (const Phrase& phrase : kPhrases) {
    if (sentence.find(phrase.part) != std::string_view::npos) return phrase.domain;
  }
  return otherwise;
}

bool concerns_connection(Domain domain) {
  switch (domain) {
    case Domain::kSelection:
    case Domain::kResolution:
    case Domain::kRefused:
    case Domain::kTls:
    case Domain::kTlsFile:
    case Domain::kAuth:
    case Domain::kConfiguration: return true;
    default: return false;
  }
}

Failure failure_from(const bson_error_t& error, const bson_t* reply, Doing doing) {
  Failure failure{domain_of(error), static_cast<int>(error.code), doing, error.message, labels_of(reply)};
  failure.base_backoff = base_backoff_of(reply);
  if (concerns_connection(failure.domain)) failure.doing = Doing::kConnect;
  return failure;
}

Failure as_nobody(Failure failure) {
  if (failure.domain != Domain::kServer) return failure;
  const auto says = [&](std::string_view part) { return failure.message.find(part) != std::string::npos; };
  // AtlasError: the proxies in front of Atlas' servers have this one number for many things, also for a full disk.
  const bool refused =
      failure.code == core::code::kUnauthorized ||
      (failure.code == kAtlasError && (says("not allowed") || says("not authorized") || says("unauthorized") ||
                                       says("requires authentication") || says("bad auth") || says("no auth")));
  if (!refused) return failure;
  return {Domain::kAuth,
          failure.code,
          Doing::kConnect,
          fmt::format("the server wants a user, and the URI has none (code {})", failure.code),
          {},
          "Write a user and password into the URI (mongodb://USER:PASSWORD@HOST/?authSource=admin), or the "
          "authMechanism that the server expects. A changed secret is picked up without a restart."};
}

bool write_failed(const bson_t& reply, Doing doing, Failure& failure) {
  bson_iter_t iter;
  bson_iter_t inside;
  if (bson_iter_init_find(&iter, &reply, "writeErrors") && BSON_ITER_HOLDS_ARRAY(&iter) &&
      bson_iter_recurse(&iter, &inside) && bson_iter_next(&inside) && BSON_ITER_HOLDS_DOCUMENT(&inside)) {
    bson_iter_t first;
    if (bson_iter_recurse(&inside, &first)) {
      failure = server_failure(&first, reply, doing);
      return true;
    }
  }
  if (bson_iter_init_find(&iter, &reply, "writeConcernError") && BSON_ITER_HOLDS_DOCUMENT(&iter) &&
      bson_iter_recurse(&iter, &inside)) {
    failure = server_failure(&inside, reply, doing);
    return true;
  }
  return false;
}

}  // namespace readygate::mongo
