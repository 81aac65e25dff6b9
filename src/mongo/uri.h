// From the user's connection string to the three that are used: for ordinary calls, for steps of the schema, and for
// the lease. What matters for correctness (primary, majority, time limits) is ours and not the URI's; each thing that
// is overridden is listed, for `readygate check`. No error, override or note ever holds a part of the user name or
// password.
#pragma once

#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "base/secret.h"
#include "core/failure.h"
#include "mongo/handles.h"
#include "mongo/settings.h"
#include "mongo/target.h"

namespace readygate::mongo {

struct Uris {
  UriHandle ordinary;
  UriHandle ledger;                    // as ordinary; for a client of one thread
  UriHandle build;                     // no time limit on answers; for a client of one thread
  UriHandle lease;                     // all limits within an eighth of its period; for a client of one thread
  std::vector<std::string> overrides;  // "readPreference=secondary of the URI is ignored: …"
  std::vector<std::string> notes;      // what the driver finds odd: unknown options
  std::string hosts;                   // "a:27017,b:27017", or the SRV name
  std::string database;                // the URI's own, for authentication; "" without one
  Target target;
  bool login = false;  // it has a user, or a mechanism that needs none
};

// Looks at the URI and at the TLS files that it names; connects to nothing. Fails with Domain::kConfiguration or
// kTlsFile. Any thread; a Driver must live.
tl::expected<Uris, core::Failure> prepare(const Settings& settings);

// Which content the TLS files have that the URI names: another text when one of them was changed, replaced, or came.
// "" for none. Reads none of them. Any thread; a Driver must live.
std::string tls_files(const Secret& uri);

// A file of certificates that cannot be used, as one sentence with the path and the reason; "" when it looks good.
enum class PemHolds { kCertificates, kCertificateAndKey };
std::string pem_problem(const std::string& option, const std::string& path, PemHolds holds);

}  // namespace readygate::mongo
