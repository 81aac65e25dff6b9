// See encrypted_fields.h.
#include "scripted_server/encrypted_fields.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>
#include <vector>

namespace readygate::scripted {

namespace {

constexpr std::int64_t kContention = 8;  // manual, "Configure Encrypted Fields for Optimal Search and Storage"

constexpr std::array<std::string_view, 12> kEqualityTypes = {"binData", "javascript", "regex",  "string",
                                                             "int",     "long",       "bool",   "timestamp",
                                                             "date",    "objectId",   "symbol", "dbPointer"};
constexpr std::array<std::string_view, 5> kUnindexedTypes = {"array", "object", "decimal", "double",
                                                             "javascriptWithScope"};
constexpr std::array<std::string_view, 5> kRangeTypes = {"int", "long", "date", "double", "decimal"};

template <std::size_t N>
bool is_one_of(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

Result<void> known(const Doc& document, std::string_view where, const std::vector<std::string_view>& names) {
  for (const Field& field : document.fields()) {
    if (std::ranges::find(names, field.key()) != names.end()) continue;
    return fail(Code::kUnknownCommandField,
                "BSON field '" + std::string(where) + "." + std::string(field.key()) + "' is an unknown field.");
  }
  return {};
}

bool overlap(std::string_view a, std::string_view b) {
  if (a.size() > b.size()) std::swap(a, b);
  return b.starts_with(a) && (a.size() == b.size() || b[a.size()] == '.');
}

bool is_uuid(const Field& field) {
  if (field.type() != BSON_TYPE_BINARY) return false;
  bson_subtype_t subtype = BSON_SUBTYPE_BINARY;
  std::uint32_t size = 0;
  const std::uint8_t* bytes = nullptr;
  bson_iter_binary(&field.iterator(), &subtype, &size, &bytes);
  return subtype == BSON_SUBTYPE_UUID && size == 16;
}

std::string_view type_name(const Field& field) {
  switch (field.type()) {
    case BSON_TYPE_INT32: return "int";
    case BSON_TYPE_INT64: return "long";
    case BSON_TYPE_DOUBLE: return "double";
    case BSON_TYPE_DECIMAL128: return "decimal";
    case BSON_TYPE_DATE_TIME: return "date";
    default: return "";
  }
}

Result<void> check_range(const Doc& query, const std::string& type) {
  if (!is_one_of(kRangeTypes, type)) {
    return fail(Code::kEncryptedRangeType, "Type '" + type + "' is not a supported range indexed type");
  }
  for (const auto& [bound, code] : {std::pair("min", Code::kEncryptedMin), std::pair("max", Code::kEncryptedMax)}) {
    const auto given = query.find(bound);
    if (given && type_name(*given) != type) {
      return fail(code, "Range field type '" + type + "' does not match the " + bound + " value type");
    }
  }
  return {};
}

Result<Doc> full_query(const Doc& query, const std::string& type) {
  const std::string kind = query.text("queryType");
  Result<void> good;
  if (kind == "equality") {
    good = known(query, "create.encryptedFields.fields.queries", {"queryType", "contention"});
    if (good && !is_one_of(kEqualityTypes, type)) {
      good = fail(Code::kEncryptedEqualityType, "Type '" + type + "' is not a supported equality indexed type");
    }
  } else if (kind == "range") {
    good = known(query, "create.encryptedFields.fields.queries",
                 {"queryType", "contention", "min", "max", "sparsity", "trimFactor", "precision"});
    if (good) good = check_range(query, type);
  } else if (kind != "prefixPreview" && kind != "suffixPreview" && kind != "substringPreview" && kind != "prefix" &&
             kind != "suffix" && kind != "substring") {
    good = fail(Code::kBadValue, "Enumeration value '" + kind + "' for field 'queryType' is not a valid value.");
  }
  if (!good) return tl::unexpected(good.error());
  Doc full = query;
  if (!full.has("contention")) full.add("contention", kContention);
  return full;
}

Result<Doc> full_field(const Doc& field) {
  if (const auto good = known(field, "create.encryptedFields.fields", {"keyId", "path", "bsonType", "queries"});
      !good) {
    return tl::unexpected(good.error());
  }
  const auto key = field.find("keyId");
  if (!key || !is_uuid(*key)) {
    return fail(Code::kFailedToParse, "BSON field 'create.encryptedFields.fields.keyId' is no UUID");
  }
  const std::string type = field.text("bsonType");
  const auto queries = field.find("queries");
  if (!queries) {
    if (!type.empty() && !is_one_of(kEqualityTypes, type) && !is_one_of(kUnindexedTypes, type)) {
      return fail(Code::kEncryptedType, "Type '" + type + "' is not a supported unindexed type");
    }
    return field;
  }
  if (type.empty()) {
    return fail(Code::kEncryptedWithoutType, "BSON type needs to be specified for an indexed field");
  }
  std::vector<Doc> full;
  for (const Doc& query : queries->is_array() ? field.documents("queries") : std::vector<Doc>{queries->document()}) {
    auto one = full_query(query, type);
    if (!one) return one;
    full.push_back(std::move(*one));
  }
  Doc result = field.without({"queries"});
  if (queries->is_array()) {
    result.add_array("queries", Doc::array_of(full));
  } else {
    result.add("queries", full.front());
  }
  return result;
}

Result<void> check_against(const Doc& field, const std::vector<Doc>& before) {
  const std::string path = field.text("path");
  if (path.empty()) return fail(Code::kEncryptedFieldWithoutPath, "Encrypted field must have a non-empty path");
  if (overlap(path, "_id")) return fail(Code::kEncryptedId, "Cannot encrypt _id or its subfields");
  for (const Doc& other : before) {
    const std::string another = other.text("path");
    const auto mine = field.find("keyId");
    const auto theirs = other.find("keyId");
    if (mine->same(*theirs)) return fail(Code::kEncryptedKeyTwice, "Duplicate key ids are not allowed");
    if (path == another) return fail(Code::kEncryptedPathTwice, "Duplicate paths are not allowed");
    if (overlap(path, another)) {
      std::string message = "Conflicting index paths found as one is a prefix of another '";
      message.append(path).append("' and '").append(another).append("'");
      return fail(Code::kEncryptedPathsOverlap, std::move(message));
    }
  }
  return {};
}

}  // namespace

Result<void> check_encrypted_collection(const Doc& options, bool standalone) {
  if (options.truthy("capped")) {
    return fail(Code::kEncryptedCapped, "Encrypted fields cannot be used with capped collections");
  }
  if (options.has("viewOn") || options.has("timeseries")) {
    return fail(Code::kEncryptedView, "Encrypted fields cannot be used with views or timeseries collections");
  }
  if (standalone) {
    return fail(Code::kEncryptedStandalone, "Encrypted collections are not supported on standalone");
  }
  const std::string level = options.text("validationLevel");
  const std::string action = options.text("validationAction");
  if (!level.empty() && level != "strict" && level != "constraint") {
    return fail(Code::kBadValue,
                "Validation levels other than 'strict' or 'constraint' are not allowed on encrypted collections");
  }
  if (!action.empty() && action != "error") {
    return fail(Code::kBadValue,
                "Validation action of 'warn' and 'errorAndLog' are not allowed on encrypted collections");
  }
  return {};
}

Result<Doc> full_encrypted_fields(const Doc& declared, const std::string& collection) {
  if (const auto good =
          known(declared, "create.encryptedFields", {"fields", "escCollection", "ecocCollection", "strEncodeVersion"});
      !good) {
    return tl::unexpected(good.error());
  }
  std::vector<Doc> fields;
  for (const Doc& field : declared.documents("fields")) {
    auto full = full_field(field);
    if (!full) return full;
    if (const auto good = check_against(*full, fields); !good) return tl::unexpected(good.error());
    fields.push_back(std::move(*full));
  }
  Doc result;
  for (const auto& [option, suffix] : {std::pair("escCollection", ".esc"), std::pair("ecocCollection", ".ecoc")}) {
    const std::string name = "enxcol_." + collection + suffix;
    if (declared.has(option) && declared.text(option) != name) {
      return fail(Code::kEncryptedState,
                  std::string("Encrypted State Collection name should follow enxcol_.<collection>") + suffix +
                      " naming pattern");
    }
    result.add(option, name);
  }
  if (const auto version = declared.find("strEncodeVersion")) result.add(*version);
  return result.add_array("fields", Doc::array_of(fields));
}

Result<void> check_index_beside(const Doc& encrypted_fields, const Doc& spec) {
  if (spec.has("expireAfterSeconds")) {
    return fail(Code::kEncryptedTtl, "TTL indexes are not allowed on encrypted collections");
  }
  const Doc key = spec.document("key");
  for (const Field& part : key.fields()) {
    std::string_view path = part.key();
    if (path.ends_with(".$**")) path.remove_suffix(4);
    for (const Doc& field : encrypted_fields.documents("fields")) {
      if (!overlap(path, field.text("path"))) continue;
      return fail(Code::kEncryptedIndex,
                  "Index not allowed on, or a prefix of, the encrypted field " + field.text("path"));
    }
  }
  return {};
}

}  // namespace readygate::scripted
