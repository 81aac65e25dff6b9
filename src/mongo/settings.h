// What the database side needs to know of the validated configuration; and, beside it, where the ledger is.
#pragma once

#include <string>

#include "base/clock.h"
#include "base/secret.h"

namespace readygate::mongo {

struct Settings {
  Secret uri;
  int warm_connections = 4;  // 1 or more
  int parallelism = 4;       // calls in flight, 1 or more; a ping is always possible beside them
  Millis lease_period{20'000};
  std::string commit_quorum;     // of index builds: a number, "majority", "votingMembers" or a tag; "": the default
  Millis connect_timeout{2000};  // for name and TCP and TLS of one host, and for the first answer on it
};

struct LedgerPlace {
  std::string database;     // of the schema; the URI's own database serves authentication only
  std::string schema_name;  // _id of the control document
};

// How long an ordinary call waits for an answer. Steps of the schema wait without limit: an index build may take hours,
// and TCP keepalive (libmongoc's: 120 s idle, then 9 probes 10 s apart) finds a peer that is gone.
inline constexpr Millis kSocketTimeout{10'000};
// Less than the above, so that a missing majority is told by the server, not by a timeout.
inline constexpr Millis kWriteConcernTimeout{8'000};
// How often the driver's monitors ask, in the absence of news.
inline constexpr Millis kHeartbeat{5'000};
// How long a call waits for a usable server: one whole try to connect, and a little more so that the try's own error is
// there to be told. Longer waiting is the caller's, who can say what it waits for.
inline Millis server_selection_timeout(const Settings& settings) { return settings.connect_timeout + Millis(500); }

}  // namespace readygate::mongo
