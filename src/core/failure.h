// What went wrong in a call to the database, as the driver saw it, and the judgement of what it means. Codes of the
// driver collide with the server's, so a code is never looked at without its domain. What the server's codes mean is
// the table of core/server_rules.cc.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
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
  kDamaged,        // a document of readygate's own cannot be read as what it should be
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
  kSeed,     // documents of a seed
  kMigrate,  // a command of a migration
  kWriteLedger,
  kWarm,
  kPing
};

// Whether the server is asked for something that the schema file declares. The same question gets the same answer
// again; asked of a reading or a ping, an answer that we do not know may well pass.
bool declares(Doing doing);

// Of a document's _id, or of a key, at most so many bytes are shown (docs/mongodb.md).
inline constexpr std::size_t kMostShown = 80;

// A document that is known as the cause.
struct NamedDocument {
  std::string id;          // its _id, as JSON or as the server writes it; "": not known
  std::string path;        // the field, dotted; "": not known
  std::string query = {};  // for the shell, where the server names none: it finds the document; "": no query does
};

struct Failure {
  Domain domain = Domain::kOther;
  int code = 0;
  Doing doing = Doing::kConnect;
  std::string message;              // the driver's or the server's own words, without credentials
  std::vector<std::string> labels;  // errorLabels of the answer
  std::string advice = {};          // what to do, where whoever saw it knows better than the table; "": the table's
  NamedDocument document = {};
  Millis base_backoff{0};  // baseBackoffMS of the answer, of a server that is overloaded; 0: it names none
};

bool labelled(const Failure& failure, std::string_view label);
// The server refused the work because it has too much of it, whatever the code. The labels are those of the
// specification "client-backpressure" in https://github.com/mongodb/specifications.
bool overloaded(const Failure& failure);
// The same, and the server says that nothing of the command was done: so it may be sent again, whatever it does.
bool refused_undone(const Failure& failure);
// Of several commands an earlier one was done: the labels of a later one say nothing about them together.
void forget_undone(Failure& failure);

enum class Verdict {
  kTransient,  // again, with capped exponential backoff and full jitter
  kSlow,       // again at the slow pace, with a warning
  kReread,     // the catalog is not what we thought: read it again and go on
  kPermanent,  // waiting cannot mend it
  kAuthGrace,  // as kSlow until `init.auth_grace` is over, then as kPermanent: secrets arrive late
  kOnceMore,  // not known to pass: again once, and kPermanent when the same step gets the same answer (core/refusals.h)
};

struct Judgement {
  Verdict verdict;
  Reason reason;
  std::string sentence;  // for the operator: what happened (with the failure's own words) and what to do
  Origin origin = readygate::origin(reason);
  std::string answer = {};  // of kOnceMore: what was asked and what was answered, equal for the same step and code
  Millis base_backoff{0};   // of Reason::kOverloaded; 0: the server names none
};
Judgement judge(const Failure& failure);

}  // namespace readygate::core
