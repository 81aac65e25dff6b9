// A BSON document as a value: owned, copyable, built by chaining and read by name.
//
// The scripted server is a function from documents to documents, and its rules are only readable when a document can be
// written and compared in one line. libbson does the encoding, the validation and the JSON; this adds ownership,
// comparison as the server compares (numbers by value, whatever their type), and dotted paths. Nothing here throws.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <bson/bson.h>

namespace readygate::scripted {

class Doc;

/// One element of a document. It points into the document's memory: use it only while that document lives unchanged.
class Field {
 public:
  explicit Field(const bson_iter_t& iterator) : iterator_(iterator) {}

  std::string_view key() const;
  bson_type_t type() const { return bson_iter_type(&iterator_); }
  bool is_number() const;  // int32, int64 or double
  bool is_document() const { return type() == BSON_TYPE_DOCUMENT; }
  bool is_array() const { return type() == BSON_TYPE_ARRAY; }
  bool is_text() const { return type() == BSON_TYPE_UTF8; }
  /// The server's idea of truth for options: true, or a number that is not zero.
  bool truthy() const;
  double number() const;          // 0 when it is none
  std::int64_t integer() const;   // 0 when it is none; a double is cut
  std::string_view text() const;  // empty when it is none
  Doc document() const;           // a copy of a document or array; empty when it is neither
  const bson_iter_t& iterator() const { return iterator_; }

  /// Equal as the server sees it: numbers by value, documents field by field in order, everything else by type and
  /// bytes.
  bool same(const Field& other) const;
  /// Less than zero, zero, more than zero; nothing when the two types cannot be ordered here.
  std::optional<int> compare(const Field& other) const;

 private:
  bson_iter_t iterator_;
};

class Doc {
 public:
  Doc() : bson_(bson_new()) {}
  explicit Doc(const bson_t& bson) : bson_(bson_copy(&bson)) {}
  Doc(const Doc& other) : bson_(bson_copy(other.bson_)) {}
  Doc(Doc&& other) noexcept : bson_(std::exchange(other.bson_, bson_new())) {}
  Doc& operator=(Doc other) noexcept {
    std::swap(bson_, other.bson_);
    return *this;
  }
  ~Doc() { bson_destroy(bson_); }

  /// Nothing when the bytes are not exactly one well-formed document.
  static std::optional<Doc> from_bytes(std::span<const std::uint8_t> bytes);
  /// Nothing when the text is not (extended) JSON of one object.
  static std::optional<Doc> from_json(std::string_view text);
  /// {"0": …, "1": …}: what an array is inside.
  static Doc array_of(const std::vector<Doc>& items);
  static Doc array_of(const std::vector<std::string>& items);

  Doc& add(std::string_view key, std::int32_t value);
  Doc& add(std::string_view key, std::int64_t value);
  Doc& add(std::string_view key, double value);
  Doc& add(std::string_view key, bool value);
  Doc& add(std::string_view key, std::string_view value);
  Doc& add(std::string_view key, const char* value) { return add(key, std::string_view(value)); }
  Doc& add(std::string_view key, const std::string& value) { return add(key, std::string_view(value)); }
  Doc& add(std::string_view key, const Doc& value);
  Doc& add(std::string_view key, const Field& value);
  Doc& add(const Field& field) { return add(field.key(), field); }
  Doc& add_array(std::string_view key, const Doc& items);
  Doc& add_null(std::string_view key);
  Doc& add_date(std::string_view key, std::int64_t milliseconds);  // since 1970
  Doc& add_uuid(std::string_view key, std::span<const std::uint8_t, 16> bytes);
  Doc& add_binary(std::string_view key, std::span<const std::uint8_t> bytes);
  Doc& add_timestamp(std::string_view key, std::uint32_t seconds, std::uint32_t increment);
  Doc& add_object_id(std::string_view key, std::uint32_t number);
  Doc& add_all(const Doc& other);

  std::size_t size() const { return bson_count_keys(bson_); }  // fields at the top
  bool empty() const { return bson_empty(bson_); }
  bool has(std::string_view key) const { return find(key).has_value(); }
  // A Field points into its document, so none can be had from a temporary: hence the deleted overloads.
  std::optional<Field> find(std::string_view key) const&;
  std::optional<Field> find(std::string_view key) const&& = delete;
  /// "a.b.c": through documents and array positions.
  std::optional<Field> find_path(std::string_view path) const&;
  std::optional<Field> find_path(std::string_view path) const&& = delete;
  std::optional<Field> first() const&;
  std::optional<Field> first() const&& = delete;
  std::vector<Field> fields() const&;
  std::vector<Field> fields() const&& = delete;
  /// The documents of an array (or of a document's values); what is no document is left out.
  std::vector<Doc> documents(std::string_view key) const;
  Doc document(std::string_view key) const;  // empty when absent
  std::string text(std::string_view key) const;
  std::int64_t integer(std::string_view key, std::int64_t fallback = 0) const;
  bool truthy(std::string_view key) const;

  Doc filtered(const std::function<bool(std::string_view key)>& keep) const;
  Doc without(std::initializer_list<std::string_view> keys) const;
  /// This document with `other`'s fields on top: same names replaced in place, new ones at the end.
  Doc merged(const Doc& other) const;
  Doc with_path(std::string_view path, const Field& value) const;
  Doc without_path(std::string_view path) const;

  /// Field by field, in order, numbers by value.
  bool same(const Doc& other) const;
  /// As `same`, but the order of the top-level fields does not count.
  bool same_fields(const Doc& other) const;

  std::span<const std::uint8_t> bytes() const& { return {bson_get_data(bson_), bson_->len}; }
  std::span<const std::uint8_t> bytes() const&& = delete;
  std::string json() const;  // relaxed extended JSON, one line
  const bson_t* get() const { return bson_; }

 private:
  bson_t* bson_;  // owned, never null; GCC does not take bson_t, an aligned type, as a template argument of unique_ptr
};

}  // namespace readygate::scripted
