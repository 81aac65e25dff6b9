// The rules are those of the server (encryption_fields.idl and encryption_fields_validation.cpp of MongoDB 8) and of
// the manual, "Create an Encryption Schema".
#include "schema/parse_encryption.h"

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/json.h"
#include "base/suggest.h"
#include "schema/encryption.h"
#include "schema/fields.h"
#include "schema/names.h"
#include "schema/parse_encrypted_queries.h"

namespace readygate::schema {
namespace {

using Names = std::vector<std::string_view>;

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
    const Complain complain = [this](std::string_view inside, std::string_view wrong) { add(inside, wrong); };
    check_names(encrypted_, "", {"keyId", "path", "bsonType", "queries"}, complain);
    path();
    key_id();
    type();
    const std::optional<Field> queries = field(encrypted_, "queries");
    if (queries && !encrypted_.has("bsonType")) {
      add("", "must have a \"bsonType\" where it has \"queries\"");
    } else if (queries) {
      check_encrypted_queries(*queries, type_, complain);
    }
  }

  std::string path_of() const {
    const std::optional<Field> found = field(encrypted_, "path");
    return found ? found->string().value_or("") : "";
  }

 private:
  void add(std::string_view inside, std::string_view wrong) {
    mistakes_.push_back({place_, Reason::kSchemaInvalid, fmt::format("{}: {}{} {}", what_, name_, inside, wrong)});
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
    type_ = name ? find_encrypted_type(*name) : nullptr;
    if (type_ == nullptr) {
      const Names all = encrypted_type_names();
      add(".bsonType", fmt::format("must be one of {}{}", quoted_names(all), name ? did_you_mean(*name, all) : ""));
    }
  }

  const Document& encrypted_;
  std::string name_;
  std::string what_;
  toml::Place place_;
  toml::Mistakes& mistakes_;
  const EncryptedType* type_ = nullptr;
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
