// Extended JSON comes in through libbson, with the two things checked that libbson 1.23 lets pass in silence: a number
// that does not fit is wrapped around, and a name given twice is kept twice.
#include "schema/document.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include <fmt/format.h>

#include "schema/fields.h"

namespace readygate::schema {
namespace {

struct FreeText {
  void operator()(char* text) const { bson_free(text); }
};
struct DestroyReader {
  void operator()(bson_json_reader_t* reader) const { bson_json_reader_destroy(reader); }
};

using Text = std::unique_ptr<char, FreeText>;

// libbson 1.x writes "{  }" and "[  ]", 2.x "{ }" and "[ ]": here both are what 2.x writes.
std::string with_single_blanks(const Text& json) {
  std::string result;
  bool in_string = false;
  for (const char* c = json.get(); c && *c; ++c) {
    if (*c == '"') in_string = !in_string;
    if (in_string && *c == '\\') result += *c++;
    if (!in_string && *c == ' ' && c[1] == ' ') continue;
    result += *c;
  }
  return result;
}

// The first integer of a text that is known to be valid JSON which fits no int64, or "".
std::string_view overflow(std::string_view json) {
  bool in_string = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_string) {
      if (c == '\\') ++i;
      in_string = c != '"';
    } else if (c == '"') {
      in_string = true;
    } else if (c == '-' || (c >= '0' && c <= '9')) {
      const std::size_t end = std::min(json.find_first_not_of("+-.0123456789eE", i), json.size());
      const std::string_view number = json.substr(i, end - i);
      std::int64_t integer = 0;
      if (number.find_first_of(".eE") == std::string_view::npos &&
          std::from_chars(number.data(), number.data() + number.size(), integer).ec != std::errc{}) {
        return number;
      }
      i = end - 1;
    }
  }
  return {};
}

// The path of the first field name that stands twice in one (sub)document.
std::optional<std::string> duplicate(const Document& document) {
  std::set<std::string_view> seen;
  for (const Field& each : fields(document)) {
    if (!seen.insert(each.name()).second) return std::string(each.name());
    if (const std::optional<Document> child = each.document()) {
      if (const auto below = duplicate(*child)) return fmt::format("{}.{}", each.name(), *below);
    }
  }
  return std::nullopt;
}

// Whether what stands at the iterator and after it nests deeper than so many levels; looks no deeper itself.
bool nests_deeper(bson_iter_t& it, std::size_t levels) {
  while (bson_iter_next(&it)) {
    bson_iter_t child;
    const bool nests = BSON_ITER_HOLDS_DOCUMENT(&it) || BSON_ITER_HOLDS_ARRAY(&it);
    if (!nests || !bson_iter_recurse(&it, &child)) continue;
    if (levels == 0 || nests_deeper(child, levels - 1)) return true;
  }
  return false;
}

// Whether everything at the iterator and after it can be read: each document in it has its length and its end, and each
// value a type that there is. bson_iter_recurse of libbson 1.23 looks at neither.
bool is_whole(bson_iter_t& it) {
  while (bson_iter_next(&it)) {
    const std::uint8_t* data = nullptr;
    std::uint32_t size = 0;
    if (BSON_ITER_HOLDS_DOCUMENT(&it)) {
      bson_iter_document(&it, &size, &data);
    } else if (BSON_ITER_HOLDS_ARRAY(&it)) {
      bson_iter_array(&it, &size, &data);
    } else {
      continue;
    }
    bson_t inner;
    bson_iter_t child;
    if (data == nullptr || !bson_init_static(&inner, data, size) || !bson_iter_init(&child, &inner) ||
        !is_whole(child)) {
      return false;
    }
  }
  return it.err_off == 0;
}

bool same_number(const Field& a, const Field& b) {
  const std::optional<std::int64_t> x = a.integer();
  const std::optional<std::int64_t> y = b.integer();
  if (x || y) return x == y;
  return *a.real() == *b.real() || (std::isnan(*a.real()) && std::isnan(*b.real()));
}

