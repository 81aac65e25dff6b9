// A look at a PEM file (RFC 7468) before anything connects. libmongoc reports a bad one as a failed handshake, without
// the path and without the reason.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/unique_fd.h"
#include "mongo/uri.h"

namespace readygate::mongo {

namespace {

constexpr std::size_t kLargest = 16u << 20;  // bytes; a bundle of all public CAs is 200 kB

// Reads the file, or returns the reason why not.
std::string read_into(const std::string& path, std::string& text) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) return std::strerror(errno);
  struct stat about {};
  if (::fstat(file.get(), &about) != 0) return std::strerror(errno);
  if (!S_ISREG(about.st_mode)) return "it is not a regular file";
  char buffer[16384];
  for (;;) {
    const ssize_t got = ::read(file.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::strerror(errno);
    if (got == 0) return "";
    text.append(buffer, static_cast<std::size_t>(got));
    if (text.size() > kLargest) return "it is larger than 16 MiB";
  }
}

bool base64(std::string_view body) {
  const auto allowed = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/' ||
           c == '=' || c == '\n' || c == '\r' || c == ' ' || c == '\t';
  };
  return std::all_of(body.begin(), body.end(), allowed);
}

struct Blocks {
  int certificates = 0;
  int keys = 0;
  std::string problem;
};

Blocks blocks_of(std::string_view text) {
  Blocks found;
  constexpr std::string_view kBegin = "-----BEGIN ";
  for (std::size_t at = text.find(kBegin); at != std::string_view::npos; at = text.find(kBegin, at)) {
    at += kBegin.size();
    const std::size_t label_end = text.find("-----", at);
    if (label_end == std::string_view::npos) break;
    const std::string label(text.substr(at, label_end - at));
    const std::string end = fmt::format("-----END {}-----", label);
    const std::size_t body = label_end + 5;
    const std::size_t stop = text.find(end, body);
    if (stop == std::string_view::npos) {
      found.problem = fmt::format("its block \"{}\" has no end: the file is cut off", label);
      return found;
    }
    const bool certificate = label == "CERTIFICATE" || label == "TRUSTED CERTIFICATE";
    // A key in the old format may have header lines (Proc-Type, DEK-Info) in its body.
    if (certificate && !base64(text.substr(body, stop - body))) {
      found.problem = "a certificate in it is not base64 text";
      return found;
    }
    found.certificates += certificate ? 1 : 0;
    found.keys += label.ends_with("PRIVATE KEY") ? 1 : 0;
    at = stop;
  }
  return found;
}

}  // namespace

std::string pem_problem(const std::string& option, const std::string& path, PemHolds holds) {
  std::string text;
  std::string reason = read_into(path, text);
  if (reason.empty()) {
    const Blocks found = blocks_of(text);
    if (!found.problem.empty()) {
      reason = found.problem;
    } else if (found.certificates == 0) {
      reason = "it is not a PEM file with a certificate";
    } else if (holds == PemHolds::kCertificateAndKey && found.keys == 0) {
      reason = "it has no private key (certificate and key belong in this one file)";
    }
  }
  ::explicit_bzero(text.data(), text.size());
  return reason.empty() ? "" : fmt::format("{} of the URI names {}: {}", option, path, reason);
}

}  // namespace readygate::mongo
