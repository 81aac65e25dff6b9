// Bounds, lengths and types as encryption_fields_validation.cpp of MongoDB 8 has them. Left to the server: what depends
// on the number of values between two bounds of floating point.
#include "schema/parse_encrypted_queries.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "base/json.h"
#include "base/suggest.h"
#include "schema/encryption.h"

namespace readygate::schema {
namespace {

using Names = std::vector<std::string_view>;

constexpr std::array kTypes = {
    EncryptedType{"binData", true, false},
    EncryptedType{"bool", true, false},
    EncryptedType{"date", true, true},
    EncryptedType{"dbPointer", true, false},
    EncryptedType{"int", true, true},
    EncryptedType{"javascript", true, false},
    EncryptedType{"long", true, true},
    EncryptedType{"objectId", true, false},
    EncryptedType{"regex", true, false},
    EncryptedType{"string", true, false},
    EncryptedType{"symbol", true, false},
    EncryptedType{"timestamp", true, false},
    EncryptedType{"array", false, false},
    EncryptedType{"decimal", false, true},
    EncryptedType{"double", false, true},
    EncryptedType{"object", false, false},
    EncryptedType{"javascriptWithScope", false, false},
};

Names type_names(bool EncryptedType::*can) {
  Names names;
  for (const EncryptedType& type : kTypes) {
    if (can == nullptr || type.*can) names.push_back(type.name);
  }
  return names;
}

const QueryType* find_query_type(std::string_view name) {
  const auto& all = query_types();
  const auto found = std::find_if(all.begin(), all.end(), [&](const QueryType& type) { return type.name == name; });
  return found == all.end() ? nullptr : &*found;
}

// As a bound of a range has it.
std::string_view type_of(const Field& value) {
  switch (value.type()) {
    case BSON_TYPE_INT32: return "int";
    case BSON_TYPE_INT64: return "long";
    case BSON_TYPE_DOUBLE: return "double";
    case BSON_TYPE_DECIMAL128: return "decimal";
    case BSON_TYPE_DATE_TIME: return "date";
    default: return "";
  }
}

std::int64_t whole(const Field& value) {
  return value.type() == BSON_TYPE_DATE_TIME ? bson_iter_date_time(&value.iterator()) : value.integer().value_or(0);
}

// A decimal within what a double shows of it: enough to tell which of two bounds is the larger.
double real(const Field& value) {
  if (value.type() != BSON_TYPE_DECIMAL128) return value.real().value_or(static_cast<double>(whole(value)));
  bson_decimal128_t decimal;
  std::array<char, BSON_DECIMAL128_STRING> text{};
  bson_iter_decimal128(&value.iterator(), &decimal);
  bson_decimal128_to_string(&decimal, text.data());
  double number = 0;
  const std::string_view digits(text.data());
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return number;
}

class QueriesChecker {
 public:
  QueriesChecker(const EncryptedType* type, const Complain& complain) : type_(type), complain_(complain) {}

  // One alone, or an array. Two only of a beginning and an end.
  void run(const Field& given) {
    const std::vector<Document> all = queries_in(given);
    if (all.empty()) {
      add(".queries", "must be an object like { \"queryType\": \"equality\" }, or an array of such");
      return;
    }
    if (given.type() == BSON_TYPE_DOCUMENT) {
      query(all.front(), ".queries");
      return;
    }
    for (std::size_t i = 0; i < all.size(); ++i) query(all[i], fmt::format(".queries[{}]", i));
    if (all.size() > 1) together(all);
  }

 private:
  void add(std::string_view inside, std::string_view wrong) {
    ++complaints_;
    complain_(inside, wrong);
  }

  void together(const std::vector<Document>& all) {
    std::set<std::string> names;
    for (const Document& query : all) names.insert(text_of(query, "queryType"));
    const bool both = names == std::set<std::string>{"prefix", "suffix"} ||
                      names == std::set<std::string>{"prefixPreview", "suffixPreview"};
    if (all.size() != 2 || !both) {
      add(".queries", "may hold one query, or \"prefix\" and \"suffix\"");
      return;
    }
    for (const std::string_view option : {"caseSensitive", "diacriticSensitive", "contention"}) {
      Document a;
      Document b;
      if (const auto found = field(all[0], option)) append(a, *found);
      if (const auto found = field(all[1], option)) append(b, *found);
      if (!same(a, b)) add(".queries", fmt::format("must have the same {} in both", option));
    }
  }

