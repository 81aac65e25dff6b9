// The rules are those of the server (encryption_fields.idl and encryption_fields_validation.cpp of MongoDB 8) and of
// the manual, "Create an Encryption Schema". Left to the server: what depends on the number of values between two
// bounds of floating point.
#include "schema/parse_encryption.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <limits>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/json.h"
#include "base/suggest.h"
#include "schema/encryption.h"
#include "schema/fields.h"
#include "schema/names.h"

namespace readygate::schema {
namespace {

using Names = std::vector<std::string_view>;

// By what they can be queried for; those of none cannot be encrypted: there is one value of each.
struct Type {
  std::string_view name;
  bool equality;
  bool range;
};
constexpr std::array kTypes = {
    Type{"binData", true, false},
    Type{"bool", true, false},
    Type{"date", true, true},
    Type{"dbPointer", true, false},
    Type{"int", true, true},
    Type{"javascript", true, false},
    Type{"long", true, true},
    Type{"objectId", true, false},
    Type{"regex", true, false},
    Type{"string", true, false},
    Type{"symbol", true, false},
    Type{"timestamp", true, false},
    Type{"array", false, false},
    Type{"decimal", false, true},
    Type{"double", false, true},
    Type{"object", false, false},
    Type{"javascriptWithScope", false, false},
};

Names type_names(bool Type::*can) {
  Names names;
  for (const Type& type : kTypes) {
    if (can == nullptr || type.*can) names.push_back(type.name);
  }
  return names;
}

const Type* find_type(std::string_view name) {
  const auto found = std::find_if(kTypes.begin(), kTypes.end(), [&](const Type& type) { return type.name == name; });
  return found == kTypes.end() ? nullptr : &*found;
}

const QueryType* find_query_type(std::string_view name) {
  const auto& all = query_types();
  const auto found = std::find_if(all.begin(), all.end(), [&](const QueryType& type) { return type.name == name; });
  return found == all.end() ? nullptr : &*found;
}

std::string quoted(const Names& names) {
  std::string out;
  for (const std::string_view name : names) out += fmt::format("{}\"{}\"", out.empty() ? "" : ", ", name);
  return out;
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

// One field, "fields[2]".
class FieldChecker {
 public:
  FieldChecker(const Document& encrypted, std::string name, std::string what, toml::Place place,
               toml::Mistakes& mistakes)
      : encrypted_(encrypted),
        name_(std::move(name)),
        what_(std::move(what)),
        place_(std::move(place)),
        mistakes_(mistakes) {}

  void run() {
    known(encrypted_, "", {"keyId", "path", "bsonType", "queries"});
    path();
    key_id();
    type();
    if (const auto found = field(encrypted_, "queries")) queries(*found);
  }

  std::string path_of() const {
    const std::optional<Field> found = field(encrypted_, "path");
    return found ? found->string().value_or("") : "";
  }

 private:
  void add(std::string_view inside, std::string_view wrong) {
    mistakes_.push_back({place_, Reason::kSchemaInvalid, fmt::format("{}: {}{} {}", what_, name_, inside, wrong)});
  }

  void known(const Document& document, const std::string& inside, const Names& names) {
    for (const Field& each : fields(document)) {
      if (std::find(names.begin(), names.end(), each.name()) != names.end()) continue;
      add(inside, fmt::format("must not have {}{}; it may have {}", json_quote(each.name()),
                              did_you_mean(std::string(each.name()), names), quoted(names)));
    }
  }

  void path() {
    const std::optional<Field> given = field(encrypted_, "path");
    const std::optional<std::string> path = given ? given->string() : std::nullopt;
    if (!path) {
      add("", "must have a \"path\": the name of the field, with dots where it is in another");
      return;
    }
    if (const std::string wrong = field_path_mistake(*path, IndexKind::kPlain); !wrong.empty()) {
      add(".path", fmt::format("{} {}", json_quote(*path), wrong));
    } else if (overlap(*path, "_id")) {
      add(".path", fmt::format("{} must not be _id, or in it", json_quote(*path)));
    } else if (overlap(*path, kSafeContent)) {
      add(".path", fmt::format("{} must not be {}, which is the server's own", json_quote(*path), kSafeContent));
    }
  }

  void key_id() {
    const std::optional<Field> given = field(encrypted_, "keyId");
    if (given && given->type() == BSON_TYPE_BINARY) {
      bson_subtype_t subtype = BSON_SUBTYPE_BINARY;
      std::uint32_t size = 0;
      const std::uint8_t* bytes = nullptr;
      bson_iter_binary(&given->iterator(), &subtype, &size, &bytes);
      if (subtype == BSON_SUBTYPE_UUID && size == 16) return;
    }
    add(".keyId",
        "must be the UUID of a data key, { \"$uuid\": \"…\" }: readygate makes no keys, a driver's "
        "createDataKey does");
  }

  void type() {
    const std::optional<Field> given = field(encrypted_, "bsonType");
    if (!given) return;
    const std::optional<std::string> name = given->string();
    type_ = name ? find_type(*name) : nullptr;
    if (type_ == nullptr) {
      const Names all = type_names(nullptr);
      add(".bsonType", fmt::format("must be one of {}{}", quoted(all), name ? did_you_mean(*name, all) : ""));
    }
  }

  // One alone, or an array. Two only of a beginning and an end.
  void queries(const Field& given) {
    if (!encrypted_.has("bsonType")) {
      add("", "must have a \"bsonType\" where it has \"queries\"");
      return;
    }
    if (given.type() == BSON_TYPE_DOCUMENT) {
      query(*given.document(), ".queries");
      return;
    }
    std::vector<Document> all;
    if (given.type() == BSON_TYPE_ARRAY) {
      const Document array = *given.document();
      for (const Field& item : fields(array)) {
        if (item.type() == BSON_TYPE_DOCUMENT) all.push_back(*item.document());
      }
      if (all.size() != fields(array).size()) all.clear();
    }
    if (all.empty()) {
      add(".queries", "must be an object like { \"queryType\": \"equality\" }, or an array of such");
      return;
    }
    for (std::size_t i = 0; i < all.size(); ++i) query(all[i], fmt::format(".queries[{}]", i));
    if (all.size() > 1) together(all);
  }

  void together(const std::vector<Document>& all) {
    std::set<std::string> names;
    for (const Document& query : all) names.insert(text_of(query, "queryType"));
    if (all.size() != 2 || names != std::set<std::string>{"prefixPreview", "suffixPreview"}) {
      add(".queries", "may hold one query, or \"prefixPreview\" and \"suffixPreview\"");
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
      add(inside + ".queryType", fmt::format("must be one of {}{}", quoted(all), did_you_mean(name, all)));
      return;
    }
    number(query, inside, "contention", 0, std::numeric_limits<std::int64_t>::max());
    switch (kind->kind) {
      case QueryType::Kind::kEquality: equality(query, inside); break;
      case QueryType::Kind::kRange: range(query, inside); break;
      case QueryType::Kind::kText: text(query, inside, name == "substringPreview"); break;
    }
  }

  void equality(const Document& query, const std::string& inside) {
    known(query, inside, {"queryType", "contention"});
    if (type_ != nullptr && !type_->equality) wrong_type(inside, "equality", type_names(&Type::equality));
  }

  void range(const Document& query, const std::string& inside) {
    known(query, inside, {"queryType", "contention", "min", "max", "sparsity", "trimFactor", "precision"});
    number(query, inside, "sparsity", 1, 8);
    number(query, inside, "trimFactor", 0, 127);
    number(query, inside, "precision", 0, std::numeric_limits<std::int32_t>::max());
    if (type_ == nullptr) return;
    if (!type_->range) {
      wrong_type(inside, "range", type_names(&Type::range));
      return;
    }
    const std::size_t before = mistakes_.size();
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
    if (mistakes_.size() == before) bounds(query, form, inside);
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
    known(query, inside, names);
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
    add(inside,
        fmt::format("cannot be \"{}\" for the bsonType \"{}\"; it can for {}", query, type_->name, quoted(types)));
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

  const Document& encrypted_;
  std::string name_;
  std::string what_;
  toml::Place place_;
  toml::Mistakes& mistakes_;
  const Type* type_ = nullptr;
};

class Checker {
 public:
  Checker(const Document& document, const JsonText& json, const std::string& what, const std::string& collection,
          toml::Mistakes& mistakes)
      : document_(document), json_(json), what_(what), collection_(collection), mistakes_(mistakes) {}

  void run() {
    top();
    const std::optional<Field> all = field(document_, "fields");
    const Document array = all && all->type() == BSON_TYPE_ARRAY ? *all->document() : Document();
    const std::vector<Field> items = fields(array);
    if (items.empty()) {
      add(json_.at(0), "must have \"fields\", an array of at least one: [ { \"path\": …, \"keyId\": … }, … ]");
      return;
    }
    const std::vector<std::size_t> begins = items_at(json_.text, "fields");
    for (std::size_t i = 0; i < items.size(); ++i) {
      const toml::Place place = json_.at(i < begins.size() ? begins[i] : 0);
      const std::string name = fmt::format("fields[{}]", i);
      if (items[i].type() != BSON_TYPE_DOCUMENT) {
        add(place, fmt::format("{} must be an object", name));
        continue;
      }
      const Document encrypted = *items[i].document();
      FieldChecker checker(encrypted, name, what_, place, mistakes_);
      checker.run();
      compare(encrypted, checker.path_of(), name, place);
    }
  }

 private:
  void add(toml::Place place, std::string_view wrong) {
    mistakes_.push_back({std::move(place), Reason::kSchemaInvalid, fmt::format("{}: {}", what_, wrong)});
  }

  void top() {
    const std::vector<std::string> states = state_collections(collection_);
    const Names known = {"fields", "escCollection", "ecocCollection", "strEncodeVersion"};
    for (const Field& each : fields(document_)) {
      const std::string_view name = each.name();
      if (std::find(known.begin(), known.end(), name) == known.end()) {
        add(json_.at(0),
            fmt::format("it must not have {}{}", json_quote(name), did_you_mean(std::string(name), known)));
      } else if (name.ends_with("Collection")) {
        const std::string& wanted = name == "escCollection" ? states[0] : states[1];
        if (each.string() != wanted) {
          add(json_.at(0),
              fmt::format("{} must be {}, or left out: the server takes no other", name, json_quote(wanted)));
        }
      } else if (name == "strEncodeVersion" && each.integer() != 1) {
        add(json_.at(0), "strEncodeVersion must be 1");
      }
    }
  }

  // With the fields before.
  void compare(const Document& encrypted, const std::string& path, const std::string& name, const toml::Place& place) {
    Document key;
    if (const auto id = field(encrypted, "keyId"); id && id->type() == BSON_TYPE_BINARY) append(key, *id);
    for (const Seen& other : seen_) {
      if (!key.empty() && same(key, other.key)) {
        add(place, fmt::format("{} has the keyId of {}: each field needs a data key of its own", name, other.name));
      }
      if (path.empty() || other.path.empty() || !overlap(path, other.path)) continue;
      add(place, path == other.path ? fmt::format("{} has the path of {}, {}", name, other.name, json_quote(path))
                                    : fmt::format("{} and {} overlap: {} and {}", other.name, name,
                                                  json_quote(other.path), json_quote(path)));
    }
    seen_.push_back({name, path, std::move(key)});
  }

  struct Seen {
    std::string name;
    std::string path;
    Document key;
  };

  const Document& document_;
  const JsonText& json_;
  const std::string& what_;
  const std::string& collection_;
  toml::Mistakes& mistakes_;
  std::vector<Seen> seen_;
};

}  // namespace

void check_encryption(const Document& document, const JsonText& json, const std::string& what,
                      const std::string& collection, toml::Mistakes& mistakes) {
  Checker(document, json, what, collection, mistakes).run();
}

}  // namespace readygate::schema