bool same_value(const Field& a, const Field& b, FieldOrder order) {
  if (a.is_number() && b.is_number()) return same_number(a, b);
  if (a.type() != b.type()) return false;
  if (a.type() == BSON_TYPE_DOCUMENT) return same(*a.document(), *b.document(), order);
  if (a.type() == BSON_TYPE_ARRAY) {
    const Document left = *a.document();
    const Document right = *b.document();
    const std::vector<Field> x = fields(left);
    const std::vector<Field> y = fields(right);
    return std::equal(x.begin(), x.end(), y.begin(), y.end(),
                      [&](const Field& p, const Field& q) { return same_value(p, q, order); });
  }
  // No other type has two spellings: the bytes decide.
  Document left;
  Document right;
  append(left, "", a);
  append(right, "", b);
  return bson_equal(left.get(), right.get());
}

}  // namespace

Document::Document() : bson_(bson_new()) {}
Document::Document(const bson_t& other) : bson_(bson_copy(&other)) {}
Document::Document(const Document& other) : bson_(bson_copy(other.get())) {}

Document& Document::operator=(const Document& other) {
  if (this != &other) bson_.reset(bson_copy(other.get()));
  return *this;
}

Result<Document> Document::from_json(std::string_view json) {
  if (!bson_utf8_validate(json.data(), json.size(), false)) {
    return fail(Reason::kSchemaInvalid, "it is not valid UTF-8, or holds a NUL byte");
  }
  const std::unique_ptr<bson_json_reader_t, DestroyReader> reader(bson_json_data_reader_new(false, 4096));
  bson_json_data_reader_ingest(reader.get(), reinterpret_cast<const std::uint8_t*>(json.data()), json.size());
  Document document;
  bson_error_t error{};
  const int got = bson_json_reader_read(reader.get(), document.get(), &error);
  if (got == 0) return fail(Reason::kSchemaInvalid, "it is empty; write a JSON object");
  if (got < 0) {
    const std::string_view sentence = error.message;
    // libbson takes { "$type": <number> } for the beginning of a binary value.
    const bool type_number = sentence.find("in type \"binary\"") != std::string_view::npos;
    return fail(Reason::kSchemaInvalid,
                fmt::format("{}{}", sentence, type_number ? " (name the type: { \"$type\": \"string\" })" : ""));
  }
  Document rest;
  if (bson_json_reader_read(reader.get(), rest.get(), &error) != 0) {
    return fail(Reason::kSchemaInvalid, "something follows the end of the JSON object");
  }
  if (const std::string_view number = overflow(json); !number.empty()) {
    return fail(Reason::kSchemaInvalid, fmt::format("{} does not fit into 64 bits", number));
  }
  if (const auto path = duplicate(document)) {
    return fail(Reason::kSchemaInvalid, fmt::format("the field \"{}\" is given twice", *path));
  }
  return document;
}

bool Document::empty() const { return bson_empty(get()); }

bool Document::has(std::string_view field) const {
  bson_iter_t it;
  return bson_iter_init_find_w_len(&it, get(), field.data(), static_cast<int>(field.size()));
}

bool Document::too_deep() const {
  bson_iter_t it;
  return bson_iter_init(&it, get()) && nests_deeper(it, kMaxNesting);
}

bool Document::whole() const {
  bson_iter_t it;
  return bson_iter_init(&it, get()) && is_whole(it);
}

std::string Document::to_json() const {
  return with_single_blanks(Text(bson_as_relaxed_extended_json(get(), nullptr)));
}

std::string Document::to_canonical_json() const {
  return with_single_blanks(Text(bson_as_canonical_extended_json(get(), nullptr)));
}

bool same(const Document& a, const Document& b, FieldOrder order) {
  const std::vector<Field> all_a = fields(a);
  const std::vector<Field> all_b = fields(b);
  const std::vector<const Field*> left = in_order(all_a, order);
  const std::vector<const Field*> right = in_order(all_b, order);
  return std::equal(left.begin(), left.end(), right.begin(), right.end(), [&](const Field* x, const Field* y) {
    return x->name() == y->name() && same_value(*x, *y, order);
  });
}

}  // namespace readygate::schema
