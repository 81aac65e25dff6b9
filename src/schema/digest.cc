#include "schema/digest.h"

#include <array>
#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>
#include <openssl/evp.h>

namespace readygate::schema {

std::string hex(const std::uint8_t* data, std::size_t size) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  out.reserve(2 * size);
  for (std::size_t i = 0; i < size; ++i) {
    out += kDigits[data[i] >> 4U];
    out += kDigits[data[i] & 0xFU];
  }
  return out;
}

std::string sha256(std::string_view text) {
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1) {
    // Without memory, or with a broken OpenSSL configuration. A made-up hash would be stored and believed.
    fmt::print(stderr, "readygate: OpenSSL cannot compute a SHA-256\n");
    std::abort();
  }
  return hex(digest.data(), size);
}

}  // namespace readygate::schema
