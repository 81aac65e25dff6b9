// What a look at a TLS handshake may find, and for each finding what is said and what is advised: one table, which
// docs/operations.md shows.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "core/failure.h"

namespace readygate::mongo {

enum class TlsFinding {
  kExpired,
  kNotYetValid,
  kWrongHost,
  kUnknownIssuer,
  kSelfSigned,
  kRevoked,
  kOtherCertificate,
  kCertificateWanted,
  kOwnExpired,
  kOwnRefused,
  kOwnFile,
  kInternalError,
  kUnknownName,
  kNothingInCommon,
  kOtherAlert,
  kPlainServer,
  kPlainUri,
  kSilent,
  kClosed,
  kOther,
};

// What the sentences are filled with; each uses some.
struct TlsFacts {
  std::string server;  // "db.example:27017"
  std::string name;    // "db.example"
  std::string which;   // "the certificate of db.example:27017", or of an authority above it
  std::string date;
  std::string now;
  std::string names;   // those that the certificate is for
  std::string issuer;  // of the certificate
  std::string known;   // "tlsCAFile of the URI (/ca.pem)", or the system's list
  std::string alert;   // "alert 80 (internal error)"
  std::string file;    // the client certificate's
  std::string detail;  // OpenSSL's words
};

struct TlsRule {
  TlsFinding finding;
  core::Domain domain;
  std::string_view sentence;  // {server} and the like are facts
  std::string_view means;     // for the document
  std::string_view advice;
};
std::span<const TlsRule> tls_rules();

core::Failure tls_failure(TlsFinding finding, const TlsFacts& facts);

}  // namespace readygate::mongo
