// What went wrong in a call to the database, as the driver saw it, and the one table that decides what it means. Codes
// of the driver collide with the server's, so a code is never looked at without its domain.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"

namespace readygate::core {

enum class Domain {
  kServer,         // the server's answer holds an error; `code` is the server's
  kSelection,      // no suitable server within serverSelectionTimeoutMS
  kResolution,     // a host name does not resolve
  kRefused,        // connect() refused
  kStream,         // a connection broke
  kStreamTimeout,  // no answer in time
  kTls,            // handshake
  kTlsFile,        // a CA or key file of the URI cannot be used
  kAuth,           // the driver's own authentication error; code 18 of the server counts as this too
  kProtocol,       // wire version or protocol error
  kConfiguration,  // the URI cannot be used
  kOther,
};

// What was being done: the same code means different things in different places.
enum class Doing {
  kConnect,
  kReadLedger,
  kReadCatalog,
  kCreateCollection,
  kCreateIndexes,
  kModify,
  kWriteLedger,
  kWarm,
  kPing
};

struct Failure {
  Domain domain = Domain::kOther;
  int code = 0;
  Doing doing = Doing::kConnect;
  std::string message;              // the driver's or the server's own words, without credentials
  std::vector<std::string> labels;  // errorLabels of the answer
  // What to do, where whoever saw the failure knows the cause better than the table does: it takes the table's place in
  // the sentence. One or more whole sentences.
  std::string advice = {};
};

enum class Verdict {
  kTransient,  // again, with capped exponential backoff and full jitter
  kSlow,       // again at the slow pace, with a warning
  kReread,     // the catalog is not what we thought: read it again and go on
  kPermanent,  // waiting cannot mend it
  kAuthGrace,  // as kSlow until `init.auth_grace` is over, then as kPermanent: secrets arrive late
};

struct Judgement {
  Verdict verdict;
  Reason reason;
  std::string sentence;  // for the operator: what happened (with the failure's own words) and what to do
};
Judgement judge(const Failure& failure);

}  // namespace readygate::core
