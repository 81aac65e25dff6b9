// See document.h. libbson takes lengths as int: every document here came from it or is far smaller than 2 GiB.
#include "scripted_server/document.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace readygate::scripted {

namespace {

int length(std::string_view text) { return static_cast<int>(text.size()); }

bool same_fields_in_order(const std::vector<Field>& left, const std::vector<Field>& right, bool names) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [names](const Field& a, const Field& b) { return (!names || a.key() == b.key()) && a.same(b); });
}

template <typename T>
int three_way(const T& left, const T& right) {
  return left < right ? -1 : right < left ? 1 : 0;
}

std::pair<std::string_view, std::string_view> split_path(std::string_view path) {
  const auto dot = path.find('.');
  if (dot == std::string_view::npos) return {path, {}};
  return {path.substr(0, dot), path.substr(dot + 1)};
}

}  // namespace

std::string_view Field::key() const { return bson_iter_key(&iterator_); }

bool Field::is_number() const {
  return type() == BSON_TYPE_INT32 || type() == BSON_TYPE_INT64 || type() == BSON_TYPE_DOUBLE;
}

bool Field::truthy() const {
  if (type() == BSON_TYPE_BOOL) return bson_iter_bool(&iterator_);
  return is_number() && number() != 0;
}

double Field::number() const {
  if (type() == BSON_TYPE_DOUBLE) return bson_iter_double(&iterator_);
  return is_number() ? static_cast<double>(bson_iter_as_int64(&iterator_)) : 0.0;
}

std::int64_t Field::integer() const { return is_number() ? bson_iter_as_int64(&iterator_) : 0; }

std::string_view Field::text() const {
  if (!is_text()) return {};
  std::uint32_t size = 0;
  const char* data = bson_iter_utf8(&iterator_, &size);
  return {data, size};
}

Doc Field::document() const {
  const std::uint8_t* data = nullptr;
  std::uint32_t size = 0;
  if (is_document()) bson_iter_document(&iterator_, &size, &data);
  if (is_array()) bson_iter_array(&iterator_, &size, &data);
  bson_t view;
  if (data == nullptr || !bson_init_static(&view, data, size)) return {};
  return Doc(view);
}

bool Field::same(const Field& other) const {
  if (is_number() && other.is_number()) {
    if (type() == BSON_TYPE_DOUBLE || other.type() == BSON_TYPE_DOUBLE) return number() == other.number();
    return integer() == other.integer();
  }
  if (type() != other.type()) return false;
  if (is_document()) return document().same(other.document());
  if (is_array()) {
    const Doc left = document();
    const Doc right = other.document();
    return same_fields_in_order(left.fields(), right.fields(), false);
  }
  // One element per document, under one name: then the bytes are equal exactly when type and value are.
  Doc left;
  Doc right;
  return std::ranges::equal(left.add("", *this).bytes(), right.add("", other).bytes());
}

std::optional<int> Field::compare(const Field& other) const {
  if (is_number() && other.is_number()) return three_way(number(), other.number());
  if (type() != other.type()) return std::nullopt;
  if (is_text()) return three_way(text(), other.text());
  if (type() == BSON_TYPE_DATE_TIME) {
    return three_way(bson_iter_date_time(&iterator_), bson_iter_date_time(&other.iterator_));
  }
  return std::nullopt;
}

std::optional<Doc> Doc::from_bytes(std::span<const std::uint8_t> bytes) {
  bson_t view;
  if (bytes.empty()) return std::nullopt;  // libbson aborts on a null pointer
  if (!bson_init_static(&view, bytes.data(), bytes.size()) || !bson_validate(&view, BSON_VALIDATE_NONE, nullptr)) {
    return std::nullopt;
  }
  return Doc(view);
}

std::optional<Doc> Doc::from_json(std::string_view text) {
  bson_error_t error;
  Doc parsed;
  const auto* data = reinterpret_cast<const std::uint8_t*>(text.data());
  bson_t* read = bson_new_from_json(data, static_cast<ssize_t>(text.size()), &error);
  if (read == nullptr) return std::nullopt;
  std::swap(parsed.bson_, read);
  bson_destroy(read);
  return parsed;
}

Doc Doc::array_of(const std::vector<Doc>& items) {
  Doc array;
  for (std::size_t i = 0; i < items.size(); ++i) array.add(std::to_string(i), items[i]);
  return array;
}

Doc Doc::array_of(const std::vector<std::string>& items) {
  Doc array;
  for (std::size_t i = 0; i < items.size(); ++i) array.add(std::to_string(i), items[i]);
  return array;
}

Doc& Doc::add(std::string_view key, std::int32_t value) {
  bson_append_int32(bson_, key.data(), length(key), value);
  return *this;
}

Doc& Doc::add(std::string_view key, std::int64_t value) {
  bson_append_int64(bson_, key.data(), length(key), value);
  return *this;
}

Doc& Doc::add(std::string_view key, double value) {
  bson_append_double(bson_, key.data(), length(key), value);
  return *this;
}

Doc& Doc::add(std::string_view key, bool value) {
  bson_append_bool(bson_, key.data(), length(key), value);
  return *this;
}

Doc& Doc::add(std::string_view key, std::string_view value) {
  bson_append_utf8(bson_, key.data(), length(key), value.data(), length(value));
  return *this;
}

Doc& Doc::add(std::string_view key, const Doc& value) {
  bson_append_document(bson_, key.data(), length(key), value.get());
  return *this;
}

Doc& Doc::add(std::string_view key, const Field& value) {
  bson_append_iter(bson_, key.data(), length(key), &value.iterator());
  return *this;
}

Doc& Doc::add_array(std::string_view key, const Doc& items) {
  bson_append_array(bson_, key.data(), length(key), items.get());
  return *this;
}

