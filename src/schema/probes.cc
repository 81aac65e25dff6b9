#include "schema/probes.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/json.h"
#include "schema/fields.h"
#include "schema/normalise.h"

namespace readygate::schema {
namespace {

using Expect = Trial::Expect;

// What the rule is of, as a finding names it, and what the server does that should not.
struct Words {
  Rule rule;
  std::string_view option;
  std::string_view sentence;
};
constexpr std::array kWords = {
    Words{Rule::kValidator, "validator", "accepts a document that violates a validator"},
    Words{Rule::kJsonSchema, "validator", "accepts a document that violates a $jsonSchema validator"},
    Words{Rule::kUnique, "unique", "accepts two documents with one key of a unique index"},
    Words{Rule::kPartialUnique, "partialFilterExpression", "does not limit a unique index to its filter"},
    Words{Rule::kSparseUnique, "sparse", "takes documents without the field into a sparse unique index"},
    Words{Rule::kCollatedUnique, "collation", "does not compare the keys of a unique index by its collation"},
};

bool has_text(const Document& document, std::string_view text) {
  return document.to_json().find(text) != std::string::npos;
}

bool relies_on(const Document& collection, Rule rule) {
  if (rule != Rule::kValidator && rule != Rule::kJsonSchema) return false;
  const std::optional<Field> validator = field(collection, "validator");
  const std::optional<Document> rules = validator ? validator->document() : std::nullopt;
  if (!rules || rules->empty()) return false;
  const auto is = [&](std::string_view option, std::string_view word) {
    const std::optional<Field> found = field(collection, option);
    return found && found->string() == word;
  };
  if (is("validationLevel", "off") || is("validationAction", "warn")) return false;  // nothing is refused
  return has_text(*rules, "\"$jsonSchema\"") == (rule == Rule::kJsonSchema);
}

bool relies_on(const Index& index, Rule rule) {
  const std::optional<Field> unique = field(index.options, "unique");
  if (!unique || !unique->truthy()) return false;
  const std::optional<Field> sparse = field(index.options, "sparse");
  switch (rule) {
    case Rule::kUnique: return true;
    case Rule::kPartialUnique: return index.options.has("partialFilterExpression");
    case Rule::kSparseUnique: return sparse && sparse->truthy();
    case Rule::kCollatedUnique: return index.options.has("collation");
    case Rule::kValidator:
    case Rule::kJsonSchema: return false;
  }
  return false;
}

bool relies_on(const Schema& schema, Rule rule) {
  return std::any_of(schema.collections.begin(), schema.collections.end(), [&](const Collection& collection) {
    return relies_on(normalised_collection(collection.options), rule) ||
           std::any_of(collection.indexes.begin(), collection.indexes.end(),
                       [&](const Index& index) { return relies_on(index, rule); });
  });
}

// Our own text, with the name of the scratch collection in it.
Trial trial(Expect expect, std::string_view text, const std::string& scratch) {
  std::string json(text);
  const auto at = json.find("SCRATCH");
  json.replace(at, std::string_view("SCRATCH").size(), scratch);
  return {Document::from_json(json).value_or(Document()), expect};
}

std::vector<Trial> trials(Rule rule, const std::string& scratch) {
  const auto made = [&](std::string_view text) { return trial(Expect::kDone, text, scratch); };
  const auto create = made(R"({"create": "SCRATCH"})");
  // A server may take the validator in collMod alone.
  const auto validator = [&](std::string_view rules) {
    return made(fmt::format(R"({{"collMod": "SCRATCH", "validator": {}, "validationLevel": "strict", )"
                            R"("validationAction": "error"}})",
                            rules));
  };
  const auto unique = [&](std::string_view options) {
    return made(fmt::format(R"({{"createIndexes": "SCRATCH", "indexes": [{{"name": "a", "key": {{"a": 1}}, )"
                            R"("unique": true{}}}]}})",
                            options));
  };
  const auto insert = [&](Expect expect, std::string_view document) {
    return trial(expect, fmt::format(R"({{"insert": "SCRATCH", "documents": [{}]}})", document), scratch);
  };
  const auto yes = [&](std::string_view document) { return insert(Expect::kAccepted, document); };
  const auto no = [&](std::string_view document) { return insert(Expect::kRefused, document); };
  switch (rule) {
    case Rule::kValidator:
      return {create, validator(R"({"a": {"$type": "string"}})"), yes(R"({"_id": 1, "a": "x"})"),
              no(R"({"_id": 2, "a": 1})")};
    case Rule::kJsonSchema:
      return {create, validator(R"({"$jsonSchema": {"required": ["a"]}})"), yes(R"({"_id": 1, "a": 1})"),
              no(R"({"_id": 2})")};
    case Rule::kUnique: return {create, unique(""), yes(R"({"_id": 1, "a": 1})"), no(R"({"_id": 2, "a": 1})")};
    case Rule::kPartialUnique:
      return {create, unique(R"(, "partialFilterExpression": {"b": {"$exists": true}})"),
              yes(R"({"_id": 1, "a": 1, "b": 1})"), yes(R"({"_id": 2, "a": 1})"), no(R"({"_id": 3, "a": 1, "b": 1})")};
    case Rule::kSparseUnique:
      return {create, unique(R"(, "sparse": true)"), yes(R"({"_id": 1})"), yes(R"({"_id": 2})")};
    case Rule::kCollatedUnique:
      return {create, unique(R"(, "collation": {"locale": "en", "strength": 2})"), yes(R"({"_id": 1, "a": "x"})"),
              no(R"({"_id": 2, "a": "X"})")};
  }
  return {};
}

}  // namespace

std::vector<Probe> probes(const Schema& schema, const std::string& scratch) {
  std::vector<Probe> all;
  for (const Words& words : kWords) {
    if (relies_on(schema, words.rule)) all.push_back({words.rule, trials(words.rule, scratch)});
  }
  return all;
}

void report_tried(const Schema& schema, const Server& server, const std::vector<Tried>& tried, Plan& plan) {
  const auto report = [&](const Words& words, const std::string& collection, const std::string& index,
                          const Document& options) {
    const std::string option(words.option);
    const std::optional<Field> asked = field(options, option);
    plan.findings.push_back({FindingKind::kNotHonoured, collection, index, option, asked ? asked->to_json() : "", "",
                             fmt::format("tried out: {} {} ({})", shown(server), words.sentence,
                                         json_quote(index.empty() ? collection : index))});
  };
  for (const Words& words : kWords) {
    const auto found =
        std::find_if(tried.begin(), tried.end(), [&](const Tried& each) { return each.rule == words.rule; });
    if (found == tried.end() || found->enforced) continue;
    for (const Collection& collection : schema.collections) {
      const Document options = normalised_collection(collection.options);
      if (relies_on(options, words.rule)) report(words, collection.name, "", options);
      for (const Index& index : collection.indexes) {
        if (relies_on(index, words.rule)) report(words, collection.name, index.name, index.options);
      }
    }
  }
}

}  // namespace readygate::schema
