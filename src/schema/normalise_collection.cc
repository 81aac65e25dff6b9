// Collections, views and collations. The reported forms, from listCollections of MongoDB (manual: "create",
// "Time Series Collections", "Clustered Collections", "Collation"):
//   { capped: true, size: 1048576, max: 1000 }
//   { timeseries: { timeField: "t", granularity: "seconds", bucketMaxSpanSeconds: 3600 }, expireAfterSeconds: 60 }
//   { clusteredIndex: { v: 2, key: { _id: 1 }, name: "_id_", unique: true } }
//   { collation: { locale: "en", caseLevel: false, caseFirst: "off", strength: 3, …, version: "57.1" } }
//   { validator: {…}, validationLevel: "strict", validationAction: "error" }
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>

#include "schema/collection_options.h"
#include "schema/encryption.h"
#include "schema/normalise.h"

namespace readygate::schema {
namespace {

constexpr std::int64_t kLeastCapped = 4096;  // bytes; and a multiple of 256 (create, "size")
constexpr std::int64_t kCappedStep = 256;
// No limit. MongoDB keeps this for a `max` or `cappedMax` of 0 or less, and lists it (adjustCappedMaxDocs of its
// collection_options.cpp); more it refuses.
constexpr std::int64_t kNoLimit = 0x7fffffff;

// Of a number that a server may keep as a double.
std::optional<std::int64_t> whole_at(const Document& options, std::string_view name) {
  const std::optional<Field> found = field(options, name);
  const std::optional<double> real = found ? found->real() : std::nullopt;
  if (!real || !std::isfinite(*real) || std::abs(*real) > 9e15) return std::nullopt;
  return static_cast<std::int64_t>(*real);
}

void validator(Document& to, const Document& options) {
  const std::optional<Document> rule = document_at(options, "validator");
  if (!rule || rule->empty()) return;
  const std::optional<Field> level = field(options, "validationLevel");
  const std::optional<Field> action = field(options, "validationAction");
  append(to, "validator", *rule);
  append(to, "validationLevel", level ? level->string().value_or("strict") : "strict");
  append(to, "validationAction", action ? action->string().value_or("error") : "error");
}

void capped(Document& to, const Document& options) {
  const std::optional<Field> flag = field(options, "capped");
  if (!flag || !flag->truthy()) return;
  append(to, "capped", true);
  const std::int64_t size = std::max(whole_at(options, "size").value_or(0), kLeastCapped);
  append(to, "size", (size + kCappedStep - 1) / kCappedStep * kCappedStep);
  const std::int64_t max = whole_at(options, "max").value_or(0);
  if (max > 0 && max < kNoLimit) append(to, "max", max);
}

// Either a granularity or a span: servers list both for a granularity, and before 6.3 know no other.
void timeseries(Document& to, const Document& options) {
  const std::optional<Document> series = document_at(options, "timeseries");
  if (!series) return;
  Document form;
  if (const auto time = field(*series, "timeField")) append(form, *time);
  if (const auto meta = field(*series, "metaField")) append(form, *meta);
  const std::optional<Field> granularity = field(*series, "granularity");
  const std::optional<std::int64_t> rounding = whole_at(*series, "bucketRoundingSeconds");
  if (rounding && !granularity) {
    append(form, "bucketMaxSpanSeconds", whole_at(*series, "bucketMaxSpanSeconds").value_or(*rounding));
    append(form, "bucketRoundingSeconds", *rounding);
  } else {
    append(form, "granularity", granularity ? granularity->string().value_or("seconds") : "seconds");
  }
  append(to, "timeseries", form);
}

void clustered(Document& to, const Document& options) {
  const std::optional<Field> clustered = field(options, "clusteredIndex");
  if (!clustered || (clustered->boolean() && !*clustered->boolean())) return;
  const std::optional<Document> index = clustered->document();
  const std::optional<Field> name = index ? field(*index, "name") : std::nullopt;
  Document key;
  append(key, "_id", 1);
  Document form;
  append(form, "key", key);
  append(form, "unique", true);
  append(form, "name", name ? name->string().value_or("_id_") : "_id_");
  append(to, "clusteredIndex", form);
}

}  // namespace

Document normalised_collection(const Document& options) {
  Document to;
  validator(to, options);
  capped(to, options);
  timeseries(to, options);
  clustered(to, options);
  if (const auto collation = document_at(options, "collation")) {
    const Document form = normalised_collation(*collation);
    if (!form.empty()) append(to, "collation", form);
  }
  if (const auto seconds = whole_at(options, "expireAfterSeconds")) append(to, "expireAfterSeconds", *seconds);
  const std::optional<Document> images = document_at(options, "changeStreamPreAndPostImages");
  const std::optional<Field> enabled = images ? field(*images, "enabled") : std::nullopt;
  if (enabled && enabled->truthy()) {
    Document form;
    append(form, "enabled", true);
    append(to, "changeStreamPreAndPostImages", form);
  }
  for (const std::string_view name : {"storageEngine", "indexOptionDefaults"}) {
    const std::optional<Document> given = document_at(options, name);
    if (given && !given->empty()) append(to, name, *given);
  }
  if (const auto encrypted = document_at(options, kEncryptedFields)) {
    append(to, kEncryptedFields, normalised_encryption(*encrypted));
  }
  return to;
}

Document normalised_view(const Document& options) {
  Document to;
  if (const auto on = field(options, "viewOn")) append(to, *on);
  const std::optional<Field> pipeline = field(options, "pipeline");
  if (pipeline && pipeline->type() == BSON_TYPE_ARRAY) {
    append(to, *pipeline);
  } else {
    append(to, "pipeline", std::vector<Document>{});
  }
  if (const auto collation = document_at(options, "collation")) {
    const Document form = normalised_collation(*collation);
    if (!form.empty()) append(to, "collation", form);
  }
  return to;
}

Document normalised_collation(const Document& collation) {
  const std::optional<Field> locale = field(collation, "locale");
  if (!locale || locale->string() == "simple") return {};
  Document to;
  for (const CollationOption& option : kCollationOptions) {
    const std::optional<Field> given = field(collation, option.server);
    if (!given) continue;
    const std::optional<std::int64_t> number = given->integer();
    const std::string text = number ? std::to_string(*number) : given->string().value_or(given->to_json());
    if (text != option.key.fallback) append(to, *given);
  }
  return to;
}

bool same_collation(const Document& declared, const Document& reported) {
  return std::all_of(kCollationOptions.begin(), kCollationOptions.end(), [&](const CollationOption& option) {
    const std::optional<Field> asked = field(declared, option.server);
    const std::optional<Field> shown = field(reported, option.server);
    if (!asked) return !shown || !option.key.fallback;
    if (!shown) return false;
    Document x;
    Document y;
    append(x, "", *asked);
    append(y, "", *shown);
    return same(x, y);
  });
}

bool same_option(std::string_view option, const std::optional<Field>& declared, const std::optional<Field>& reported) {
  if (!declared || !reported) return declared.has_value() == reported.has_value();
  if (option == "collation" && declared->document() && reported->document()) {
    return same_collation(*declared->document(), *reported->document());
  }
  if (option == kEncryptedFields && declared->document() && reported->document()) {
    return same_encryption(*declared->document(), *reported->document());
  }
  // NaN, as an old server may have kept it, is no time at all (manual, "TTL Indexes").
  if (reported->real() && std::isnan(*reported->real())) return false;
  Document x;
  Document y;
  append(x, "", *declared);
  append(y, "", *reported);
  return same(x, y, option == "pipeline" ? FieldOrder::kMatters : FieldOrder::kIgnored);
}

}  // namespace readygate::schema
