// Where the reported forms come from: listIndexes and listCollections of MongoDB (reference pages, and the sources of
// index_descriptor.cpp and wildcard projections) and of FerretDB 2.7 as observed.
//   { v: 2, key: { _fts: "text", _ftsx: 1 }, name: "t", weights: { a: 10.0, b: 1.0 }, default_language: "english",
//     language_override: "language", textIndexVersion: 3 }
//   { v: 2, key: { "$**": 1 }, name: "w", wildcardProjection: { a: true, b: true, _id: false } }
//   { v: 2, key: { g: "2dsphere" }, name: "g", "2dsphereIndexVersion": 3 }
//   { v: 2, key: { a: 1 }, name: "a", storageEngine: { enableOrderedIndex: true } }
#include "schema/normalise.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>

#include "schema/fields.h"

namespace readygate::schema {
namespace {

// Says nothing about what the index means. (index_from has taken v, ns, key, name and buildUUID out already.)
constexpr std::string_view kNoise[] = {"background", "clustered", "originalSpec"};
// The server chooses these itself where nothing is declared.
constexpr std::string_view kServersChoice[] = {"storageEngine", "textIndexVersion", "2dsphereIndexVersion"};

template <typename Words>
bool is_one_of(std::string_view word, const Words& words) {
  return std::find(std::begin(words), std::end(words), word) != std::end(words);
}

bool is_default(std::string_view option, const Field& value) {
  if (option == "default_language") return value.string() == "english";
  if (option == "language_override") return value.string() == "language";
  if (option == "bits") return value.real() == 26.0;
  if (option == "min") return value.real() == -180.0;
  if (option == "max") return value.real() == 180.0;
  return false;
}

std::map<std::string, double, std::less<>> weights_of(const Document& options) {
  std::map<std::string, double, std::less<>> weights;
  const std::optional<Field> given = field(options, "weights");
  const std::optional<Document> table = given ? given->document() : std::nullopt;
  if (!table) return weights;
  for (const Field& each : fields(*table)) weights.emplace(each.name(), each.real().value_or(1));
  return weights;
}

// A number of a key or a weight: an int32 where it is one.
void append_number(Document& to, std::string_view name, const Field& value) {
  const std::optional<std::int64_t> whole = value.integer();
  if (whole && *whole >= std::numeric_limits<std::int32_t>::min() &&
      *whole <= std::numeric_limits<std::int32_t>::max()) {
    append(to, name, static_cast<std::int32_t>(*whole));
  } else {
    append(to, name, value);
  }
}

// The fields of a text index are a set: every one is searched, and the order in which they were declared is not kept.
Document normalised_key(const Document& key, const std::map<std::string, double, std::less<>>& weights) {
  std::map<std::string, bool, std::less<>> text;
  for (const auto& [name, weight] : weights) text[name] = true;
  for (const Field& each : fields(key)) {
    if (each.string() == "text" && each.name() != "_fts") text[std::string(each.name())] = true;
  }
  Document to;
  bool text_done = false;
  for (const Field& each : fields(key)) {
    if (each.string() == "text") {
      if (!text_done) {
        for (const auto& [name, unused] : text) append(to, name, "text");
      }
      text_done = true;
    } else if (each.name() != "_ftsx") {
      append_number(to, each.name(), each);
    }
  }
  return to;
}

// { a: { b: 1 }, _id: false } -> { "a.b": true }. That _id is left out is the default (createIndexes,
// wildcardProjection).
void flatten(Document& to, const std::string& prefix, const Document& projection) {
  for (const Field& each : fields(projection)) {
    const std::string path = prefix.empty() ? std::string(each.name()) : prefix + "." + std::string(each.name());
    if (each.type() == BSON_TYPE_DOCUMENT) {
      flatten(to, path, *each.document());
    } else if (path == "_id" && !each.truthy()) {
      continue;
    } else {
      append(to, path, each.truthy());
    }
  }
}

Document normalised_options(const Document& options, IndexKind kind,
                            const std::map<std::string, double, std::less<>>& weights) {
  const bool always_sparse = kind == IndexKind::kText || kind == IndexKind::k2d || kind == IndexKind::k2dsphere;
  Document to;
  for (const Field& each : fields(options)) {
    const std::string_view name = each.name();
    if (is_one_of(name, kNoise) || is_default(name, each)) continue;
    if (name == "collation" && each.type() == BSON_TYPE_DOCUMENT) {
      const Document collation = normalised_collation(*each.document());
      if (!collation.empty()) append(to, name, collation);
    } else if (name == "unique" || name == "sparse" || name == "hidden" || name == "prepareUnique") {
      if (each.truthy() && !(name == "sparse" && always_sparse)) append(to, name, true);
    } else if (name == "expireAfterSeconds" && each.is_number() && std::isfinite(*each.real()) &&
               std::abs(*each.real()) < 9e15) {
      append(to, name, static_cast<std::int64_t>(*each.real()));
    } else if (name == "weights") {
      Document heavy;
      for (const auto& [field_name, weight] : weights) {
        // A server has whole weights up to 99999 (manual, "weights"); what else one may report is kept as it is.
        if (!(std::abs(weight) < 1e6) || std::trunc(weight) != weight) {
          append(heavy, field_name, weight);
        } else if (weight != 1) {
          append(heavy, field_name, static_cast<std::int64_t>(weight));
        }
      }
      if (!heavy.empty()) append(to, name, heavy);
    } else if (name == "wildcardProjection" && each.document()) {
      Document flat;
      flatten(flat, "", *each.document());
      if (!flat.empty()) append(to, name, flat);
    } else {
      append(to, each);
    }
  }
  return to;
}

}  // namespace

std::string_view name(IndexKind kind) {
  switch (kind) {
    case IndexKind::kPlain: return "plain";
    case IndexKind::kHashed: return "hashed";
    case IndexKind::kText: return "text";
    case IndexKind::k2d: return "2d";
    case IndexKind::k2dsphere: return "2dsphere";
    case IndexKind::kWildcard: return "wildcard";
  }
  return "";
}

IndexKind kind_of(const Document& key) {
  IndexKind kind = IndexKind::kPlain;
  for (const Field& each : fields(key)) {
    const std::optional<std::string> word = each.string();
    if (word == "text") return IndexKind::kText;
    if (word == "2dsphere") return IndexKind::k2dsphere;
    if (word == "2d") return IndexKind::k2d;
    if (word == "hashed") return IndexKind::kHashed;
    if (each.name() == "$**" || each.name().ends_with(".$**")) kind = IndexKind::kWildcard;
  }
  return kind;
}

bool is_id_index(const Index& index) {
  const std::vector<Field> key = fields(index.key);
  return key.size() == 1 && key.front().name() == "_id" && key.front().is_number();
}

Index normalised(Index index) {
  const IndexKind kind = kind_of(index.key);
  const auto weights =
      kind == IndexKind::kText ? weights_of(index.options) : std::map<std::string, double, std::less<>>();
  index.key = normalised_key(index.key, weights);
  index.options = normalised_options(index.options, kind, weights);
  return index;
}

bool same_signature(const Index& a, const Index& b) {
  const std::vector<std::string> differing = differences(a, b);
  return std::none_of(differing.begin(), differing.end(), [](const std::string& option) {
    if (option == "key") return true;
    return std::any_of(kIndexOptions.begin(), kIndexOptions.end(),
                       [&](const IndexOption& known) { return known.signature && known.server == option; });
  });
}

std::vector<std::string> differences(const Index& declared, const Index& reported) {
  std::vector<std::string> names;
  if (!same(declared.key, reported.key, FieldOrder::kMatters)) names.emplace_back("key");
  for (const Field& each : fields(declared.options)) {
    if (!same_option(each.name(), each, field(reported.options, each.name()))) names.emplace_back(each.name());
  }
  for (const Field& each : fields(reported.options)) {
    if (!declared.options.has(each.name()) && !is_one_of(each.name(), kServersChoice)) names.emplace_back(each.name());
  }
  return names;
}

}  // namespace readygate::schema
