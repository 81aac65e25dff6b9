// The rules are those of the newest servers (index_key_validate.cpp and index_catalog_impl.cpp of MongoDB, and the
// manual page of each kind of index); what only an older server refuses, it says itself when it is asked.
#include "schema/parse_index.h"

#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "base/json.h"
#include "base/suggest.h"
#include "schema/fields.h"
#include "schema/index_options.h"
#include "schema/names.h"
#include "schema/normalise.h"
#include "schema/parse_values.h"
#include "toml/keys.h"

namespace readygate::schema {
namespace {

constexpr std::string_view kPath = "collection.index";
constexpr std::string_view kKinds[] = {"text", "hashed", "2d", "2dsphere"};

class IndexParser {
 public:
  IndexParser(const toml::Table& table, const toml::Place& place, const Document& collation, toml::Mistakes& mistakes)
      : reader_(table, kIndexKeys), collation_(collation), mistakes_(mistakes) {
    index_.place = place;
  }

  std::optional<Index> run() {
    const std::size_t before = mistakes_.size();
    key();
    if (mistakes_.size() != before) return std::nullopt;  // what follows depends on the kind
    kind_ = kind_of(index_.key);
    field_names();
    key_rules();
    name();
    for (const IndexOption& option : kIndexOptions) this->option(option);
    option_rules();
    if (mistakes_.size() != before) return std::nullopt;
    return normalised(std::move(index_));
  }

 private:
  void add(const toml::Place& place, std::string message) {
    mistakes_.push_back(toml::Mistake{place, Reason::kSchemaInvalid, std::move(message)});
  }
  void add_key(std::string_view message) { add(reader_.value("key")->place, fmt::format("{}.key {}", kPath, message)); }

  // [["field", 1], ["other", "text"]]
  void key() {
    std::set<std::string> seen;
    for (const toml::Value& item : std::get<toml::Array>(reader_.value("key")->data)) {
      const auto& pair = std::get<toml::Array>(item.data);
      const std::string* field_name = pair.empty() ? nullptr : std::get_if<std::string>(&pair[0].data);
      if (pair.size() != 2 || field_name == nullptr) {
        add(item.place,
            fmt::format("each item of {}.key must be [\"field\", 1], with -1 or a kind in place of 1", kPath));
        continue;
      }
      if (!seen.insert(*field_name).second) {
        add(pair[0].place, fmt::format("{}.key names {} twice", kPath, json_quote(*field_name)));
      }
      if (field_name->find('\0') != std::string::npos) {
        add(pair[0].place,
            fmt::format("the field {} in {}.key must not hold a NUL byte", json_quote(*field_name), kPath));
      } else if (const auto* number = std::get_if<std::int64_t>(&pair[1].data);
                 number && (*number == 1 || *number == -1)) {
        append(index_.key, *field_name, static_cast<std::int32_t>(*number));
      } else if (const auto* word = std::get_if<std::string>(&pair[1].data);
                 word && std::find(std::begin(kKinds), std::end(kKinds), *word) != std::end(kKinds)) {
        append(index_.key, *field_name, *word);
      } else {
        add(pair[1].place,
            fmt::format("the field {} in {}.key must go with 1, -1, \"text\", \"hashed\", \"2d\" or \"2dsphere\"{}",
                        json_quote(*field_name), kPath, word ? did_you_mean(*word, kKinds) : ""));
      }
      places_.push_back(pair[0].place);
    }
  }

  void field_names() {
    const std::vector<Field> all = fields(index_.key);
    for (std::size_t i = 0; i < all.size(); ++i) {
      const std::string wrong = field_path_mistake(all[i].name(), kind_);
      if (!wrong.empty()) {
        add(places_[i], fmt::format("the field {} in {}.key {}", json_quote(all[i].name()), kPath, wrong));
      }
    }
  }

  void key_rules() {
    const std::vector<Field> all = fields(index_.key);
    const auto special = [](const Field& each) { return each.string().has_value(); };
    const auto wildcard = [](const Field& each) { return each.name() == "$**" || each.name().ends_with(".$**"); };
    const std::string kind(schema::name(kind_));
    if (is_id_index(index_)) add_key("is that of the index on _id, which the server makes itself: leave it out");
    const auto other =
        std::find_if(all.begin(), all.end(), [&](const Field& each) { return special(each) && each.string() != kind; });
    if (other != all.end()) {
      add_key(fmt::format("mixes \"{}\" and \"{}\"; an index can be of one kind", kind, *other->string()));
      return;
    }
    const auto count = std::count_if(all.begin(), all.end(), special);
    if (kind_ == IndexKind::kHashed && count > 1) add_key("may have one hashed field");
    if (kind_ == IndexKind::k2d && (count > 1 || !special(all.front()))) {
      add_key("must have its one \"2d\" field first");
    }
    if (kind_ == IndexKind::kText) {
      const auto first = std::find_if(all.begin(), all.end(), special);
      if (std::count_if(first, std::next(first, count), special) != count) {
        add_key("must have its \"text\" fields next to each other");
      }
    }
    if (kind_ == IndexKind::kWildcard) {
      if (std::count_if(all.begin(), all.end(), wildcard) > 1) add_key("may have one wildcard field");
      if (all.size() > 1 && index_on_all() && !reader_.has("wildcard_projection")) {
        add_key("combines \"$**\" with other fields, which needs a wildcard_projection that leaves those out");
      }
    }
  }

  bool index_on_all() const { return index_.key.has("$**"); }

