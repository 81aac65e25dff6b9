// What a URI with authMechanism=MONGODB-OIDC needs of the driver, and what is said where it lacks that.
#include <string>

#include <doctest/doctest.h>

#include "core/failure.h"
#include "driver.h"
#include "mongo/oidc.h"
#include "mongo/uri.h"

namespace readygate::mongo {
namespace {

std::string sentence(const char* uri, const char* version) {
  const auto wanted = oidc_wanted(uri);
  REQUIRE(wanted);
  const auto problem = oidc_problem(*wanted, version);
  if (!problem) return "";
  CHECK(problem->domain == core::Domain::kConfiguration);
  CHECK_FALSE(problem->advice.empty());
  return core::judge(*problem).sentence;
}

TEST_CASE("OIDC is found in a URI however it is written, and nowhere else") {
  CHECK_FALSE(oidc_wanted("mongodb://host/"));
  CHECK_FALSE(oidc_wanted("mongodb://host/?authMechanism=SCRAM-SHA-256"));
  CHECK_FALSE(oidc_wanted("mongodb://host/?appName=MONGODB-OIDC"));
  CHECK(oidc_wanted("mongodb://host/?authMechanism=MONGODB-OIDC"));
  CHECK(oidc_wanted("mongodb+srv://joe@host/?tls=true&authmechanism=mongodb%2Doidc&appName=a@b"));
  const auto azure = oidc_wanted(
      "mongodb://host/?authMechanism=MONGODB-OIDC&authMechanismProperties=ENVIRONMENT:azure,"
      "TOKEN_RESOURCE:api%3A%2F%2Fx&tls=true");
  REQUIRE(azure);
  CHECK(azure->environment == "azure");
  CHECK(azure->token_resource);
  CHECK_FALSE(azure->password);
  CHECK(oidc_wanted("mongodb://joe:pw@host/?authMechanism=MONGODB-OIDC")->password);
}

TEST_CASE("the driver's version is said, and the one that is needed") {
  const char* plain = "mongodb://host/?authMechanism=MONGODB-OIDC";
  const char* azure =
      "mongodb://host/?authMechanism=MONGODB-OIDC&authMechanismProperties=ENVIRONMENT:azure,TOKEN_RESOURCE:x";
  const char* k8s = "mongodb://host/?authMechanism=MONGODB-OIDC&authMechanismProperties=ENVIRONMENT:k8s";
  for (const char* version : {"1.23.1", "1.30.4", "2.1.2"}) {
    CAPTURE(version);
    CHECK(sentence(plain, version).find(std::string("libmongoc ") + version + " does not have: 2.2 or later") !=
          std::string::npos);
    CHECK(sentence(azure, version).find("ENVIRONMENT:azure") != std::string::npos);
    CHECK(sentence(k8s, version).find("2.3 or later is needed") != std::string::npos);
  }
  CHECK(sentence(azure, "2.2.0") == "");
  CHECK(sentence(k8s, "2.2.4").find("libmongoc 2.2.4 does not have: 2.3 or later is needed") != std::string::npos);
  CHECK(sentence(k8s, "2.3.0") == "");
  CHECK(sentence(k8s, "10.0.0") == "");
}

TEST_CASE("what a newer driver would refuse in words of its own is said before") {
  const auto with = [](const std::string& properties, const char* login = "") {
    const std::string uri = std::string("mongodb://") + login + "host/?authMechanism=MONGODB-OIDC" + properties;
    return sentence(uri.c_str(), "2.5.0");
  };
  CHECK(with("").find("names no ENVIRONMENT") != std::string::npos);
  CHECK(with("&authMechanismProperties=ENVIRONMENT:test").find("none that libmongoc knows") != std::string::npos);
  CHECK(with("&authMechanismProperties=ENVIRONMENT:gcp").find("needs a TOKEN_RESOURCE") != std::string::npos);
  CHECK(with("&authMechanismProperties=ENVIRONMENT:k8s", "joe:secret@").find("takes none") != std::string::npos);
}

TEST_CASE("such a URI is refused before the driver sees it") {
  testing::driver();
  Settings settings;
  settings.uri = Secret("mongodb://host/?authMechanism=MONGODB-OIDC&authMechanismProperties=ENVIRONMENT:test");
  const auto uris = prepare(settings);
  REQUIRE_FALSE(uris);
  CHECK(uris.error().domain == core::Domain::kConfiguration);
  CHECK(uris.error().message.find("MONGODB-OIDC") != std::string::npos);
  CHECK_FALSE(uris.error().advice.empty());
}

}  // namespace
}  // namespace readygate::mongo
