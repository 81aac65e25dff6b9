// Thin wrappers; the only one with a decision in it is integer(): numbers are compared by value, whatever their type.
#include "schema/fields.h"

#include <algorithm>
#include <cmath>

namespace readygate::schema {
namespace {

int length(std::string_view text) { return static_cast<int>(text.size()); }

// Same as in BSON: the names of an array's items.
std::string index_name(std::size_t i) { return std::to_string(i); }

}  // namespace

bool Field::is_number() const {
  return type() == BSON_TYPE_INT32 || type() == BSON_TYPE_INT64 || type() == BSON_TYPE_DOUBLE;
}

std::optional<std::string> Field::string() const {
  if (type() != BSON_TYPE_UTF8) return std::nullopt;
  std::uint32_t size = 0;
  const char* text = bson_iter_utf8(&it_, &size);
  return std::string(text, size);
}

std::optional<bool> Field::boolean() const {
  if (type() != BSON_TYPE_BOOL) return std::nullopt;
  return bson_iter_bool(&it_);
}

std::optional<std::int64_t> Field::integer() const {
  if (type() == BSON_TYPE_INT32 || type() == BSON_TYPE_INT64) return bson_iter_as_int64(&it_);
  if (type() != BSON_TYPE_DOUBLE) return std::nullopt;
  const double number = bson_iter_double(&it_);
  constexpr double kLimit = 9223372036854775808.0;  // 2^63
  if (!(number >= -kLimit && number < kLimit) || std::trunc(number) != number) return std::nullopt;
  return static_cast<std::int64_t>(number);
}

std::optional<double> Field::real() const {
  if (!is_number()) return std::nullopt;
  return type() == BSON_TYPE_DOUBLE ? bson_iter_double(&it_) : static_cast<double>(bson_iter_as_int64(&it_));
}

std::optional<Document> Field::document() const {
  const std::uint8_t* data = nullptr;
  std::uint32_t size = 0;
  if (type() == BSON_TYPE_DOCUMENT) {
    bson_iter_document(&it_, &size, &data);
  } else if (type() == BSON_TYPE_ARRAY) {
    bson_iter_array(&it_, &size, &data);
  } else {
    return std::nullopt;
  }
  bson_t child;
  if (!bson_init_static(&child, data, size)) return std::nullopt;
  return Document(child);
}

bool Field::truthy() const {
  if (const auto flag = boolean()) return *flag;
  const auto number = real();
  return number && *number != 0;
}

std::string Field::to_json() const {
  Document alone;
  append(alone, "", *this);
  // { "" : 1 }
  const std::string json = alone.to_json();
  const std::size_t begin = json.find(':');
  const std::size_t end = json.rfind('}');
  if (begin == std::string::npos || end == std::string::npos || end < begin + 4) return {};
  return json.substr(begin + 2, end - begin - 3);
}

std::vector<Field> fields(const Document& document) {
  std::vector<Field> all;
  bson_iter_t it;
  if (bson_iter_init(&it, document.get())) {
    while (bson_iter_next(&it)) all.emplace_back(it);
  }
  return all;
}

std::optional<Field> field(const Document& document, std::string_view name) {
  bson_iter_t it;
  if (!bson_iter_init_find_w_len(&it, document.get(), name.data(), length(name))) return std::nullopt;
  return Field(it);
}

std::optional<Document> document_at(const Document& document, std::string_view name) {
  const std::optional<Field> found = field(document, name);
  if (!found || found->type() != BSON_TYPE_DOCUMENT) return std::nullopt;
  return found->document();
}

std::string text_at(const Document& document, std::string_view name) {
  const std::optional<Field> found = field(document, name);
  return found ? found->string().value_or("") : "";
}

std::int64_t integer_at(const Document& document, std::string_view name) {
  const std::optional<Field> found = field(document, name);
  return found ? found->integer().value_or(0) : 0;
}

std::vector<const Field*> in_order(const std::vector<Field>& all, FieldOrder order) {
  std::vector<const Field*> sorted;
  sorted.reserve(all.size());
  for (const Field& each : all) sorted.push_back(&each);
  if (order == FieldOrder::kIgnored) {
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const Field* a, const Field* b) { return a->name() < b->name(); });
  }
  return sorted;
}

void append(Document& to, std::string_view name, std::string_view text) {
  bson_append_utf8(to.get(), name.data(), length(name), text.data(), length(text));
}
void append(Document& to, std::string_view name, const char* text) { append(to, name, std::string_view(text)); }
void append(Document& to, std::string_view name, bool flag) {
  bson_append_bool(to.get(), name.data(), length(name), flag);
}
void append(Document& to, std::string_view name, std::int32_t number) {
  bson_append_int32(to.get(), name.data(), length(name), number);
}
void append(Document& to, std::string_view name, std::int64_t number) {
  bson_append_int64(to.get(), name.data(), length(name), number);
}
void append(Document& to, std::string_view name, double number) {
  bson_append_double(to.get(), name.data(), length(name), number);
}
void append(Document& to, std::string_view name, const Document& document) {
  bson_append_document(to.get(), name.data(), length(name), document.get());
}
void append(Document& to, std::string_view name, const std::vector<Document>& array) {
  Document items;
  for (std::size_t i = 0; i < array.size(); ++i) append(items, index_name(i), array[i]);
  bson_append_array(to.get(), name.data(), length(name), items.get());
}
void append(Document& to, std::string_view name, const Field& value) {
  const bson_iter_t it = value.iterator();
  bson_append_iter(to.get(), name.data(), length(name), &it);
}
void append(Document& to, const Field& field) { append(to, field.name(), field); }

Document without(const Document& document, const std::vector<std::string_view>& names) {
  Document rest;
  for (const Field& each : fields(document)) {
    if (std::find(names.begin(), names.end(), each.name()) == names.end()) append(rest, each);
  }
  return rest;
}

}  // namespace readygate::schema
