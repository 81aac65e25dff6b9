#include "schema/parse_values.h"

#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/duration.h"
#include "base/json.h"
#include "schema/collation_keys.h"
#include "schema/fields.h"
#include "schema/normalise.h"

namespace readygate::schema {
namespace {

bool begins_with(const std::string& json, char wanted) {
  const std::size_t first = json.find_first_not_of(" \t\r\n");
  return first != std::string::npos && json[first] == wanted;
}

class Complaint {
 public:
  Complaint(const std::string& what, const toml::Place& place, toml::Mistakes& mistakes)
      : what_(what), place_(place), mistakes_(mistakes) {}

  std::nullopt_t operator()(std::string_view wrong) const {
    mistakes_.push_back(toml::Mistake{place_, Reason::kSchemaInvalid, fmt::format("{} {}", what_, wrong)});
    return std::nullopt;
  }

 private:
  const std::string& what_;
  const toml::Place& place_;
  toml::Mistakes& mistakes_;
};

}  // namespace

bool clean(const toml::Table& table, toml::Keys keys) {
  toml::Mistakes mistakes;
  toml::check(table, keys, {}, mistakes);
  return mistakes.empty();
}

std::optional<Document> parse_document(const std::string& json, const std::string& what, const toml::Place& place,
                                       toml::Mistakes& mistakes) {
  const Complaint complain(what, place, mistakes);
  Result<Document> document = Document::from_json(json);
  if (!document) return complain(fmt::format("is not Extended JSON: {}", document.error().message));
  if (begins_with(json, '[')) return complain("must be a JSON object, not an array");
  if (document->empty()) return complain("must not be an empty object: leave it out");
  return std::move(*document);
}

std::optional<Document> parse_pipeline(const std::string& json, const std::string& what, const toml::Place& place,
                                       toml::Mistakes& mistakes) {
  const Complaint complain(what, place, mistakes);
  // By itself first, so that the position in a mistake is that in the text.
  Result<Document> alone = Document::from_json(json);
  if (!alone) return complain(fmt::format("is not Extended JSON: {}", alone.error().message));
  if (!begins_with(json, '[')) return complain("must be a JSON array of stages");
  for (const Field& stage : fields(*alone)) {
    const std::optional<Document> inner = stage.type() == BSON_TYPE_DOCUMENT ? stage.document() : std::nullopt;
    const std::vector<Field> parts = inner ? fields(*inner) : std::vector<Field>();
    if (parts.size() != 1 || !parts.front().name().starts_with('$')) {
      return complain(fmt::format("must hold stages like {{ \"$match\": … }}, and item {} is none", stage.name()));
    }
    // https://www.mongodb.com/docs/manual/core/views/#restrictions
    if (parts.front().name() == "$out" || parts.front().name() == "$merge") {
      return complain(fmt::format("must not write, and item {} is {}", stage.name(), parts.front().name()));
    }
  }
  Document to;
  bson_append_array(to.get(), "pipeline", -1, alone->get());
  return to;
}

std::optional<Document> parse_collation(const toml::Table& table, const std::string& what, const toml::Place& place,
                                        toml::Mistakes& mistakes) {
  const Complaint complain(what, place, mistakes);
  Document collation;
  for (const CollationOption& option : kCollationOptions) {
    const toml::Value* value = table.find(option.key.name);
    if (value == nullptr) continue;
    if (const auto* text = std::get_if<std::string>(&value->data)) {
      if (text->find('\0') != std::string::npos) return complain("must not hold a NUL byte");
      append(collation, option.server, *text);
    } else if (const auto* flag = std::get_if<bool>(&value->data)) {
      append(collation, option.server, *flag);
    } else {
      append(collation, option.server, static_cast<std::int32_t>(std::get<std::int64_t>(value->data)));
    }
  }
  const bool simple = field(collation, "locale")->string() == "simple";
  if (simple && table.entries.size() > 1) return complain("with the locale \"simple\" takes nothing else");
  return normalised_collation(collation);
}

std::optional<std::int64_t> parse_seconds(const toml::Value& value, const std::string& what, std::int64_t least,
                                          std::int64_t most, toml::Mistakes& mistakes) {
  const Complaint complain(what, value.place, mistakes);
  std::int64_t count = 0;
  if (const auto* plain = std::get_if<std::int64_t>(&value.data)) {
    count = *plain;
  } else {
    const std::int64_t millis = parse_duration(std::get<std::string>(value.data)).value_or(Millis(0)).count();
    if (millis % 1000 != 0) return complain("must be whole seconds");
    count = millis / 1000;
  }
  if (count < least || count > most) {
    return complain(fmt::format("must be from {} to {} seconds, not {}", least, most, count));
  }
  return count;
}

}  // namespace readygate::schema
