#include "core/failure.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/server_rules.h"

namespace readygate::core {
namespace {

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
    DomainRule{
        Domain::kDamaged, Verdict::kPermanent, Reason::kLedgerDamaged,
        "Restore that document, or remove it while no other replica initializes: it is made anew, and the schema "
        "is compared with the database once more."},
    DomainRule{Domain::kOther, Verdict::kTransient, Reason::kNetwork, "This is retried."},
};

constexpr std::string_view kOverloadedLabel = "SystemOverloadedError";
constexpr std::array<std::string_view, 2> kUndoneLabels = {"RetryableError", "NoWritesPerformed"};

std::string sentence_of(const Failure& failure, std::string_view advice) {
  std::string_view words = failure.message;
  while (!words.empty() && (words.back() == '.' || words.back() == ' ')) words.remove_suffix(1);
  if (!failure.advice.empty()) advice = failure.advice;
  if (words.empty()) return std::string(advice);
  const auto& [id, path, query] = failure.document;
  std::vector<std::string> named;
  if (!id.empty()) named.push_back(fmt::format("document with _id {}", id));
  if (!path.empty()) named.push_back(fmt::format("field \"{}\"", path));
  return fmt::format("{}{}.{} {}", words, named.empty() ? "" : fmt::format(" ({})", fmt::join(named, ", ")),
                     query.empty() ? "" : fmt::format(" This finds it: {}.", query), advice);
}

// A server that has a code for it, and does not say that it may pass.
Judgement judge_unknown(const Failure& failure) {
  if (!declares(failure.doing)) {
    return {Verdict::kTransient, Reason::kServerBusy,
            sentence_of(failure, fmt::format("The server answered with code {}; this is retried.", failure.code))};
  }
  return {Verdict::kOnceMore, Reason::kRefused,
          sentence_of(failure, fmt::format("The server refuses it with code {}. Correct the schema file, or what the "
                                           "message names, then retry.",
                                           failure.code)),
          Origin::kDeclaration, fmt::format("code {}", failure.code)};
}

Judgement judge_server(const Failure& failure) {
  if (overloaded(failure)) {
    Judgement overload{Verdict::kTransient, Reason::kOverloaded,
                       sentence_of(failure, "The server is overloaded; it is asked again, ever more rarely.")};
    overload.base_backoff = failure.base_backoff;
    return overload;
  }
  const ServerRule* rule = rule_for(failure);
  const bool known = rule != nullptr && rule->verdict != Verdict::kPermanent;
  if (!known && (labelled(failure, "RetryableWriteError") || labelled(failure, "TransientTransactionError") ||
                 labelled(failure, "RetryableError"))) {
    return {Verdict::kTransient, Reason::kNetwork, sentence_of(failure, "The server asks to retry; this is done.")};
  }
  if (rule == nullptr) return judge_unknown(failure);
  return {rule->verdict, rule->reason, sentence_of(failure, rule->advice)};
}

}  // namespace

bool declares(Doing doing) {
  switch (doing) {
    case Doing::kCreateCollection:
    case Doing::kCreateIndexes:
    case Doing::kModify:
    case Doing::kSeed:
    case Doing::kMigrate: return true;
    case Doing::kConnect:
    case Doing::kReadLedger:
    case Doing::kReadCatalog:
    case Doing::kWriteLedger:
    case Doing::kWarm:
    case Doing::kPing: return false;
  }
  return false;
}

bool labelled(const Failure& failure, std::string_view label) {
  return std::find(failure.labels.begin(), failure.labels.end(), label) != failure.labels.end();
}

bool overloaded(const Failure& failure) {
  return failure.domain == Domain::kServer && labelled(failure, kOverloadedLabel);
}

bool refused_undone(const Failure& failure) {
  return overloaded(failure) && std::any_of(kUndoneLabels.begin(), kUndoneLabels.end(),
                                            [&](std::string_view label) { return labelled(failure, label); });
}

void forget_undone(Failure& failure) {
  for (const std::string_view label : kUndoneLabels) std::erase(failure.labels, label);
}

Judgement judge(const Failure& failure) {
  if (failure.domain == Domain::kServer && (failure.code != 0 || overloaded(failure))) return judge_server(failure);
  for (const DomainRule& rule : kDomainRules) {
    if (rule.domain == failure.domain) return {rule.verdict, rule.reason, sentence_of(failure, rule.advice)};
  }
  return {Verdict::kTransient, Reason::kNetwork, sentence_of(failure, "This is retried.")};
}

}  // namespace readygate::core