  // As every driver makes it: field_1_other_-1_third_text.
  void name() {
    if (const toml::Value* given = reader_.value("name")) {
      index_.name = std::get<std::string>(given->data);
      const std::string wrong = index_name_mistake(index_.name);
      if (!wrong.empty()) add(given->place, fmt::format("{}.name {} {}", kPath, json_quote(index_.name), wrong));
      return;
    }
    for (const Field& each : fields(index_.key)) {
      index_.name += fmt::format("{}{}_{}", index_.name.empty() ? "" : "_", each.name(),
                                 each.string().value_or(std::to_string(each.integer().value_or(1))));
    }
    if (!index_name_mistake(index_.name).empty()) {
      add(index_.place,
          fmt::format("{}.name is missing: the name made from the key would be longer than 127 bytes", kPath));
    }
  }

  void option(const IndexOption& option) {
    const toml::Value* value = reader_.value(option.key.name);
    if (option.form == Form::kCollation) {
      collation(option, value);
      return;
    }
    if (value == nullptr) return;
    const bool* flag = std::get_if<bool>(&value->data);
    if (!schema::has(option.kinds, kind_)) {
      if (flag == nullptr || *flag) add(value->key_place, not_taken(option));
      return;
    }
    const std::string what = fmt::format("{}.{}", kPath, option.key.name);
    switch (option.form) {
      case Form::kBoolean:
        if (*flag) append(index_.options, option.server, true);
        break;
      case Form::kSeconds:
        if (const auto seconds = parse_seconds(*value, what, 0, kMaxExpireSeconds, mistakes_)) {
          append(index_.options, option.server, *seconds);
        }
        break;
      case Form::kDocument:
        if (const auto document = parse_document(std::get<std::string>(value->data), what, value->place, mistakes_)) {
          append(index_.options, option.server, *document);
        }
        break;
      case Form::kWord: word(option, *value, what); break;
      case Form::kNumber:
        if (const auto* whole = std::get_if<std::int64_t>(&value->data)) {
          append(index_.options, option.server, *whole);
        } else {
          append(index_.options, option.server, std::get<double>(value->data));
        }
        break;
      case Form::kWeights: weights(option, std::get<toml::Table>(value->data), what); break;
      case Form::kCollation: break;  // above: an index may have one without declaring it
    }
  }

  std::string not_taken(const IndexOption& option) const {
    std::string why;
    if (option.server == "sparse" && kind_ != IndexKind::kWildcard) why = ", which always leaves such documents out";
    return fmt::format("{}.{} cannot be given for a {} index{}", kPath, option.key.name, schema::name(kind_), why);
  }

  // Text and 2d indexes compare bytes, whatever the collection does (manual, "Collation").
  void collation(const IndexOption& option, const toml::Value* value) {
    const bool taken = schema::has(option.kinds, kind_);
    std::optional<Document> chosen = taken ? collation_ : Document();
    if (value != nullptr) {
      const std::string what = fmt::format("{}.{}", kPath, option.key.name);
      chosen = parse_collation(std::get<toml::Table>(value->data), what, value->place, mistakes_);
      if (chosen && !chosen->empty() && !taken) add(value->key_place, not_taken(option));
    }
    if (chosen && !chosen->empty()) append(index_.options, option.server, *chosen);
  }

  void word(const IndexOption& option, const toml::Value& value, const std::string& what) {
    const auto& text = std::get<std::string>(value.data);
    if (text.find('\0') != std::string::npos) {
      add(value.place, fmt::format("{} must not hold a NUL byte", what));
    } else if (option.server == "language_override" && text.find_first_of("$.") != std::string::npos) {
      add(value.place, fmt::format("{} must be the name of a field, without \"$\" and dots", what));
    } else {
      append(index_.options, option.server, text);
    }
  }

  void weights(const IndexOption& option, const toml::Table& table, const std::string& what) {
    Document all;
    for (const auto& [field_name, weight] : table.entries) {
      const std::optional<Field> in_key =
          field_name.find('\0') == std::string::npos ? field(index_.key, field_name) : std::nullopt;
      if (!in_key || in_key->string() != "text") {
        add(weight.key_place,
            fmt::format("{} names {}, which is no text field of the key", what, json_quote(field_name)));
      } else {
        append(all, field_name, std::get<std::int64_t>(weight.data));
      }
    }
    if (!all.empty()) append(index_.options, option.server, all);
  }

  void option_rules() {
    const auto given = [&](std::string_view key) { return index_.options.has(key); };
    if (given("sparse") && given("partialFilterExpression")) {
      add(reader_.value("sparse")->key_place,
          fmt::format("{}.sparse and partial exclude each other; partial with $exists says the same", kPath));
    }
    if (given("expireAfterSeconds") && fields(index_.key).size() != 1) {
      add(reader_.value("expire_after")->key_place, fmt::format("{}.expire_after needs a key of one field", kPath));
    }
    if (given("wildcardProjection") && !index_on_all()) {
      add(reader_.value("wildcard_projection")->key_place,
          fmt::format("{}.wildcard_projection needs \"$**\" in the key", kPath));
    }
    if (kind_ == IndexKind::k2d && reader_.real("min") >= reader_.real("max")) {
      add(reader_.value(reader_.has("min") ? "min" : "max")->place, fmt::format("{}.min must be less than max", kPath));
    }
  }

  toml::Reader reader_;
  const Document& collation_;  // the collection's
  toml::Mistakes& mistakes_;
  Index index_;
  IndexKind kind_ = IndexKind::kPlain;
  std::vector<toml::Place> places_;  // of the fields of the key
};

}  // namespace

std::optional<Index> parse_index(const toml::Table& table, const toml::Place& place, const Document& collation,
                                 toml::Mistakes& mistakes) {
  return IndexParser(table, place, collation, mistakes).run();
}

}  // namespace readygate::schema
