// Reading and building documents field by field, without libbson's iterators at every place that does so.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schema/document.h"

namespace readygate::schema {

// One field of a document; valid as long as the document is and does not change. Aligned to 128 bytes, as libbson's
// iterator is, which algorithms that move values do not like: sort pointers (in_order).
class Field {
 public:
  explicit Field(const bson_iter_t& it) : it_(it) {}

  std::string_view name() const { return bson_iter_key(&it_); }
  const bson_iter_t& iterator() const { return it_; }
  bson_type_t type() const { return bson_iter_type(&it_); }

  bool is_number() const;  // int32, int64 or double
  std::optional<std::string> string() const;
  std::optional<bool> boolean() const;          // of a boolean only
  std::optional<std::int64_t> integer() const;  // of a number that has an integer value
  std::optional<double> real() const;           // of any number
  std::optional<Document> document() const;     // of a document or array
  bool truthy() const;                          // as the server reads an option: true, or a number other than 0
  std::string to_json() const;                  // relaxed Extended JSON of the value alone

 private:
  bson_iter_t it_;
};

std::vector<Field> fields(const Document& document);  // in their order
std::optional<Field> field(const Document& document, std::string_view name);
std::optional<Document> document_at(const Document& document, std::string_view name);  // nothing of another type
std::string text_at(const Document& document, std::string_view name);                  // "" of another type
std::int64_t integer_at(const Document& document, std::string_view name);              // 0 of another type

// As they stand (kMatters), or by name (kIgnored).
std::vector<const Field*> in_order(const std::vector<Field>& all, FieldOrder order);

void append(Document& to, std::string_view name, std::string_view text);
void append(Document& to, std::string_view name, const char* text);
void append(Document& to, std::string_view name, bool flag);
void append(Document& to, std::string_view name, std::int32_t number);
void append(Document& to, std::string_view name, std::int64_t number);
void append(Document& to, std::string_view name, double number);
void append(Document& to, std::string_view name, const Document& document);
void append(Document& to, std::string_view name, const std::vector<Document>& array);
void append(Document& to, std::string_view name, const Field& value);  // under another name
void append(Document& to, const Field& field);

// A document of this one field.
template <typename Value>
Document of(std::string_view name, const Value& value) {
  Document document;
  append(document, name, value);
  return document;
}

// The document without these fields.
Document without(const Document& document, const std::vector<std::string_view>& names);

}  // namespace readygate::schema
