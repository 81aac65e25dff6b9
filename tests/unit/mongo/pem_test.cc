// Certificate files are looked at before anything connects.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "driver.h"
#include "mongo/uri.h"

namespace readygate::mongo {
namespace {

constexpr const char* kCertificate = "-----BEGIN CERTIFICATE-----\nTUlJQg==\n-----END CERTIFICATE-----\n";
constexpr const char* kKey = "-----BEGIN PRIVATE KEY-----\nTUlJQg==\n-----END PRIVATE KEY-----\n";

class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& content) {
    std::string pattern = (std::filesystem::temp_directory_path() / "readygate-pem-XXXXXX").string();
    const int fd = ::mkstemp(pattern.data());
    REQUIRE(fd >= 0);
    ::close(fd);
    path_ = pattern;
    std::ofstream(path_) << content;
  }
  ~TemporaryFile() { std::filesystem::remove(path_); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::string problem(const std::string& content, PemHolds holds = PemHolds::kCertificates) {
  const TemporaryFile file(content);
  const std::string text = pem_problem("tlsCAFile", file.path(), holds);
  const std::string start = fmt::format("tlsCAFile of the URI names {}: ", file.path());
  if (text.empty()) return "";
  REQUIRE(text.starts_with(start));
  return text.substr(start.size());
}

TEST_CASE("a PEM file holds what it should") {
  CHECK(problem(kCertificate) == "");
  CHECK(problem(std::string("a comment\n") + kCertificate + kCertificate) == "");
  CHECK(problem("") == "it is not a PEM file with a certificate");
  CHECK(problem("\x30\x82\x01\x0a") == "it is not a PEM file with a certificate");
  CHECK(problem(kKey) == "it is not a PEM file with a certificate");
  CHECK(problem("-----BEGIN CERTIFICATE-----\nTUlJQg==\n").find("cut off") != std::string::npos);
  CHECK(problem("-----BEGIN CERTIFICATE-----\n\xff{}\n-----END CERTIFICATE-----\n") ==
        "a certificate in it is not base64 text");
  CHECK(problem(kCertificate, PemHolds::kCertificateAndKey).find("no private key") != std::string::npos);
  CHECK(problem(std::string(kCertificate) + kKey, PemHolds::kCertificateAndKey) == "");
}

TEST_CASE("a file that cannot be read is named with the system's reason") {
  CHECK(pem_problem("tlsCAFile", "/nonexistent/ca.pem", PemHolds::kCertificates) ==
        "tlsCAFile of the URI names /nonexistent/ca.pem: No such file or directory");
  CHECK(pem_problem("tlsCAFile", "/", PemHolds::kCertificates) ==
        "tlsCAFile of the URI names /: it is not a regular file");
}

TEST_CASE("the URI's files are looked at") {
  const auto fails = [](const std::string& uri) {
    testing::driver();
    Settings settings;
    settings.uri = Secret(uri);
    const auto uris = prepare(settings);
    REQUIRE_FALSE(uris);
    CHECK(uris.error().domain == core::Domain::kTlsFile);
    return uris.error().message;
  };
  CHECK(fails("mongodb://host/?tls=true&tlsCAFile=/nonexistent").starts_with("tlsCAFile"));
  CHECK(fails("mongodb://host/?ssl=true&sslCertificateAuthorityFile=/nonexistent").starts_with("tlsCAFile"));
  const TemporaryFile file(kCertificate);
  CHECK(fails(fmt::format("mongodb://host/?tls=true&tlsCAFile={0}&tlsCertificateKeyFile={0}", file.path()))
            .find("no private key") != std::string::npos);
}

TEST_CASE("a TLS file that is changed, replaced, gone or comes is another one, and nothing else is") {
  testing::driver();
  const TemporaryFile file(kCertificate);
  const Secret uri(fmt::format("mongodb://host/?tls=true&tlsCertificateKeyFile={}", file.path()));
  const std::string before = tls_files(uri);
  CHECK_FALSE(before.empty());
  CHECK(tls_files(uri) == before);
  std::ofstream(file.path(), std::ios::app) << kCertificate;
  const std::string changed = tls_files(uri);
  CHECK(changed != before);

  const std::string link = std::string(file.path()) + ".link";  // as the kubelet replaces a mounted secret
  const TemporaryFile other(kCertificate);
  std::filesystem::create_symlink(file.path(), link);
  const Secret linked("mongodb://host/?tls=true&tlsCAFile=" + link);
  const std::string old = tls_files(linked);
  std::filesystem::remove(link);
  const std::string gone = tls_files(linked);
  CHECK(gone != old);
  std::filesystem::create_symlink(other.path(), link);
  CHECK(tls_files(linked) != gone);
  CHECK(tls_files(linked) != old);
  std::filesystem::remove(link);
  CHECK(tls_files(Secret("mongodb://host/?tls=true")).empty());
}

}  // namespace
}  // namespace readygate::mongo
