#include "mongo/uri.h"

#include <array>
#include <limits>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <sys/stat.h>

#include "mongo/diagnose.h"
#include "mongo/driver.h"
#include "mongo/oidc.h"

namespace readygate::mongo {

namespace {

using core::Domain;
using core::Failure;

Failure configuration(std::string message) {
  return Failure{Domain::kConfiguration, 0, core::Doing::kConnect, std::move(message), {}};
}

// ------------------------------------------------------------------------------------------------ parsing, safely

// The URI without what must not be shown: everything up to the last '@' (an unescaped password may hold any character
// of a URI's syntax) and the values of options that are secrets.
std::string without_secrets(std::string_view uri, std::string_view scheme) {
  std::string_view rest = uri.substr(scheme.size());
  if (const auto at = rest.rfind('@'); at != std::string_view::npos) rest.remove_prefix(at + 1);
  std::string safe = fmt::format("{}{}", scheme, rest);
  const auto question = safe.find('?');
  if (question == std::string::npos) return safe;
  std::string result = safe.substr(0, question + 1);
  std::string_view options = std::string_view(safe).substr(question + 1);
  while (!options.empty()) {
    const auto end = std::min(options.find('&'), options.size());
    const std::string_view option = options.substr(0, end);
    const auto equals = std::min(option.find('='), option.size());
    std::string key(option.substr(0, equals));
    for (char& c : key) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    const bool secret = key.find("password") != std::string::npos || key == "authmechanismproperties";
    // What needs a user name cannot be judged without one.
    if (!secret && key != "authmechanism") {
      if (result.back() != '?') result += '&';
      result += option;
    }
    options.remove_prefix(std::min(end + 1, options.size()));
  }
  return result;
}

// What follows an unescaped '@' or '/' in a password is taken for a host or a database by libmongoc, and would be shown
// as one. Neither has an '@' in its name; the path of a UNIX socket may.
bool took_password_for_more(const mongoc_uri_t* uri) {
  const auto holds_at = [](const char* text) {
    return text && std::string_view(text).find('@') != std::string_view::npos;
  };
  for (const mongoc_host_list_t* host = mongoc_uri_get_hosts(uri); host; host = host->next) {
    if (host->host[0] != '/' && holds_at(host->host)) return true;
  }
  return holds_at(mongoc_uri_get_srv_hostname(uri)) || holds_at(mongoc_uri_get_database(uri));
}

Failure unreadable_credentials() {
  return configuration(
      "the MongoDB URI cannot be read: in the user name and password, write each of the characters "
      ": / ? # [ ] @ % as its percent escape, and check what the authMechanism needs");
}

tl::expected<UriHandle, Failure> parse(const std::string& text, std::vector<std::string>& notes) {
  constexpr std::array<std::string_view, 2> kSchemes{"mongodb://", "mongodb+srv://"};
  std::string_view scheme;
  for (const auto known : kSchemes) {
    if (text.starts_with(known)) scheme = known;
  }
  if (scheme.empty()) {
    return tl::unexpected(configuration("the MongoDB URI does not begin with mongodb:// or mongodb+srv://"));
  }
  bson_error_t error{};
  {
    const CapturedLog discarded;
    if (UriHandle uri{mongoc_uri_new_with_error(text.c_str(), &error)}) {
      if (took_password_for_more(uri.get())) return tl::unexpected(unreadable_credentials());
      const CapturedLog safe;
      const UriHandle again{mongoc_uri_new_with_error(without_secrets(text, scheme).c_str(), &error)};
      notes = safe.lines();
      return uri;
    }
  }
  // The driver quotes what it does not like, and that may be the password: only its words about the rest are shown.
  const CapturedLog discarded;
  if (const UriHandle rest{mongoc_uri_new_with_error(without_secrets(text, scheme).c_str(), &error)}) {
    return tl::unexpected(unreadable_credentials());
  }
  return tl::unexpected(configuration(fmt::format("the MongoDB URI cannot be read: {}", error.message)));
}

// ---------------------------------------------------------------------------------------------------- overrides

struct Override {
  const char* option;
  const char* why;
};

// Since libmongoc 2.3: how often it repeats what an overloaded server refused. Older ones never do.
constexpr const char* kAdaptiveRetries = "maxAdaptiveRetries";

constexpr const char* kPrimary = "readygate always asks the primary";
constexpr const char* kMajority = "readygate always reads and writes its own state with majority";
constexpr const char* kConnections = "mongodb.warm_connections and mongodb.parallelism decide about connections";
constexpr const char* kLimits = "readygate has its own time limits, and mongodb.connect_timeout";

constexpr std::array kOverrides{
    Override{"readPreference", kPrimary},
    Override{"maxStalenessSeconds", kPrimary},
    Override{"w", kMajority},
    Override{"journal", kMajority},
    Override{"wtimeoutMS", kMajority},
    Override{"retryWrites", "readygate decides itself which writes are repeated"},
    Override{kAdaptiveRetries, "readygate decides itself when an overloaded server is asked again"},
    Override{"appName", "servers see readygate by its own name"},
    Override{"maxPoolSize", kConnections},
    Override{"minPoolSize", kConnections},
    Override{"waitQueueTimeoutMS", kConnections},
    Override{"waitQueueMultiple", kConnections},
    Override{"maxIdleTimeMS", kConnections},
    Override{"connectTimeoutMS", kLimits},
    Override{"socketTimeoutMS", kLimits},
    Override{"serverSelectionTimeoutMS", kLimits},
    Override{"serverSelectionTryOnce", kLimits},
    Override{"heartbeatFrequencyMS", kLimits},
    Override{"socketCheckIntervalMS", kLimits},
};

std::string value_of(const bson_iter_t& value) {
  switch (bson_iter_type(&value)) {
    case BSON_TYPE_UTF8: return bson_iter_utf8(&value, nullptr);
    case BSON_TYPE_BOOL: return bson_iter_bool(&value) ? "true" : "false";
    case BSON_TYPE_INT32:
    case BSON_TYPE_INT64: return std::to_string(bson_iter_as_int64(&value));
    default: return "…";
  }
}

std::vector<std::string> overrides_of(const mongoc_uri_t* uri) {
  std::vector<std::string> lines;
  const bson_t* options = mongoc_uri_get_options(uri);
  for (const auto& [option, why] : kOverrides) {
    bson_iter_t value;
    if (!bson_iter_init_find_case(&value, options, option)) continue;
    const std::string text = value_of(value);
    const std::string_view name = option;
    const bool same = (name == "readPreference" && text == "primary") || (name == "retryWrites" && text == "false") ||
                      (name == "w" && text == "majority") || (name == kAdaptiveRetries && text == "0");
    if (!same) lines.push_back(fmt::format("{}={} of the URI is ignored: {}", option, text, why));
  }
  // libmongoc keeps these two beside the options.
  const char* level = mongoc_read_concern_get_level(mongoc_uri_get_read_concern(uri));
  if (level && std::string_view(level) != MONGOC_READ_CONCERN_LEVEL_MAJORITY) {
    lines.push_back(fmt::format("readConcernLevel={} of the URI is ignored: {}", level, kMajority));
  }
  const bson_t* tags = mongoc_read_prefs_get_tags(mongoc_uri_get_read_prefs_t(uri));
  if (tags && !bson_empty(tags)) {
    lines.push_back(fmt::format("readPreferenceTags of the URI are ignored: {}", kPrimary));
  }
  return lines;
}

std::int32_t ms(Millis duration) { return static_cast<std::int32_t>(duration.count()); }

// What they share.
UriHandle common(const mongoc_uri_t* from, const Settings& settings) {
  const CapturedLog discarded;
  UriHandle uri{mongoc_uri_copy(from)};
  const ReadPrefsHandle primary{mongoc_read_prefs_new(MONGOC_READ_PRIMARY)};
  mongoc_uri_set_read_prefs_t(uri.get(), primary.get());
  // Majority is said by the one find that needs it: listIndexes and the like do not take it on every server.
  const ReadConcernHandle unset{mongoc_read_concern_new()};
  mongoc_uri_set_read_concern(uri.get(), unset.get());
  mongoc_uri_set_appname(uri.get(), "readygate");
  mongoc_uri_set_option_as_bool(uri.get(), MONGOC_URI_RETRYWRITES, false);
  // The driver's own pauses would count against the time limits of a lease.
  if (mongoc_uri_option_is_int32(kAdaptiveRetries)) mongoc_uri_set_option_as_int32(uri.get(), kAdaptiveRetries, 0);
  mongoc_uri_set_option_as_int32(uri.get(), MONGOC_URI_CONNECTTIMEOUTMS, ms(settings.connect_timeout));
  mongoc_uri_set_option_as_int32(uri.get(), MONGOC_URI_SERVERSELECTIONTIMEOUTMS,
                                 ms(server_selection_timeout(settings)));
  // With one host and no option, libmongoc talks to just that host, be it a secondary. Other drivers look for the rest
  // of its replica set, and so will the application.
  if (!mongoc_uri_has_option(uri.get(), MONGOC_URI_DIRECTCONNECTION) &&
      !mongoc_uri_get_option_as_bool(uri.get(), MONGOC_URI_LOADBALANCED, false)) {
    mongoc_uri_set_option_as_bool(uri.get(), MONGOC_URI_DIRECTCONNECTION, false);
  }
  if (mongoc_uri_has_option(uri.get(), "minpoolsize")) mongoc_uri_set_option_as_int32(uri.get(), "minpoolsize", 0);
  return uri;
}

void set_majority(mongoc_uri_t* uri, Millis limit) {
  const WriteConcernHandle majority{mongoc_write_concern_new()};
  mongoc_write_concern_set_w(majority.get(), MONGOC_WRITE_CONCERN_W_MAJORITY);
  mongoc_write_concern_set_wtimeout_int64(majority.get(), limit.count());
  mongoc_uri_set_write_concern(uri, majority.get());
}

std::string hosts_of(const mongoc_uri_t* uri) {
  if (const char* service = mongoc_uri_get_srv_hostname(uri)) return service;
  std::string hosts;
  for (const mongoc_host_list_t* host = mongoc_uri_get_hosts(uri); host; host = host->next) {
    if (!hosts.empty()) hosts += ',';
    hosts += host->host_and_port;
  }
  return hosts;
}

std::string tls_file_problem(const mongoc_uri_t* uri) {
  const auto check = [&](const char* option, const char* shown, PemHolds holds) -> std::string {
    const char* path = mongoc_uri_get_option_as_utf8(uri, option, nullptr);
    return path ? pem_problem(shown, path, holds) : "";
  };
  std::string problem = check(MONGOC_URI_TLSCAFILE, "tlsCAFile", PemHolds::kCertificates);
  if (!problem.empty()) return problem;
  return check(MONGOC_URI_TLSCERTIFICATEKEYFILE, "tlsCertificateKeyFile", PemHolds::kCertificateAndKey);
}

Target target_of(const mongoc_uri_t* uri) {
  const auto text = [&](const char* option) {
    const char* value = mongoc_uri_get_option_as_utf8(uri, option, nullptr);
    return std::string(value ? value : "");
  };
  Target target;
  if (!mongoc_uri_get_srv_hostname(uri)) {
    for (const mongoc_host_list_t* host = mongoc_uri_get_hosts(uri); host; host = host->next) {
      target.hosts.push_back(Address{host->host, host->port}.shown());
    }
  }
  if (const char* set = mongoc_uri_get_replica_set(uri)) target.replica_set = set;
  const bool insecure = mongoc_uri_get_option_as_bool(uri, MONGOC_URI_TLSINSECURE, false);
  target.tls.wanted = mongoc_uri_get_tls(uri);
  target.tls.ca_file = text(MONGOC_URI_TLSCAFILE);
  target.tls.key_file = text(MONGOC_URI_TLSCERTIFICATEKEYFILE);
  target.tls.key_password = Secret(text(MONGOC_URI_TLSCERTIFICATEKEYFILEPASSWORD));
  target.tls.any_certificate = mongoc_uri_get_option_as_bool(uri, MONGOC_URI_TLSALLOWINVALIDCERTIFICATES, insecure);
  target.tls.any_host = mongoc_uri_get_option_as_bool(uri, MONGOC_URI_TLSALLOWINVALIDHOSTNAMES, insecure);
  return target;
}

}  // namespace

std::string tls_files(const Secret& uri) {
  std::vector<std::string> ignored;
  const auto parsed = parse(uri.reveal(), ignored);
  std::string all;
  if (!parsed) return all;
  for (const char* option : {MONGOC_URI_TLSCAFILE, MONGOC_URI_TLSCERTIFICATEKEYFILE}) {
    const char* path = mongoc_uri_get_option_as_utf8(parsed->get(), option, nullptr);
    if (path == nullptr) continue;
    struct stat file {};  // of what a link leads to: Kubernetes replaces the link
    if (::stat(path, &file) != 0) {
      all += fmt::format("{}: none\n", path);
      continue;
    }
    all += fmt::format("{}: {} {} {} {}.{}\n", path, file.st_dev, file.st_ino, file.st_size, file.st_mtim.tv_sec,
                       file.st_mtim.tv_nsec);
  }
  return all;
}

tl::expected<Uris, Failure> prepare(const Settings& settings) {
  Uris uris;
  if (settings.uri.empty()) return tl::unexpected(configuration("no MongoDB URI is configured"));
  if (const auto oidc = oidc_wanted(settings.uri.reveal())) {
    if (auto problem = oidc_problem(*oidc, Driver::version())) return tl::unexpected(std::move(*problem));
  }
  auto parsed = parse(settings.uri.reveal(), uris.notes);
  if (!parsed) return tl::unexpected(std::move(parsed.error()));
  const mongoc_uri_t* theirs = parsed->get();
  uris.target = target_of(theirs);
  std::string problem = tls_file_problem(theirs);
  if (problem.empty() && uris.target.tls.wanted) problem = tls_files_problem(uris.target.tls);
  if (!problem.empty()) {
    return tl::unexpected(Failure{Domain::kTlsFile, 0, core::Doing::kConnect, std::move(problem), {}});
  }
  uris.overrides = overrides_of(theirs);
  if (const char* own = mongoc_uri_get_database(theirs)) uris.database = own;
  uris.hosts = hosts_of(theirs);
  const char* user = mongoc_uri_get_username(theirs);
  const char* mechanism = mongoc_uri_get_auth_mechanism(theirs);
  uris.login = (user && *user) || (mechanism && *mechanism);

  const CapturedLog discarded;
  uris.ordinary = common(theirs, settings);
  set_majority(uris.ordinary.get(), kWriteConcernTimeout);
  mongoc_uri_set_option_as_int32(uris.ordinary.get(), MONGOC_URI_SOCKETTIMEOUTMS, ms(kSocketTimeout));
  mongoc_uri_set_option_as_int32(uris.ordinary.get(), MONGOC_URI_HEARTBEATFREQUENCYMS, ms(kHeartbeat));
  // More than can ever be in use, so that taking a client from the pool never waits.
  mongoc_uri_set_option_as_int32(uris.ordinary.get(), MONGOC_URI_MAXPOOLSIZE,
                                 settings.warm_connections + settings.parallelism + 8);

  uris.ledger.reset(mongoc_uri_copy(uris.ordinary.get()));
  // Where there is no primary it waits for one, as the monitors do.
  mongoc_uri_set_option_as_bool(uris.ledger.get(), MONGOC_URI_SERVERSELECTIONTRYONCE, false);

  uris.build = common(theirs, settings);
  set_majority(uris.build.get(), Millis(0));
  // libmongoc takes 0 for its default of five minutes and a negative number for an hour; this is 24 days.
  mongoc_uri_set_option_as_int32(uris.build.get(), MONGOC_URI_SOCKETTIMEOUTMS,
                                 std::numeric_limits<std::int32_t>::max());
  mongoc_uri_set_option_as_bool(uris.build.get(), MONGOC_URI_SERVERSELECTIONTRYONCE, true);

  // A renewal that hangs must leave time for another.
  const Millis limit = settings.lease_period / 8;
  uris.lease = common(theirs, settings);
  set_majority(uris.lease.get(), limit);
  mongoc_uri_set_option_as_int32(uris.lease.get(), MONGOC_URI_SOCKETTIMEOUTMS, ms(limit));
  mongoc_uri_set_option_as_int32(uris.lease.get(), MONGOC_URI_CONNECTTIMEOUTMS,
                                 ms(std::min(limit, settings.connect_timeout)));
  mongoc_uri_set_option_as_int32(uris.lease.get(), MONGOC_URI_SERVERSELECTIONTIMEOUTMS, ms(limit));
  return uris;
}

}  // namespace readygate::mongo
