#include "mongo/tls_names.h"

#include <array>
#include <memory>
#include <string_view>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/x509v3.h>

namespace readygate::mongo {

namespace {

constexpr std::size_t kLongest = 100;  // bytes of one name
constexpr int kMostNames = 5;

std::string plain(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, kLongest)) out += c >= ' ' && c <= '~' ? c : '?';
  return text.size() > kLongest ? out + "…" : out;
}

std::string_view view_of(const ASN1_STRING* text) {
  return {static_cast<const char*>(static_cast<const void*>(ASN1_STRING_get0_data(text))),
          static_cast<std::size_t>(ASN1_STRING_length(text))};
}

// "" for what is neither a host name nor an address.
std::string alternative(const GENERAL_NAME* name) {
  int type = 0;
  const void* const value = GENERAL_NAME_get0_value(name, &type);
  const auto* const text = static_cast<const ASN1_STRING*>(value);
  if (type == GEN_DNS) return plain(view_of(text));
  if (type != GEN_IPADD) return "";
  const int length = ASN1_STRING_length(text);
  std::array<char, INET6_ADDRSTRLEN> shown{};
  const int family = length == 4 ? AF_INET : AF_INET6;
  if (length != 4 && length != 16) return "";
  return ::inet_ntop(family, ASN1_STRING_get0_data(text), shown.data(), shown.size()) ? shown.data() : "";
}

}  // namespace

std::string date_of(std::time_t time) {
  std::tm parts{};
  if (!::gmtime_r(&time, &parts)) return "an unknown date";
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M UTC", &parts);
  return text.data();
}

std::string date_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (!time || ASN1_TIME_to_tm(time, &parts) != 1) return "an unknown date";
  return date_of(::timegm(&parts));
}

std::string name_of(const X509_NAME* name) {
  const std::unique_ptr<BIO, decltype(&BIO_free_all)> text(BIO_new(BIO_s_mem()), BIO_free_all);
  if (!text || !name || X509_NAME_print_ex(text.get(), name, 0, XN_FLAG_RFC2253) < 0) return "somebody unknown";
  std::array<char, kLongest + 2> buffer{};
  const int size = BIO_read(text.get(), buffer.data(), static_cast<int>(buffer.size()));
  return size <= 0 ? "somebody without a name" : plain({buffer.data(), static_cast<std::size_t>(size)});
}

std::string names_of(const X509* certificate) {
  std::string all;
  if (!certificate) return "another host";
  const auto destroy = [](GENERAL_NAMES* names) { GENERAL_NAMES_free(names); };
  const std::unique_ptr<GENERAL_NAMES, decltype(destroy)> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)), destroy);
  int shown = 0;
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const std::string one = alternative(sk_GENERAL_NAME_value(names.get(), i));
    if (one.empty()) continue;
    if (++shown > kMostNames) return all + ", …";
    all += fmt::format("{}{}", all.empty() ? "" : ", ", one);
  }
  return all.empty() ? name_of(X509_get_subject_name(certificate)) : all;
}

}  // namespace readygate::mongo