Doc& Doc::add_null(std::string_view key) {
  bson_append_null(bson_, key.data(), length(key));
  return *this;
}

Doc& Doc::add_date(std::string_view key, std::int64_t milliseconds) {
  bson_append_date_time(bson_, key.data(), length(key), milliseconds);
  return *this;
}

Doc& Doc::add_uuid(std::string_view key, std::span<const std::uint8_t, 16> bytes) {
  bson_append_binary(bson_, key.data(), length(key), BSON_SUBTYPE_UUID, bytes.data(), 16);
  return *this;
}

Doc& Doc::add_binary(std::string_view key, std::span<const std::uint8_t> bytes) {
  bson_append_binary(bson_, key.data(), length(key), BSON_SUBTYPE_BINARY, bytes.data(),
                     static_cast<std::uint32_t>(bytes.size()));
  return *this;
}

Doc& Doc::add_timestamp(std::string_view key, std::uint32_t seconds, std::uint32_t increment) {
  bson_append_timestamp(bson_, key.data(), length(key), seconds, increment);
  return *this;
}

Doc& Doc::add_object_id(std::string_view key, std::uint32_t number) {
  bson_oid_t id;
  std::memset(&id, 0, sizeof id);
  for (int i = 0; i < 4; ++i) id.bytes[11 - i] = static_cast<std::uint8_t>(number >> (8 * i));
  bson_append_oid(bson_, key.data(), length(key), &id);
  return *this;
}

Doc& Doc::add_all(const Doc& other) {
  bson_concat(bson_, other.get());
  return *this;
}

std::optional<Field> Doc::find(std::string_view key) const& {
  bson_iter_t iterator;
  if (!bson_iter_init_find_w_len(&iterator, bson_, key.data(), length(key))) return std::nullopt;
  return Field(iterator);
}

std::optional<Field> Doc::find_path(std::string_view path) const& {
  bson_iter_t start;
  bson_iter_t found;
  if (!bson_iter_init(&start, bson_)) return std::nullopt;
  if (!bson_iter_find_descendant(&start, std::string(path).c_str(), &found)) return std::nullopt;
  return Field(found);
}

std::optional<Field> Doc::first() const& {
  bson_iter_t iterator;
  if (!bson_iter_init(&iterator, bson_) || !bson_iter_next(&iterator)) return std::nullopt;
  return Field(iterator);
}

std::vector<Field> Doc::fields() const& {
  std::vector<Field> all;
  bson_iter_t iterator;
  if (!bson_iter_init(&iterator, bson_)) return all;
  while (bson_iter_next(&iterator)) all.emplace_back(iterator);
  return all;
}

std::vector<Doc> Doc::documents(std::string_view key) const {
  std::vector<Doc> all;
  const Doc array = document(key);
  for (const Field& field : array.fields()) {
    if (field.is_document()) all.push_back(field.document());
  }
  return all;
}

Doc Doc::document(std::string_view key) const {
  const auto field = find(key);
  return field ? field->document() : Doc();
}

std::string Doc::text(std::string_view key) const {
  const auto field = find(key);
  return field ? std::string(field->text()) : std::string();
}

std::int64_t Doc::integer(std::string_view key, std::int64_t fallback) const {
  const auto field = find(key);
  return field && field->is_number() ? field->integer() : fallback;
}

bool Doc::truthy(std::string_view key) const {
  const auto field = find(key);
  return field && field->truthy();
}

Doc Doc::filtered(const std::function<bool(std::string_view key)>& keep) const {
  Doc result;
  for (const Field& field : fields()) {
    if (keep(field.key())) result.add(field);
  }
  return result;
}

Doc Doc::without(std::initializer_list<std::string_view> keys) const {
  return filtered([&](std::string_view key) { return std::ranges::find(keys, key) == keys.end(); });
}

Doc Doc::merged(const Doc& other) const {
  Doc result;
  for (const Field& field : fields()) {
    const auto replacement = other.find(field.key());
    result.add(replacement ? *replacement : field);
  }
  for (const Field& field : other.fields()) {
    if (!has(field.key())) result.add(field);
  }
  return result;
}

Doc Doc::with_path(std::string_view path, const Field& value) const {
  const auto [head, rest] = split_path(path);
  const auto put = [&, name = head, tail = rest](Doc& target, const Doc& inner) {
    if (tail.empty()) {
      target.add(name, value);
    } else {
      target.add(name, inner.with_path(tail, value));
    }
  };
  Doc result;
  bool placed = false;
  for (const Field& field : fields()) {
    if (field.key() != head) {
      result.add(field);
      continue;
    }
    put(result, field.document());
    placed = true;
  }
  if (!placed) put(result, Doc());
  return result;
}

Doc Doc::without_path(std::string_view path) const {
  const auto [head, rest] = split_path(path);
  Doc result;
  for (const Field& field : fields()) {
    if (field.key() == head && rest.empty()) continue;
    if (field.key() == head && field.is_document()) {
      result.add(head, field.document().without_path(rest));
    } else {
      result.add(field);
    }
  }
  return result;
}

bool Doc::same(const Doc& other) const { return same_fields_in_order(fields(), other.fields(), true); }

bool Doc::same_fields(const Doc& other) const {
  const auto mine = fields();
  return mine.size() == other.fields().size() && std::ranges::all_of(mine, [&](const Field& field) {
           const auto theirs = other.find(field.key());
           return theirs && field.same(*theirs);
         });
}

std::string Doc::json() const {
  std::size_t size = 0;
  char* text = bson_as_relaxed_extended_json(bson_, &size);
  if (text == nullptr) return "{}";
  std::string result(text, size);
  bson_free(text);
  return result;
}

}  // namespace readygate::scripted
