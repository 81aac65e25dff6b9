// The text looks like JSON, but is written here and not by libbson: a hash that is kept in a database must not change
// with a library's taste in spaces. Types that JSON lacks are written as their BSON bytes, which a standard fixes.
#include "schema/canonical.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include <fmt/format.h>

#include "base/json.h"
#include "schema/digest.h"
#include "schema/fields.h"
#include "schema/normalise.h"

namespace readygate::schema {
namespace {

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

// Nothing for a schema without seeds and migrations, whose hash is as it was before there were any. Their order counts:
// they run in it.
std::string documents_text(const Schema& schema) {
  std::string out;
  for (const Seed& seed : schema.seeds) {
    out += fmt::format("seed {} {} {}\n", json_quote(seed.collection), name(seed.mode), seed.checksum);
  }
  for (const Migration& migration : schema.migrations) {
    out += fmt::format("migration {} {}\n", json_quote(migration.id), migration.checksum);
  }
  return out;
}

// As it was before there were any, where there are none: the format of the hash stays.
std::string views_text(const Schema& schema) {
  if (schema.views.empty()) return "";
  std::string out = "views [";
  bool first = true;
  for (const View& view : by_name(schema.views)) {
    out += fmt::format("{}{{\"name\":{},\"options\":", first ? "\n" : ",\n", json_quote(view.name));
    write(out, normalised_view(view.options), FieldOrder::kMatters);
    out += '}';
    first = false;
  }
  return out + "]\n";
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
  out += views_text(schema);
  return out + documents_text(schema);
}

std::string canonical_hash(const Schema& schema) {
  return fmt::format("{}:{}", kHashFormat, sha256(canonical_text(schema)));
}

}  // namespace readygate::schema
