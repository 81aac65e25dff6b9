// The text looks like JSON, but is written here and not by libbson: a hash that is kept in a database must not change
// with a library's taste in spaces. Types that JSON lacks are written as their BSON bytes, which a standard fixes.
#include "schema/canonical.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include <fmt/format.h>
#include <openssl/evp.h>

#include "base/json.h"
#include "schema/fields.h"
#include "schema/normalise.h"

namespace readygate::schema {
namespace {

std::string hex(const std::uint8_t* data, std::size_t size) {
  std::string out;
  for (std::size_t i = 0; i < size; ++i) out += fmt::format("{:02x}", data[i]);
  return out;
}

void write(std::string& out, const Document& document, FieldOrder order);

void write(std::string& out, const Field& value, FieldOrder order) {
  if (const auto whole = value.integer()) {
    out += std::to_string(*whole);
  } else if (const auto real = value.real()) {
    std::uint64_t bits = 0;
    const double number = std::isnan(*real) ? std::nan("") : *real;
    std::memcpy(&bits, &number, sizeof bits);
    out += fmt::format("double({:016x})", bits);
  } else if (const auto text = value.string()) {
    out += json_quote(*text);
  } else if (const auto flag = value.boolean()) {
    out += *flag ? "true" : "false";
  } else if (value.type() == BSON_TYPE_ARRAY) {
    out += '[';
    const Document items = *value.document();
    for (const Field& item : fields(items)) {
      if (out.back() != '[') out += ',';
      write(out, item, order);
    }
    out += ']';
  } else if (value.type() == BSON_TYPE_DOCUMENT) {
    write(out, *value.document(), order);
  } else {
    Document alone;
    append(alone, "", value);
    out += fmt::format("bson({})", hex(bson_get_data(alone.get()), alone.get()->len));
  }
}

void write(std::string& out, const Document& document, FieldOrder order) {
  const std::vector<Field> all = fields(document);
  out += '{';
  for (const Field* each : in_order(all, order)) {
    if (out.back() != '{') out += ',';
    out += json_quote(each->name());
    out += ':';
    write(out, *each, order);
  }
  out += '}';
}

template <typename T>
std::vector<T> by_name(std::vector<T> all) {
  std::sort(all.begin(), all.end(), [](const T& a, const T& b) { return a.name < b.name; });
  return all;
}

}  // namespace

std::string canonical_text(const Schema& schema) {
  std::string out = "[";
  for (const Collection& collection : by_name(schema.collections)) {
    out += fmt::format("{}{{\"name\":{},\"options\":", out.size() > 1 ? ",\n" : "\n", json_quote(collection.name));
    write(out, normalised_collection(collection.options), FieldOrder::kIgnored);
    out += ",\"indexes\":[";
    bool first = true;
    for (const Index& declared : by_name(collection.indexes)) {
      const Index index = normalised(declared);
      out += fmt::format("{}{{\"name\":{},\"key\":", first ? "\n" : ",\n", json_quote(index.name));
      write(out, index.key, FieldOrder::kMatters);
      out += ",\"options\":";
      write(out, index.options, FieldOrder::kIgnored);
      out += '}';
      first = false;
    }
    out += "]}";
  }
  out += "]\n";
  if (schema.views.empty()) return out;  // as it was before there were any: the format of the hash stays
  out += "views [";
  bool first = true;
  for (const View& view : by_name(schema.views)) {
    out += fmt::format("{}{{\"name\":{},\"options\":", first ? "\n" : ",\n", json_quote(view.name));
    write(out, normalised_view(view.options), FieldOrder::kMatters);
    out += '}';
    first = false;
  }
  return out + "]\n";
}

std::string canonical_hash(const Schema& schema) {
  const std::string text = canonical_text(schema);
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1) {
    // Without memory, or with a broken OpenSSL configuration. A made-up hash would be stored and believed.
    fmt::print(stderr, "readygate: OpenSSL cannot compute a SHA-256\n");
    std::abort();
  }
  return fmt::format("{}:{}", kHashFormat, hex(digest.data(), size));
}

}  // namespace readygate::schema
