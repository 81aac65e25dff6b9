// Every object is closed and every field is required: what is added later is added here, and a test of real plans sees
// to it. Programs that read plans must let fields pass that they do not know.
#include "plan_schema.h"

#include <string_view>
#include <vector>

#include "base/json.h"
#include "schema/plan.h"
#include "schema/privileges.h"

namespace readygate {
namespace {

constexpr std::string_view kText = R"({"type":"string"})";
constexpr std::string_view kJsonOrNull = R"({"description":"relaxed Extended JSON, or null where there is none"})";

// {"enum": […]}
template <typename Enum>
std::string words(const std::vector<Enum>& all) {
  JsonWriter json;
  json.begin_object().key("enum").begin_array();
  for (const Enum each : all) json.value(name(each));
  return json.end_array().end_object().take();
}

// Of every value that has a name; the values have no gaps.
template <typename Enum>
std::string words() {
  std::vector<Enum> all;
  for (int i = 0; !name(static_cast<Enum>(i)).empty(); ++i) all.push_back(static_cast<Enum>(i));
  return words(all);
}

// A closed object: add() its fields, then take() it.
class Object {
 public:
  Object() { properties_.begin_object(); }

  Object& add(std::string_view name, std::string_view schema) {
    properties_.key(name).raw(schema);
    required_ += (required_.empty() ? "" : ",") + json_quote(name);
    return *this;
  }

  std::string take() {
    JsonWriter json;
    json.begin_object();
    finish(json);
    return json.end_object().take();
  }

  void finish(JsonWriter& json) {
    json.field("type", "object").field("additionalProperties", false);
    json.key("required").raw("[" + required_ + "]").key("properties").raw(properties_.end_object().text());
  }

 private:
  JsonWriter properties_;
  std::string required_;
};

std::string array_of(std::string_view item) { return R"({"type":"array","items":)" + std::string(item) + "}"; }

std::string step() {
  const std::string change = Object().add("option", kText).add("from", kJsonOrNull).add("to", kJsonOrNull).take();
  return Object()
      .add("kind", words<schema::StepKind>())
      .add("collection", kText)
      .add("object", R"({"type":"string","description":"the index that it changes or drops, or empty"})")
      .add("what", R"({"type":"string","description":"a sentence for people"})")
      .add("effect", words<schema::Effect>({schema::Effect::kExpand, schema::Effect::kContract}))
      .add("destructive", R"({"type":"boolean","description":"takes something away"})")
      .add("cost", words<schema::Cost>())
      .add("documents", R"({"type":["integer","null"],"description":"estimated, of the collection; null: not known"})")
      .add("indexes", R"({"type":"array","items":{"type":"string"},"description":"those that it builds"})")
      .add("changes", array_of(change))
      .add("command", R"({"type":["object","null"],"description":"without writeConcern, comment and maxTimeMS"})")
      .take();
}

std::string finding() {
  return Object()
      .add("kind", words<schema::FindingKind>())
      .add("collection", kText)
      .add("object", R"({"type":"string","description":"an index, or empty: the collection itself"})")
      .add("option", kText)
      .add("asked", kJsonOrNull)
      .add("reported", kJsonOrNull)
      .add("message", R"({"type":"string","description":"a sentence for people"})")
      .take();
}

std::string missing_privileges() {
  std::vector<schema::Purpose> purposes;
  for (const schema::Need& need : schema::needs()) {
    if (purposes.empty() || purposes.back() != need.purpose) purposes.push_back(need.purpose);
  }
  const std::string item =
      Object()
          .add("for", words<schema::Purpose>(purposes))
          .add("actions", array_of(kText))
          .add("resource",
               R"({"type":"object","description":"as in a role: db and collection (empty: the database), or cluster"})")
          .add("needed",
               R"({"type":"boolean","description":"false: something is lost without it, and the rest works"})")
          .take();
  return R"({"type":["array","null"],"description":"what the user may not do; null: the server does not say","items":)" +
         item + "}";
}

std::string server_of_plan() {
  JsonWriter json;
  json.begin_object().field("description", "who answered; null: the plan is against a file");
  const std::string object =
      Object()
          .add("product",
               R"({"type":"string","description":"mongodb, or what another one is called, or calls itself"})")
          .add("version", kText)
          .add("topology", R"({"type":"string","description":"standalone, replicaset or sharded"})")
          .add("mongodb_version",
               R"({"type":["string","null"],"description":"the MongoDB that an unknown product says it is"})")
          .take();
  return json.key("anyOf").raw(R"([{"type":"null"},)" + object + "]").end_object().take();
}

}  // namespace

std::string plan_schema() {
  JsonWriter json;
  json.begin_object().field("$schema", "http://json-schema.org/draft-07/schema#");
  json.field("title", "readygate plan --format json").field("description", "Version 1: docs/operations.md");
  Object()
      .add("v", R"({"const":1})")
      .add("changes", R"({"type":"integer","minimum":0,"description":"the number of steps"})")
      .add("steps", array_of(step()))
      .add("withheld", array_of(step()))
      .add("findings", array_of(finding()))
      .add("missing_privileges", missing_privileges())
      .add("server", server_of_plan())
      .finish(json);
  return json.end_object().take();
}

}  // namespace readygate
