// See index_spec.h.
#include "scripted_server/index_spec.h"

#include <algorithm>
#include <array>
#include <map>
#include <string_view>
#include <utility>

namespace readygate::scripted {

namespace {

constexpr std::int64_t kMaxExpirySeconds = 2147483647;  // manual, "TTL Indexes"
constexpr std::size_t kMaxKeyFields = 32;  // manual, "Limits": number of indexed fields in a compound index

constexpr std::array<std::string_view, 23> kKnownFields = {"v",
                                                           "key",
                                                           "name",
                                                           "ns",
                                                           "unique",
                                                           "background",
                                                           "sparse",
                                                           "hidden",
                                                           "expireAfterSeconds",
                                                           "storageEngine",
                                                           "weights",
                                                           "default_language",
                                                           "language_override",
                                                           "textIndexVersion",
                                                           "2dsphereIndexVersion",
                                                           "bits",
                                                           "min",
                                                           "max",
                                                           "bucketSize",
                                                           "collation",
                                                           "wildcardProjection",
                                                           "partialFilterExpression",
                                                           "prepareUnique"};

constexpr std::array<std::string_view, 6> kIdentity = {"key",    "collation", "partialFilterExpression",
                                                       "unique", "sparse",    "wildcardProjection"};
// Not part of any comparison: what names an index, what a creation only passes along, and hidden (see the header).
constexpr std::array<std::string_view, 6> kIgnored = {"v", "name", "ns", "background", "hidden", "prepareUnique"};

bool is_one_of(std::string_view key, std::span<const std::string_view> names) {
  return std::ranges::find(names, key) != names.end();
}

enum class Kind { kPlain, kText, kHashed, k2d, k2dsphere, kWildcard };

Result<Kind> kind_of(const Doc& key) {
  Kind kind = Kind::kPlain;
  for (const Field& field : key.fields()) {
    if (field.is_number()) {
      if (field.number() == 0) return fail(Code::kCannotCreateIndex, "Values in the index key pattern cannot be 0.");
      if (field.key() == "$**" || field.key().ends_with(".$**")) kind = Kind::kWildcard;
      continue;
    }
    if (!field.is_text()) {
      return fail(Code::kCannotCreateIndex,
                  "Values in v:2 index key pattern can only be numbers > 0, numbers < 0, and strings");
    }
    const auto plugin = field.text();
    if (plugin == "text") {
      kind = Kind::kText;
    } else if (plugin == "hashed") {
      kind = Kind::kHashed;
    } else if (plugin == "2d") {
      kind = Kind::k2d;
    } else if (plugin == "2dsphere") {
      kind = Kind::k2dsphere;
    } else {
      return fail(Code::kCannotCreateIndex, "Unknown index plugin '" + std::string(plugin) + "'");
    }
  }
  return kind;
}

Result<void> check_expiry(const Doc& spec, const Doc& key, Kind kind) {
  const auto expiry = spec.find("expireAfterSeconds");
  if (!expiry) return {};
  if (!expiry->is_number() || expiry->number() < 0 || expiry->integer() > kMaxExpirySeconds) {
    return fail(Code::kCannotCreateIndex, "TTL index 'expireAfterSeconds' option must be within an acceptable range");
  }
  if (key.size() != 1) {
    return fail(Code::kCannotCreateIndex, "TTL indexes are single-field indexes, compound indexes do not support TTL");
  }
  if (kind == Kind::kWildcard) {
    return fail(Code::kCannotCreateIndex, "Index type 'wildcard' does not support the expireAfterSeconds option");
  }
  return {};
}

Result<void> check_options(const Doc& spec, const Doc& key, Kind kind) {
  if (spec.has("partialFilterExpression") && spec.truthy("sparse")) {
    return fail(Code::kCannotCreateIndex, "cannot mix \"partialFilterExpression\" and \"sparse\" options");
  }
  if (kind == Kind::kHashed && spec.truthy("unique")) {
    return fail(Code{16764}, "Currently hashed indexes cannot guarantee uniqueness. Use a regular index.");
  }
  if (kind == Kind::kWildcard && (spec.truthy("unique") || spec.truthy("sparse"))) {
    return fail(Code::kCannotCreateIndex, "Index type 'wildcard' does not support the unique or sparse option");
  }
  if (spec.has("wildcardProjection") && !key.has("$**")) {
    return fail(Code::kBadValue, "The field 'wildcardProjection' is only allowed when the key is {\"$**\": 1}");
  }
  if (is_id_index(spec) && (spec.has("partialFilterExpression") || spec.truthy("sparse") || spec.truthy("hidden") ||
                            spec.has("expireAfterSeconds"))) {
    return fail(Code::kInvalidIndexSpecificationOption, "option is not valid for an _id index specification");
  }
  return check_expiry(spec, key, kind);
}

// {a: 1, t: "text", u: "text", z: 1} is stored as {a: 1, _fts: "text", _ftsx: 1, z: 1}; the text fields move into
// `weights`, which is listed in the order of names. (manual, "Text Indexes": what listIndexes shows.)
Doc text_form(const Doc& spec, const Doc& key) {
  Doc stored;
  std::map<std::string, Doc, std::less<>> weights;
  const Doc one = Doc().add("w", 1);
  bool placed = false;
  for (const Field& field : key.fields()) {
    if (field.key() == "_ftsx") continue;
    if (!field.is_text()) {
      stored.add(field);
      continue;
    }
    if (field.key() != "_fts") weights[std::string(field.key())] = one;
    if (!placed) stored.add("_fts", "text").add("_ftsx", 1);
    placed = true;
  }
  const Doc declared = spec.document("weights");
  for (const Field& weight : declared.fields()) weights[std::string(weight.key())] = Doc().add("w", weight);
  Doc sorted;
  for (const auto& [name, weight] : weights) sorted.add(name, *weight.find("w"));

  Doc form;
  form.add("key", stored).add("weights", sorted);
  if (!spec.has("default_language")) form.add("default_language", "english");
  if (!spec.has("language_override")) form.add("language_override", "language");
  if (!spec.has("textIndexVersion")) form.add("textIndexVersion", 3);
  return form;
}

Result<Doc> with_collation(const Doc& spec, Kind kind, const Doc& default_collation) {
  const Doc wanted = spec.has("collation") ? full_collation(spec.document("collation")) : default_collation;
  if (!wanted.empty() && (kind == Kind::kText || kind == Kind::k2d)) {
    // manual, "Collation and Index Types": these compare binary, and on a collection with a collation the simple one
    // must be asked for.
    return fail(Code::kCannotCreateIndex, "Index type does not support collation: " + wanted.json());
  }
  Doc result = spec.without({"collation"});
  if (!wanted.empty()) result.add("collation", wanted);
  return result;
}

}  // namespace

bool is_id_index(const Doc& spec) {
  const Doc key = spec.document("key");
  const auto fields = key.fields();
  return fields.size() == 1 && fields[0].key() == "_id" && fields[0].is_number();
}

bool is_text_index(const Doc& spec) {
  const Doc key = spec.document("key");
  return key.has("_fts");
}

Doc full_collation(const Doc& declared) {
  if (declared.text("locale") == "simple" || declared.empty()) return {};
  Doc defaults;
  defaults.add("locale", "").add("caseLevel", false).add("caseFirst", "off").add("strength", 3);
  defaults.add("numericOrdering", false).add("alternate", "non-ignorable").add("maxVariable", "punct");
  defaults.add("normalization", false).add("backwards", false).add("version", "57.1");
  return defaults.merged(declared);
}

Result<Doc> normalise_index(const Doc& declared, const std::string& namespace_name, const Doc& default_collation) {
  for (const Field& field : declared.fields()) {
    if (is_one_of(field.key(), kKnownFields)) continue;
    return fail(Code::kInvalidIndexSpecificationOption, "Error in specification " + declared.json() +
                                                            " :: caused by :: The field '" + std::string(field.key()) +
                                                            "' is not valid for an index specification");
  }
  const Doc key = declared.document("key");
  const auto name = declared.find("name");
  if (!declared.has("key")) return fail(Code::kFailedToParse, "The 'key' field is a required property of an index");
  if (!name) return fail(Code::kFailedToParse, "The 'name' field is a required property of an index specification");
  if (key.empty()) return fail(Code::kCannotCreateIndex, "Index keys cannot be empty.");
  if (name->text().empty()) return fail(Code::kCannotCreateIndex, "index name cannot be empty");
  if (name->text() == "*") return fail(Code::kBadValue, "The index name '*' is not valid.");
  if (key.size() > kMaxKeyFields) {
    return fail(Code::kCannotCreateIndex, "too many compound keys on " + namespace_name);
  }
  const auto kind = kind_of(key);
  if (!kind) return tl::unexpected(kind.error());
  if (const auto good = check_options(declared, key, *kind); !good) return tl::unexpected(good.error());

  Doc spec;
  spec.add("v", 2).add("key", key).add("name", name->text());
  spec.add_all(declared.without({"v", "key", "name", "ns", "prepareUnique"}));
  if (*kind == Kind::kText) spec = spec.merged(text_form(declared, key));
  if (*kind == Kind::k2dsphere && !spec.has("2dsphereIndexVersion")) spec.add("2dsphereIndexVersion", 3);
  if (!spec.truthy("hidden")) spec = spec.without({"hidden"});  // manual, "listIndexes": only present if true
  if (is_id_index(spec)) {
    // Whatever it is called, {_id: 1} is the index that every collection has, with the collection's collation.
    Doc id_index;
    id_index.add("v", 2).add("key", Doc().add("_id", 1)).add("name", "_id_");
    if (!default_collation.empty()) id_index.add("collation", default_collation);
    return id_index;
  }
  return with_collation(spec, *kind, default_collation);
}

IndexComparison compare_indexes(const Doc& left, const Doc& right) {
  const auto same_at = [&](std::string_view name) {
    const auto a = left.find(name);
    const auto b = right.find(name);
    if (name == "unique" || name == "sparse") return (a && a->truthy()) == (b && b->truthy());  // false is the default
    return a.has_value() == b.has_value() && (!a || a->same(*b));
  };
  if (!std::ranges::all_of(kIdentity, same_at)) return IndexComparison::kDifferent;
  const auto is_option = [](std::string_view key) { return !is_one_of(key, kIdentity) && !is_one_of(key, kIgnored); };
  const bool same_options = left.filtered(is_option).same_fields(right.filtered(is_option));
  return same_options ? IndexComparison::kIdentical : IndexComparison::kEquivalent;
}

}  // namespace readygate::scripted
