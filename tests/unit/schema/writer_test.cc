#include "schema/writer.h"

#include <string>

#include "schema/fields.h"
#include "schema/options.h"
#include "schema/plan.h"
#include "schema/write_values.h"
#include "text.h"
#include "toml/format.h"

using namespace readygate;
using namespace readygate::schema;

namespace {

CatalogCollection collection(const std::string& entry, const std::vector<std::string>& indexes = {}) {
  CatalogCollection read = collection_from(json(entry)).value();
  for (const std::string& index : indexes) read.indexes.push_back(index_from(json(index)).value());
  return read;
}

// The schema of a written catalog; fails when it is none, or when a plan of it would change the catalog.
Schema imported(const Catalog& catalog, const Written& written) {
  CAPTURE(written.toml);
  auto schema = parse(written.toml, "import", "");
  INFO((schema ? std::string() : toml::to_string(schema.error())));
  REQUIRE(schema);
  const Plan plan = diff(*schema, catalog);
  CHECK(plan.empty());
  CHECK(plan.first(FindingKind::kConflict) == nullptr);
  const auto laid_out = toml::format(written.toml, "import", kSchemaKeys);
  REQUIRE(laid_out);
  CHECK(*laid_out == written.toml);
  return std::move(*schema);
}

}  // namespace

TEST_CASE("a catalog as a file, laid out as fmt does") {
  Catalog catalog;
  catalog.collections = {
      collection(
          R"({"name":"orders","type":"collection","options":{"validator":{"n":{"$gt":1}}}})",
          {R"({"v":2,"key":{"_id":1},"name":"_id_"})",
           R"({"v":2,"key":{"number":1},"name":"number","unique":true,"partialFilterExpression":{"n":{"$type":"string"}}})",
           R"({"v":2,"key":{"a":1,"b":-1},"name":"a_b","expireAfterSeconds":3600})"}),
      collection(R"({"name":"open","type":"view","options":{"viewOn":"orders","pipeline":[{"$match":{"s":"open"}}]}})"),
      collection(R"({"name":"_readygate","type":"collection"})"),
      collection(R"({"name":"system.views","type":"collection"})"),
  };
  // A server keeps expireAfterSeconds of an index on two fields and ignores it: it is no declaration of ours.
  const Written written = write_schema(catalog, {"Shop-1"});
  CHECK(written.toml ==
        "schema = \"shop-1\"\ndatabase = \"Shop-1\"\nversion = 1\n\n"
        "# Left out: the index \"a_b\" of \"orders\": collection.index.expire_after needs a key of one field\n"
        "#   { \"expireAfterSeconds\" : 3600, \"key\" : { \"a\" : 1, \"b\" : -1 } }\n"
        "[[collection]]\nname = \"orders\"\nvalidator = '{ \"n\": { \"$gt\": 1 } }'\n\n"
        "  [[collection.index]]\n  name = \"number\"\n  key = [[\"number\", 1]]\n  unique = true\n"
        "  partial = '{ \"n\": { \"$type\": \"string\" } }'\n\n"
        "[[view]]\nname = \"open\"\non = \"orders\"\npipeline = '[{ \"$match\": { \"s\": \"open\" } }]'\n");
  REQUIRE(written.left_out.size() == 1);
  CHECK(imported(catalog, written).collections.size() == 1);
}

TEST_CASE("what cannot be declared is a comment, and the rest is there") {
  Catalog catalog;
  catalog.collections = {
      collection(R"({"name":"a","type":"collection","options":{"recordPreImages":true}})"),
      collection(R"({"name":"b$c","type":"collection","options":{}})"),
      collection(R"({"name":"d","type":"collection","options":{}})"),
      collection(R"({"name":"e\u001b[2J\n","type":"view","options":{"viewOn":"a","pipeline":[{"$merge":"x"}]}})"),
      collection(R"({"name":"f","type":"collection"})",
                 {R"({"key":{"x":1.5},"name":"half"})", R"({"key":{"x":1},"name":"kept","prepareUnique":true})",
                  R"({"key":{"y":1},"name":"y"})"}),
  };
  catalog.collections.push_back(collection(R"({"name":"g","type":"timeseries","options":{}})"));
  catalog.collections.push_back(collection(R"({"name":"h","type":"bucket","options":{}})"));
  catalog.collections.push_back(collection(R"({"name":"i","type":"timeseries","options":{"timeseries":1}})"));
  // Extended JSON takes { "$type": 2 } for the beginning of a binary value.
  Document type;
  append(type, "$type", 2);
  Document rule;
  append(rule, "x", type);
  append(catalog.collections[2].options, "validator", rule);
  const Written written = write_schema(catalog, {"d"});
  CAPTURE(written.toml);
  for (const std::string_view said :
       {"# Left out: recordPreImages of \"a\": it cannot be declared", "# Left out: the collection \"b$c\": ",
        "# Left out: the options of the collection \"d\": ", "# Left out: the view \"e\\u001b[2J\\n\": ",
        "# Left out: the index \"half\" of \"f\": ", "# Left out: the timeseries \"g\": ",
        "# Left out: the bucket \"h\": ", "# Left out: \"i\" is a time series in the database"}) {
    CAPTURE(said);
    CHECK(written.toml.find(said) != std::string::npos);
  }
  CHECK(written.toml.find('\x1b') == std::string::npos);
  const auto schema = parse(written.toml, "import", "");
  REQUIRE(schema);
  REQUIRE(schema->collections.size() == 4);
  CHECK(schema->collections[2].indexes.back().name == "y");
  CHECK(written.left_out.size() >= 5);
}

TEST_CASE("long documents go over several lines") {
  Document validator = json(R"({"$jsonSchema":{"required":["customer","placed"],"properties":{
      "placed":{"bsonType":"date"},"customer":{"bsonType":"string","description":"it's the one who pays"}}}})");
  const std::string text = json_text(validator);
  CHECK(text.starts_with("'''\n{\n  \"$jsonSchema\": {\n    \"required\": [\"customer\", \"placed\"],\n"));
  const auto value = toml::parse_value(text, "");
  REQUIRE(value);
  CHECK(same(*Document::from_json(std::get<std::string>(value->data)), validator, FieldOrder::kMatters));
}

TEST_CASE("values in the words of the file") {
  CHECK(json_text(json(R"({"a":[1,2.5,{"b":{}}],"c":"it's"})")) ==
        R"("{ \"a\": [1, 2.5, { \"b\": {} }], \"c\": \"it's\" }")");
  CHECK(json_array_text(json("[]")) == "\"[]\"");
  CHECK(seconds_text(0) == "\"0s\"");
  CHECK(seconds_text(5400) == "\"90m\"");
  CHECK(seconds_text(2147483647) == "2147483647");
  CHECK(number_text(26) == "26");
  CHECK(number_text(90.5) == "90.5");
  CHECK(collation_text({}) == R"({ locale = "simple" })");
  CHECK(collation_text(json(R"({"locale":"en","strength":2,"caseLevel":true,"version":"57.1"})")) ==
        R"({ locale = "en", strength = 2, case_level = true })");
}

TEST_CASE("the name of a schema is made of that of the database") {
  CHECK(schema_name_for("Shop DB.2") == "shop_db_2");
  CHECK(schema_name_for("rebalancer") == "rebalancer");
}
