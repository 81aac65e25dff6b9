// A TLS handshake of our own. libmongoc says of one that failed "certificate verify failed", or nothing but that the
// connection broke; what OpenSSL found, and the alert that the server sent, decide what must be done. It goes as far as
// the driver's would, with the same files and exceptions, and sends nothing afterwards: no command, no password.
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "base/secret.h"
#include "mongo/tls_rules.h"

namespace readygate::mongo {

// What the URI says of TLS.
struct TlsOptions {
  bool wanted = false;
  std::string ca_file;           // "": the system's authorities
  std::string key_file;          // certificate and key of the client; ""
  Secret key_password;           // of that key
  bool any_certificate = false;  // tlsAllowInvalidCertificates
  bool any_host = false;         // tlsAllowInvalidHostnames
};

struct TlsSeen {
  TlsFinding finding = TlsFinding::kOther;
  TlsFacts facts;
};

// On a connected, non-blocking socket, for at most `limit` (and half of it once more where the server asked for a
// certificate: TLS 1.3 refuses one after the handshake). `host` and `shown` are the server's, without and with its
// port. None: nothing is wrong.
std::optional<TlsSeen> look_at_tls(int socket, const std::string& host, const std::string& shown,
                                   const TlsOptions& options, Millis limit);

// Why OpenSSL cannot use the files that the URI names, as one sentence with the path; "" when it can. Never asks
// anybody for a passphrase.
std::string tls_files_problem(const TlsOptions& options);

}  // namespace readygate::mongo
