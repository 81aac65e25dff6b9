#include "schema/offenders.h"

#include <array>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "base/json.h"
#include "schema/fields.h"

namespace readygate::schema {
namespace {

// https://www.mongodb.com/docs/manual/reference/geojson/
constexpr std::array<std::string_view, 7> kGeometries = {
    "Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon", "GeometryCollection"};

// https://www.mongodb.com/docs/manual/reference/text-search-languages/; names and ISO 639-1 codes
constexpr std::array<std::string_view, 31> kLanguages = {
    "none",    "da", "danish",    "nl", "dutch",   "en", "english",   "fi", "finnish",    "fr", "french",   "de",
    "german",  "hu", "hungarian", "it", "italian", "nb", "norwegian", "pt", "portuguese", "ro", "romanian", "ru",
    "russian", "es", "spanish",   "sv", "swedish", "tr", "turkish"};

template <std::size_t size>
Document list(const std::array<std::string_view, size>& texts) {
  Document array;
  for (std::size_t i = 0; i < size; ++i) append(array, std::to_string(i), texts[i]);
  return array;
}

Document condition(std::string_view name, const Document& array) {
  Document one;
  bson_append_array(one.get(), std::string(name).c_str(), -1, array.get());
  return one;
}

// There, and not one of the texts.
Document another_than(const Document& texts) {
  Document other = condition("$nin", texts);
  append(other, "$exists", true);
  return other;
}

Document no_geometry(const std::string& path) {
  Document absent_or_shape;
  append(absent_or_shape, "0", "object");
  append(absent_or_shape, "1", "array");
  append(absent_or_shape, "2", "null");
  Document other_type = of("$not", condition("$type", absent_or_shape));
  append(other_type, "$exists", true);
  return of("$or", std::vector<Document>{of(path, other_type), of(path + ".type", another_than(list(kGeometries)))});
}

// An array in more than one of the fields.
std::optional<Document> parallel_arrays(const std::vector<std::string>& paths) {
  std::vector<Document> pairs;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    for (std::size_t j = i + 1; j < paths.size(); ++j) {
      Document both = of(paths[i], of("$type", "array"));
      append(both, paths[j], of("$type", "array"));
      pairs.push_back(both);
    }
  }
  if (pairs.empty()) return std::nullopt;
  return pairs.size() == 1 ? pairs.front() : of("$or", pairs);
}

}  // namespace

std::optional<Document> offender_filter(const Document& index) {
  const auto key = field(index, "key");
  const auto parts = key ? key->document() : std::nullopt;
  if (!parts) return std::nullopt;
  std::vector<std::string> plain;
  for (const Field& part : fields(*parts)) {
    const std::string path(part.name());
    const std::string kind = part.string().value_or("");
    if (kind == "hashed") return of(path, of("$type", "array"));
    if (kind == "2dsphere") return no_geometry(path);
    if (kind == "text") {
      const auto override_field = field(index, "language_override");
      const std::string language = override_field ? override_field->string().value_or("language") : "language";
      return of(language, another_than(list(kLanguages)));
    }
    if (kind.empty()) plain.push_back(path);
  }
  return parallel_arrays(plain);
}

std::string find_in_shell(const std::string& collection, const Document& filter) {
  return fmt::format("db.getCollection({}).find({})", json_quote(collection), filter.to_json());
}

}  // namespace readygate::schema
