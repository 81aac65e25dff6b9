#include "core/failure.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/format.h>

namespace readygate::core {
namespace {

// One line per meaning of the server's codes (error_codes.yml of the MongoDB server). The sentence says what to do; the
// server's own words come first. Anything not here is transient: a code we do not know may well pass.
struct ServerRule {
  std::array<int, 12> codes;  // 0 fills up
  Verdict verdict;
  Reason reason;
  std::string_view advice;
};

constexpr std::array kServerRules = {
    // HostUnreachable, HostNotFound, NetworkTimeout, SocketException
    ServerRule{
        {6, 7, 89, 9001}, Verdict::kTransient, Reason::kNetwork, "The server lost another member; this is retried."},
    // NotWritablePrimary, PrimarySteppedDown, NotPrimaryNoSecondaryOk, NotPrimaryOrSecondary
    ServerRule{{10107, 189, 13435, 13436},
               Verdict::kTransient,
               Reason::kNoPrimary,
               "Another member is being elected; this is retried. If it lasts, look at the replica set's status."},
    // ShutdownInProgress, InterruptedAtShutdown, InterruptedDueToReplStateChange
    ServerRule{{91, 11600, 11602},
               Verdict::kTransient,
               Reason::kNoPrimary,
               "The member is shutting down or changing its role; this is retried."},
    // LockTimeout, LockBusy, LockFailed, WriteConflict, FailedToSatisfyReadPreference, ExceededTimeLimit (old and new),
    // SnapshotUnavailable… and BackgroundOperationInProgressForNamespace: come again
    ServerRule{{24, 46, 50, 112, 117, 133, 215, 262, 276, 12587},
               Verdict::kTransient,
               Reason::kServerBusy,
               "The server is busy with it; this is retried."},
    ServerRule{
        {64},
        Verdict::kTransient,
        Reason::kWriteConcern,
        "A majority of the members did not acknowledge in time; this is retried. Look at the replica set's status."},
    // CannotSatisfyWriteConcern (too few members), OutOfDiskSpace
    ServerRule{{100},
               Verdict::kSlow,
               Reason::kWriteConcern,
               "The replica set has too few members for a majority; add members, or bring them back."},
    ServerRule{{14031}, Verdict::kSlow, Reason::kServerBusy, "The server is out of disk space; free some."},
    // UserNotFound: users are often made after the service
    ServerRule{
        {11}, Verdict::kSlow, Reason::kAuth, "The user of the URI does not exist yet; create it, or correct the URI."},
    ServerRule{
        {18},
        Verdict::kAuthGrace,
        Reason::kAuth,
        "Correct the user, password and authSource of the URI. A changed secret is picked up without a restart."},
    ServerRule{{13},
               Verdict::kPermanent,
               Reason::kNotAuthorized,
               "Grant the user the privileges that docs/mongodb.md lists, then retry."},
    ServerRule{{85, 86},
               Verdict::kPermanent,
               Reason::kConflict,
               "An index of that name or definition exists with other options; `readygate plan` shows both."},
    ServerRule{{166},
               Verdict::kPermanent,
               Reason::kConflict,
               "The name is taken by something that is not a collection; choose another, or remove it by hand."},
    // BadValue, FailedToParse, CommandNotFound, CannotCreateIndex, InvalidOptions, InvalidNamespace,
    // DocumentValidationFailure (in FerretDB 2.7: 525074461), InvalidIndexSpecificationOption
    ServerRule{{2, 9, 59, 67, 72, 73, 115, 121, 525'074'461, 197},
               Verdict::kPermanent,
               Reason::kRefused,
               "The server refuses the declaration, or does not know it; correct the schema file."},
    // CannotConvertIndexToUnique
    ServerRule{{359, 11000},
               Verdict::kPermanent,
               Reason::kDuplicates,
               "Documents share a key of a unique index; remove the duplicates, then retry."},
    // IndexNotFound, NamespaceExists, IndexAlreadyExists
    ServerRule{
        {27, 48, 68}, Verdict::kReread, Reason::kInitializing, "The catalog changed meanwhile; it is read again."},
};

struct DomainRule {
  Domain domain;
  Verdict verdict;
  Reason reason;
  std::string_view advice;
};

constexpr std::array kDomainRules = {
    DomainRule{Domain::kSelection, Verdict::kTransient, Reason::kNoPrimary,
               "No usable primary answered; this is retried. Check the hosts and the replicaSet name of the URI."},
    DomainRule{Domain::kResolution, Verdict::kTransient, Reason::kNameResolution,
               "The host name does not resolve; this is retried. Check the host in the URI, and the cluster's DNS."},
    DomainRule{Domain::kRefused, Verdict::kTransient, Reason::kConnectionRefused,
               "Nothing listens there; this is retried. Start the database, or correct the port in the URI."},
    DomainRule{Domain::kStream, Verdict::kTransient, Reason::kNetwork, "The connection broke; this is retried."},
    DomainRule{Domain::kStreamTimeout, Verdict::kTransient, Reason::kTimeout,
               "No answer in time; this is retried. Check the address, firewalls, and the server's load."},
    DomainRule{Domain::kTls, Verdict::kTransient, Reason::kTls,
               "The TLS handshake failed; this is retried. Set tls=true in the URI exactly when the server wants TLS, "
               "and a CA "
               "file that signed its certificate."},
    DomainRule{Domain::kTlsFile, Verdict::kPermanent, Reason::kCaFile,
               "Mount a readable PEM file at that path, or correct tlsCAFile or tlsCertificateKeyFile in the URI."},
    DomainRule{
        Domain::kAuth, Verdict::kAuthGrace, Reason::kAuth,
        "Correct the user, password and authSource of the URI. A changed secret is picked up without a restart."},
    DomainRule{Domain::kProtocol, Verdict::kPermanent, Reason::kServerTooOld,
               "The server speaks a protocol that this driver does not; MongoDB 4.2 or later is supported."},
    DomainRule{Domain::kConfiguration, Verdict::kPermanent, Reason::kConfigInvalid, "Correct the URI."},
    DomainRule{Domain::kOther, Verdict::kTransient, Reason::kNetwork, "This is retried."},
};

Judgement judgement(const Failure& failure, Verdict verdict, Reason reason, std::string_view advice) {
  std::string_view words = failure.message;
  if (!failure.advice.empty()) advice = failure.advice;
  while (!words.empty() && (words.back() == '.' || words.back() == ' ')) words.remove_suffix(1);
  if (words.empty()) return {verdict, reason, std::string(advice)};
  return {verdict, reason, fmt::format("{}. {}", words, advice)};
}

bool labelled(const Failure& failure, std::string_view label) {
  return std::find(failure.labels.begin(), failure.labels.end(), label) != failure.labels.end();
}

Judgement judge_server(const Failure& failure) {
  for (const ServerRule& rule : kServerRules) {
    if (std::find(rule.codes.begin(), rule.codes.end(), failure.code) == rule.codes.end()) continue;
    // Only a build meets existing documents: elsewhere a duplicate key is a race that reading again settles.
    if (failure.code == 11000 && failure.doing != Doing::kCreateIndexes && failure.doing != Doing::kModify) break;
    return judgement(failure, rule.verdict, rule.reason, rule.advice);
  }
  if (labelled(failure, "RetryableWriteError") || labelled(failure, "TransientTransactionError")) {
    return judgement(failure, Verdict::kTransient, Reason::kNetwork, "The server asks to retry; this is done.");
  }
  return judgement(failure, Verdict::kTransient, Reason::kServerBusy,
                   fmt::format("The server answered with code {}; this is retried.", failure.code));
}

}  // namespace

Judgement judge(const Failure& failure) {
  if (failure.domain == Domain::kServer && failure.code != 0) return judge_server(failure);
  for (const DomainRule& rule : kDomainRules) {
    if (rule.domain == failure.domain) return judgement(failure, rule.verdict, rule.reason, rule.advice);
  }
  return judgement(failure, Verdict::kTransient, Reason::kNetwork, "This is retried.");
}

}  // namespace readygate::core