  void query(const Document& query, const std::string& inside) {
    const std::string name = text_of(query, "queryType");
    const QueryType* kind = find_query_type(name);
    if (kind == nullptr) {
      Names all;
      for (const QueryType& each : query_types()) all.push_back(each.name);
      add(inside + ".queryType", fmt::format("must be one of {}{}", quoted_names(all), did_you_mean(name, all)));
      return;
    }
    number(query, inside, "contention", 0, std::numeric_limits<std::int64_t>::max());
    switch (kind->kind) {
      case QueryType::Kind::kEquality: equality(query, inside); break;
      case QueryType::Kind::kRange: range(query, inside); break;
      case QueryType::Kind::kText: text(query, inside, name.starts_with("substring")); break;
    }
  }

  void equality(const Document& query, const std::string& inside) {
    check_names(query, inside, {"queryType", "contention"}, complain_);
    if (type_ != nullptr && !type_->equality) wrong_type(inside, "equality", type_names(&EncryptedType::equality));
  }

  void range(const Document& query, const std::string& inside) {
    check_names(query, inside, {"queryType", "contention", "min", "max", "sparsity", "trimFactor", "precision"},
                complain_);
    number(query, inside, "sparsity", 1, 8);
    number(query, inside, "trimFactor", 0, 127);
    number(query, inside, "precision", 0, std::numeric_limits<std::int32_t>::max());
    if (type_ == nullptr) return;
    if (!type_->range) {
      wrong_type(inside, "range", type_names(&EncryptedType::range));
      return;
    }
    const int before = complaints_;
    const bool floating = type_->name == "double" || type_->name == "decimal";
    if (!floating && query.has("precision")) {
      add(inside + ".precision", "is for the bsonType \"double\" or \"decimal\"");
    }
    if (floating && (query.has("min") != query.has("max") || query.has("min") != query.has("precision"))) {
      add(inside, fmt::format("must have min, max and precision together or none of them: the bsonType is \"{}\"",
                              type_->name));
    }
    // As it is sent: with bounds of the type of the field.
    const Document form = normalised_bounds(query);
    for (const std::string_view bound : {"min", "max"}) {
      const std::optional<Field> value = field(form, bound);
      if (value && type_of(*value) != type_->name) {
        add(fmt::format("{}.{}", inside, bound),
            fmt::format("must be of the bsonType of the field, \"{}\"{}", type_->name, how_written()));
      }
    }
    if (complaints_ == before) bounds(query, form, inside);
  }

  // The bounds are of the type of the field.
  void bounds(const Document& query, const Document& form, const std::string& inside) {
    const std::optional<Field> min = field(form, "min");
    const std::optional<Field> max = field(form, "max");
    const bool floating = query.has("precision") || type_->name == "double" || type_->name == "decimal";
    if (min && max && (floating ? real(*min) >= real(*max) : whole(*min) >= whole(*max))) {
      add(inside + ".min", "must be less than max");
      return;
    }
    const std::optional<Field> precision = field(form, "precision");
    if (precision && type_->name == "double") {
      for (const Field& bound : {*min, *max}) {
        if (!fits(*bound.real(), precision->integer().value_or(0))) {
          add(fmt::format("{}.{}", inside, bound.name()), "has more digits behind the point than precision says");
        }
      }
    }
    const std::optional<Field> trim = field(query, "trimFactor");
    if (!trim || floating) return;
    const bool narrow = type_->name == "int";
    const std::int64_t low = min      ? whole(*min)
                             : narrow ? std::numeric_limits<std::int32_t>::min()
                                      : std::numeric_limits<std::int64_t>::min();
    const std::int64_t high = max      ? whole(*max)
                              : narrow ? std::numeric_limits<std::int32_t>::max()
                                       : std::numeric_limits<std::int64_t>::max();
    const auto bits =
        static_cast<std::int64_t>(std::bit_width(static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low)));
    const std::int64_t factor = trim->integer().value_or(0);
    if (factor != 0 && factor >= bits) {
      add(inside + ".trimFactor",
          fmt::format("must be less than {}, the bits that the values between min and max need", bits));
    }
  }

  Document normalised_bounds(const Document& query) const {
    Document encrypted;
    append(encrypted, "bsonType", type_->name);
    append(encrypted, "queries", query);
    Document outer;
    append(outer, "fields", std::vector<Document>{encrypted});
    const Document form = normalised_encryption(outer);
    const Document array = *field(form, "fields")->document();
    const Document first = *fields(array).front().document();
    return *field(first, "queries")->document();
  }

