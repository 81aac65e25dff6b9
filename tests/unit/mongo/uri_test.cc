// The URI: what is overridden and said, and that no part of a password is ever shown.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "driver.h"
#include "mongo/uri.h"

namespace readygate::mongo {
namespace {

Settings settings(const std::string& uri) {
  testing::driver();
  Settings settings;
  settings.uri = Secret(uri);
  return settings;
}

Uris good(const std::string& uri) {
  auto uris = prepare(settings(uri));
  if (!uris) FAIL(uri << ": " << uris.error().message);
  return std::move(*uris);
}

std::int32_t number(const UriHandle& uri, const char* option) {
  return mongoc_uri_get_option_as_int32(uri.get(), option, -1);
}

TEST_CASE("both URIs are for the primary and majority, whatever the user's says") {
  for (const char* text : {"mongodb://host/",
                           "mongodb://host/?readPreference=secondary&w=1&readConcernLevel=local"
                           "&retryWrites=true&maxPoolSize=1&socketTimeoutMS=1&connectTimeoutMS=1"
                           "&serverSelectionTimeoutMS=1&heartbeatFrequencyMS=60000&appName=x"}) {
    CAPTURE(text);
    const Uris uris = good(text);
    for (const UriHandle* uri : {&uris.ordinary, &uris.build}) {
      CHECK(mongoc_read_prefs_get_mode(mongoc_uri_get_read_prefs_t(uri->get())) == MONGOC_READ_PRIMARY);
      CHECK(mongoc_write_concern_get_wmajority(mongoc_uri_get_write_concern(uri->get())));
      CHECK(mongoc_read_concern_is_default(mongoc_uri_get_read_concern(uri->get())));
      CHECK_FALSE(mongoc_uri_get_option_as_bool(uri->get(), MONGOC_URI_RETRYWRITES, true));
      CHECK(std::string(mongoc_uri_get_appname(uri->get())) == "readygate");
      CHECK(number(*uri, MONGOC_URI_CONNECTTIMEOUTMS) == 2000);
      CHECK(number(*uri, MONGOC_URI_SERVERSELECTIONTIMEOUTMS) == 2500);
    }
    CHECK(mongoc_write_concern_get_wtimeout_int64(mongoc_uri_get_write_concern(uris.ordinary.get())) == 8000);
    CHECK(mongoc_write_concern_get_wtimeout_int64(mongoc_uri_get_write_concern(uris.build.get())) == 0);
    CHECK(number(uris.ordinary, MONGOC_URI_SOCKETTIMEOUTMS) == 10'000);
    CHECK(number(uris.ordinary, MONGOC_URI_HEARTBEATFREQUENCYMS) == 5000);
    CHECK(number(uris.ordinary, MONGOC_URI_MAXPOOLSIZE) == 16);
    CHECK(number(uris.build, MONGOC_URI_SOCKETTIMEOUTMS) > 20 * 24 * 3600 * 1000);
  }
}

TEST_CASE(
    "the client of the lease waits for nothing longer than an eighth of the period, and repeats nothing by itself") {
  for (const int period : {2'000, 8'000, 20'000, 60'000}) {
    CAPTURE(period);
    Settings given = settings("mongodb://host/?socketTimeoutMS=900000&wtimeoutMS=900000&retryWrites=true");
    given.lease_period = Millis(period);
    const auto uris = prepare(given);
    REQUIRE(uris);
    const UriHandle& lease = uris->lease;
    for (const char* option :
         {MONGOC_URI_SOCKETTIMEOUTMS, MONGOC_URI_SERVERSELECTIONTIMEOUTMS, MONGOC_URI_CONNECTTIMEOUTMS}) {
      CAPTURE(option);
      CHECK(number(lease, option) > 0);
      CHECK(number(lease, option) <= period / 8);
    }
    const mongoc_write_concern_t* concern = mongoc_uri_get_write_concern(lease.get());
    CHECK(mongoc_write_concern_get_wmajority(concern));
    CHECK(mongoc_write_concern_get_wtimeout_int64(concern) == period / 8);
    CHECK_FALSE(mongoc_uri_get_option_as_bool(lease.get(), MONGOC_URI_RETRYWRITES, true));
  }
}

TEST_CASE("a driver that would ask an overloaded server again leaves that to us, and an older one is told nothing") {
  const bool known = mongoc_uri_option_is_int32("maxAdaptiveRetries");
  for (const char* text : {"mongodb://host/", "mongodb://host/?maxAdaptiveRetries=5"}) {
    CAPTURE(text);
    const Uris uris = good(text);
    for (const UriHandle* uri : {&uris.ordinary, &uris.ledger, &uris.build, &uris.lease}) {
      CHECK(mongoc_uri_has_option(uri->get(), "maxAdaptiveRetries") == known);
      if (known) CHECK(number(*uri, "maxAdaptiveRetries") == 0);
    }
  }
  CHECK(good("mongodb://host/").notes.empty());
  CHECK(good("mongodb://host/").overrides.empty());
  CHECK(good("mongodb://host/?maxAdaptiveRetries=5").overrides.size() == (known ? 1 : 0));
}

TEST_CASE("each override is said, and nothing that agrees") {
  CHECK(good("mongodb://host/").overrides.empty());
  CHECK(good("mongodb://host/?readPreference=primary&w=majority&retryWrites=false&readConcernLevel=majority")
            .overrides.empty());
  CHECK(good("mongodb://host/?readPreference=secondary").overrides ==
        std::vector<std::string>{"readPreference=secondary of the URI is ignored: readygate always asks the primary"});
  for (const std::string option :
       {"readPreference=nearest&maxStalenessSeconds=120", "readConcernLevel=local", "w=1", "journal=true",
        "wtimeoutMS=5", "retryWrites=true", "appName=x", "maxPoolSize=3", "connectTimeoutMS=3", "socketTimeoutMS=3",
        "serverSelectionTimeoutMS=3", "serverSelectionTryOnce=true", "heartbeatFrequencyMS=9000",
        "readPreference=secondary&readPreferenceTags=dc:ny"}) {
    CAPTURE(option);
    const auto lines = good(fmt::format("mongodb://host/?{}", option)).overrides;
    REQUIRE(lines.size() == 1 + static_cast<std::size_t>(std::count(option.begin(), option.end(), '&')));
    CHECK(lines.front().find("ignored: ") != std::string::npos);
  }
  // libmongoc 1.x knows it; 2.x says itself that it does not.
  const Uris pool = good("mongodb://host/?minPoolSize=1");
  CHECK(pool.overrides.size() + pool.notes.size() == 1);
}

TEST_CASE("the URI's database serves authentication only") {
  CHECK(good("mongodb://host/").database.empty());
  const Uris other = good("mongodb://joe:pw@host/admin");
  CHECK(other.database == "admin");
  CHECK(std::string(mongoc_uri_get_auth_source(other.ordinary.get())) == "admin");
}

TEST_CASE("one host is a way into its replica set, unless the URI insists") {
  CHECK_FALSE(mongoc_uri_get_option_as_bool(good("mongodb://host/").ordinary.get(), MONGOC_URI_DIRECTCONNECTION, true));
  CHECK(mongoc_uri_get_option_as_bool(good("mongodb://host/?directConnection=true").ordinary.get(),
                                      MONGOC_URI_DIRECTCONNECTION, false));
  CHECK_FALSE(
      mongoc_uri_has_option(good("mongodb://host/?loadBalanced=true").ordinary.get(), MONGOC_URI_DIRECTCONNECTION));
}

TEST_CASE("a login is a user, or a mechanism that needs none") {
  CHECK_FALSE(good("mongodb://host/?tls=true").login);
  CHECK(good("mongodb://joe:pw@host/").login);
  CHECK(good("mongodb://host/?authMechanism=MONGODB-X509&tls=true").login);
}

TEST_CASE("hosts, TLS, and what the driver does not know") {
  CHECK(good("mongodb://joe:pw@a,b:27018/?replicaSet=rs").hosts == "a:27017,b:27018");
  CHECK_FALSE(good("mongodb://a/").target.tls.wanted);
  CHECK(good("mongodb://a/?tls=true").target.tls.wanted);
  const Uris odd = good("mongodb://joe:pw@a/?colour=blue");
  REQUIRE(odd.notes.size() == 1);
  CHECK(odd.notes.front().find("colour") != std::string::npos);
}

TEST_CASE("no error shows a part of the user name or the password") {
  for (const char* uri :
       {"mongodb://jo%ZZe:s3cret@host/",
        "mongodb://joe:s3%ZZcret@host/",
        "mongodb://joe:s3c@ret@host/",
        "mongodb://joe:s3c@3cret@x@host/",
        "mongodb://joe:12/s3cret@host",
        "mongodb://joe:%ZZ@h/?heartbeatFrequencyMS=3cret@host/",
        "mongodb+srv://joe:12@s3cret@host.example/",
        "mongodb://joe:1?@s3cret@host",
        "mongodb://joe:s3c/ret@host/",
        "mongodb://joe:s3c?ret@host/",
        "mongodb://joe:s3c:ret@host/",
        "mongodb://joe:s3cret@",
        "mongodb://joe:s3cret@host:port/",
        "mongodb://joe:s3cret@host:99999/",
        "joe:s3cret@host",
        "http://joe:s3cret@host/",
        "mongodb://joe:s3cret@host/?authMechanism=nonsense",
        "mongodb://joe:s3cret@host/?tlsCertificateKeyFilePassword=s3cret&w=-5",
        "mongodb://joe:s3cret@host/?authMechanismProperties=AWS_SESSION_TOKEN:s3cret,x&readPreference=wrong",
        "mongodb+srv://joe:s3cret@host:27017/",
        "mongodb://joe:s3cret@host/?heartbeatFrequencyMS=1",
        "mongodb://joe:s3cret@a,b/?directConnection=true"}) {
    CAPTURE(uri);
    const auto uris = prepare(settings(uri));
    std::string shown;
    if (uris) {
      for (const auto& line : uris->overrides) shown += line;
      for (const auto& line : uris->notes) shown += line;
      shown += uris->hosts;
    } else {
      CHECK(uris.error().domain == core::Domain::kConfiguration);
      shown = uris.error().message;
    }
    for (const char* part : {"joe", "jo%", "s3c", "ret@", "ret", "3cret"}) CHECK(shown.find(part) == std::string::npos);
  }
}

TEST_CASE("an '@' is allowed where it means nothing") {
  CHECK(good("mongodb://joe:p%40w@host/?appName=a@b").hosts == "host:27017");
  CHECK(good("mongodb://%2Ftmp%2Fa%40b.sock/").hosts == "/tmp/a@b.sock");
}

TEST_CASE("errors say what is wrong") {
  const auto message = [](const char* uri) {
    const auto uris = prepare(settings(uri));
    REQUIRE_FALSE(uris);
    return uris.error().message;
  };
  CHECK(message("") == "no MongoDB URI is configured");
  CHECK(message("host:27017").find("does not begin with mongodb://") != std::string::npos);
  CHECK(message("mongodb://joe:s/cret@host/").find("percent escape") != std::string::npos);
  CHECK(message("mongodb://joe:pw@host:port/").find("cannot be read: ") != std::string::npos);
}

}  // namespace
}  // namespace readygate::mongo
