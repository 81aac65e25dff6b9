// The reported form, as the server's encryption_fields.idl has it: what was declared, with the names of the state
// collections, and in each query its contention:
//   { fields: [ { keyId: UUID("…"), path: "ssn", bsonType: "string",
//                 queries: { queryType: "equality", contention: NumberLong(8) } } ],
//     escCollection: "enxcol_.c.esc", ecocCollection: "enxcol_.c.ecoc" }
#include "schema/encryption.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "schema/fields.h"

namespace readygate::schema {
namespace {

// The items of an array of documents; none when it is something else.
std::optional<std::vector<Document>> items_in(const Field& given) {
  if (given.type() != BSON_TYPE_ARRAY) return std::nullopt;
  const Document array = *given.document();
  std::vector<Document> items;
  for (const Field& item : fields(array)) {
    if (item.type() != BSON_TYPE_DOCUMENT) return std::nullopt;
    items.push_back(*item.document());
  }
  return items;
}

std::optional<std::vector<Document>> documents_at(const Document& from, std::string_view name) {
  const std::optional<Field> found = field(from, name);
  return found ? items_in(*found) : std::nullopt;
}

std::vector<Document> queries_at(const Document& encrypted) {
  const std::optional<Field> found = field(encrypted, "queries");
  return found ? queries_in(*found) : std::vector<Document>();
}

void sort_by(std::vector<Document>& documents, std::string_view name) {
  std::stable_sort(documents.begin(), documents.end(),
                   [&](const Document& a, const Document& b) { return text_at(a, name) < text_at(b, name); });
}

// Bounds have the type of their field (validateRangeIndex of the server), which Extended JSON does not say of 5.
void append_bound(Document& to, const Field& bound, std::string_view type) {
  const std::optional<std::int64_t> whole = bound.integer();
  if (type == "long" && bound.type() == BSON_TYPE_INT32) {
    append(to, bound.name(), *whole);
  } else if (type == "double" && whole && bound.type() != BSON_TYPE_DOUBLE) {
    append(to, bound.name(), static_cast<double>(*whole));
  } else {
    append(to, bound);
  }
}

// Defaults of the manual, "Configure Encrypted Fields for Optimal Search and Storage".
bool is_default(const Field& option) {
  return (option.name() == "sparsity" && option.integer() == 2) ||
         (option.name() == "trimFactor" && option.integer() == 6);
}

Document normalised_query(const Document& query, std::string_view type) {
  Document form;
  for (const Field& option : fields(query)) {
    if (is_default(option)) continue;
    if (option.name() == "min" || option.name() == "max") {
      append_bound(form, option, type);
    } else {
      append(form, option);
    }
  }
  return form;
}

// One query stands alone or in an array, to the same effect.
void append_queries(Document& to, const Document& encrypted, std::string_view type) {
  const std::optional<Field> given = field(encrypted, "queries");
  if (!given) return;
  std::vector<Document> all = queries_in(*given);
  if (all.empty()) {
    append(to, *given);
    return;
  }
  for (Document& query : all) query = normalised_query(query, type);
  sort_by(all, "queryType");
  if (all.size() == 1) {
    append(to, "queries", all.front());
  } else {
    append(to, "queries", all);
  }
}

bool same_query(const Document& declared, const Document& reported) {
  return same(declared, declared.has("contention") ? reported : without(reported, {"contention"}));
}

bool same_queries(const Document& declared, const Document& reported) {
  const std::vector<Document> asked = queries_at(declared);
  const std::vector<Document> shown = queries_at(reported);
  if (asked.empty() || shown.empty()) return !declared.has("queries") && !reported.has("queries");
  return std::equal(asked.begin(), asked.end(), shown.begin(), shown.end(), same_query);
}

bool same_field(const Document& declared, const Document& reported) {
  return same(without(declared, {"queries"}), without(reported, {"queries"})) && same_queries(declared, reported);
}

}  // namespace

bool encrypts(const Document& options) { return document_at(options, kEncryptedFields).has_value(); }

std::vector<std::string> state_collections(std::string_view collection) {
  return {fmt::format("{}{}.esc", kStatePrefix, collection), fmt::format("{}{}.ecoc", kStatePrefix, collection)};
}

Document state_options() {
  Document key;
  append(key, "_id", 1);
  Document index;
  append(index, "key", key);
  append(index, "unique", true);
  append(index, "name", "_id_");
  Document options;
  append(options, "clusteredIndex", index);
  return options;
}

Index safe_content_index(const Document& options) {
  Index index;
  index.name = fmt::format("{}_1", kSafeContent);  // as every driver names it
  append(index.key, kSafeContent, 1);
  if (const auto collation = field(options, "collation")) append(index.options, *collation);
  return index;
}

bool is_safe_content_index(const Index& index) {
  const std::vector<Field> key = fields(index.key);
  return key.size() == 1 && key.front().name() == kSafeContent && key.front().is_number();
}

Document normalised_encryption(const Document& encrypted_fields) {
  std::optional<std::vector<Document>> all = documents_at(encrypted_fields, "fields");
  Document form;
  if (all) {
    for (Document& encrypted : *all) {
      Document one = without(encrypted, {"queries"});
      append_queries(one, encrypted, text_at(encrypted, "bsonType"));
      encrypted = std::move(one);
    }
    sort_by(*all, "path");
    append(form, "fields", *all);
  } else if (const auto strange = field(encrypted_fields, "fields")) {
    append(form, *strange);
  }
  for (const Field& each : fields(encrypted_fields)) {
    const std::string_view name = each.name();
    // The server takes no other names (SERVER-74069), and adds them where there are none.
    if (name != "fields" && name != "escCollection" && name != "ecocCollection") append(form, each);
  }
  return form;
}

bool same_encryption(const Document& declared, const Document& reported) {
  const auto asked = documents_at(declared, "fields");
  const auto shown = documents_at(reported, "fields");
  if (!asked || !shown) return same(declared, reported);
  Document others = without(reported, {"fields"});
  // Drivers add it for queries of text: it is the version in which they encode them.
  if (!declared.has("strEncodeVersion")) others = without(others, {"strEncodeVersion"});
  return same(without(declared, {"fields"}), others) &&
         std::equal(asked->begin(), asked->end(), shown->begin(), shown->end(), same_field);
}

std::vector<Document> queries_in(const Field& queries) {
  if (queries.type() == BSON_TYPE_DOCUMENT) return {*queries.document()};
  return items_in(queries).value_or(std::vector<Document>());
}

std::vector<std::string> queried_types(const Document& encrypted_fields) {
  std::vector<std::string> types;
  for (const Document& encrypted : documents_at(encrypted_fields, "fields").value_or(std::vector<Document>())) {
    for (const Document& query : queries_at(encrypted)) types.push_back(text_at(query, "queryType"));
  }
  return types;
}

std::string encrypted_field_at(const Document& encrypted_fields, std::string_view path) {
  const auto all = documents_at(encrypted_fields, "fields");
  if (!all) return {};
  for (const Document& encrypted : *all) {
    std::string at = text_at(encrypted, "path");
    if (overlap(at, path)) return at;
  }
  return {};
}

bool overlap(std::string_view a, std::string_view b) {
  if (a.size() > b.size()) std::swap(a, b);
  return b.starts_with(a) && (a.size() == b.size() || b[a.size()] == '.');
}

const std::vector<QueryType>& query_types() {
  using Kind = QueryType::Kind;
  // 9.0 creates no collection with a preview type (SERVER-123416, SERVER-129158).
  static const std::vector<QueryType> kTypes = {
      {Kind::kEquality, "equality", 7, 0},
      {Kind::kRange, "range", 8, 0},
      {Kind::kText, "prefix", 9, 0},
      {Kind::kText, "suffix", 9, 0},
      {Kind::kText, "substring", 9, 0},
      {Kind::kText, "prefixPreview", 8, 2, 9, "prefix"},
      {Kind::kText, "suffixPreview", 8, 2, 9, "suffix"},
      {Kind::kText, "substringPreview", 8, 2, 9, "substring"},
  };
  return kTypes;
}

}  // namespace readygate::schema