  std::string_view how_written() const {
    if (type_->name == "date") return ": { \"$date\": \"…\" }";
    if (type_->name == "decimal") return ": { \"$numberDecimal\": \"…\" }";
    return "";
  }

  // As the server looks at it: almost a whole number of the smallest steps.
  static bool fits(double bound, std::int64_t precision) {
    const double steps = bound * std::pow(10.0, static_cast<double>(precision));
    return std::abs(steps - std::trunc(steps)) <= std::abs(std::numeric_limits<double>::epsilon() * std::trunc(steps));
  }

  void text(const Document& query, const std::string& inside, bool substring) {
    Names names = {"queryType",         "contention",    "strMinQueryLength",
                   "strMaxQueryLength", "caseSensitive", "diacriticSensitive"};
    if (substring) names.emplace_back("strMaxLength");
    check_names(query, inside, names, complain_);
    if (type_ != nullptr && type_->name != "string") wrong_type(inside, text_of(query, "queryType"), {"string"});
    for (const std::string_view flag : {"caseSensitive", "diacriticSensitive"}) {
      const std::optional<Field> given = field(query, flag);
      if (!given || !given->boolean()) add(fmt::format("{}.{}", inside, flag), "must be true or false");
    }
    const auto length = [&](std::string_view name) -> std::optional<std::int64_t> {
      if (!query.has(name)) {
        add(fmt::format("{}.{}", inside, name), "is missing");
        return std::nullopt;
      }
      return number(query, inside, name, 1, std::numeric_limits<std::int32_t>::max());
    };
    const auto least = length("strMinQueryLength");
    const auto most = length("strMaxQueryLength");
    if (least && most && *least > *most) {
      add(inside + ".strMinQueryLength", "must be at most strMaxQueryLength");
    }
    if (!substring) return;
    const auto longest = length("strMaxLength");
    if (most && longest && *most > *longest) add(inside + ".strMaxQueryLength", "must be at most strMaxLength");
  }

  void wrong_type(const std::string& inside, std::string_view query, const Names& types) {
    add(inside, fmt::format("cannot be \"{}\" for the bsonType \"{}\"; it can for {}", query, type_->name,
                            quoted_names(types)));
  }

  std::optional<std::int64_t> number(const Document& query, const std::string& inside, std::string_view name,
                                     std::int64_t least, std::int64_t most) {
    const std::optional<Field> given = field(query, name);
    if (!given) return std::nullopt;
    const std::optional<std::int64_t> value = given->integer();
    if (value && *value >= least && *value <= most) return value;
    const bool open = most >= std::numeric_limits<std::int32_t>::max();
    add(fmt::format("{}.{}", inside, name), open ? fmt::format("must be a whole number, at least {}", least)
                                                 : fmt::format("must be a whole number from {} to {}", least, most));
    return std::nullopt;
  }

  static std::string text_of(const Document& document, std::string_view name) {
    const std::optional<Field> found = field(document, name);
    return found ? found->string().value_or("") : "";
  }

  const EncryptedType* type_;
  const Complain& complain_;
  int complaints_ = 0;
};

}  // namespace

const EncryptedType* find_encrypted_type(std::string_view name) {
  const auto found =
      std::find_if(kTypes.begin(), kTypes.end(), [&](const EncryptedType& type) { return type.name == name; });
  return found == kTypes.end() ? nullptr : &*found;
}

std::vector<std::string_view> encrypted_type_names() { return type_names(nullptr); }

void check_names(const Document& document, const std::string& inside, const Names& names, const Complain& complain) {
  for (const Field& each : fields(document)) {
    if (std::find(names.begin(), names.end(), each.name()) != names.end()) continue;
    complain(inside, fmt::format("must not have {}{}; it may have {}", json_quote(each.name()),
                                 did_you_mean(each.name(), names), quoted_names(names)));
  }
}

std::string quoted_names(const Names& names) {
  std::string out;
  for (const std::string_view name : names) out += fmt::format("{}\"{}\"", out.empty() ? "" : ", ", name);
  return out;
}

void check_encrypted_queries(const Field& queries, const EncryptedType* type, const Complain& complain) {
  QueriesChecker(type, complain).run(queries);
}

}  // namespace readygate::schema
