// What a collection is asked before a unique index of it is built.
#include "schema/duplicates.h"
#include "text.h"

using namespace readygate;
using namespace readygate::schema;

namespace {

Index unique(const char* key, const char* options) { return Index{"x", json(key), json(options), {}}; }

}  // namespace

TEST_CASE("the search for duplicates: keys that several documents share, ten of them, bounded") {
  const auto search = duplicate_search("c", unique(R"({"a":1,"b.c":-1})", R"({"unique":true})"));
  REQUIRE(search);
  CHECK(same(search->sample, json(R"({"aggregate":"c","pipeline":[
               {"$group":{"_id":{"k0":{"$ifNull":["$a",null]},"k1":{"$ifNull":["$b.c",null]}},"n":{"$sum":1}}},
               {"$match":{"n":{"$gt":1}}},{"$limit":10}],"cursor":{},"allowDiskUse":false,"maxTimeMS":60000})"),
             FieldOrder::kMatters));
  CHECK(search->count.to_json().find(
            R"({ "$group" : { "_id" : null, "keys" : { "$sum" : 1 }, "documents" : { "$sum" : "$n" } } })") !=
        std::string::npos);
}

TEST_CASE("the search looks only at what the index covers, and as it compares") {
  const auto text = [](const char* key, const char* options) {
    return duplicate_search("c", unique(key, options))->sample.to_json();
  };
  CHECK(text(R"({"a":1})", R"({"partialFilterExpression":{"a":{"$gt":5}}})")
            .find(R"([ { "$match" : { "a" : { "$gt" : 5 } } }, { "$group")") != std::string::npos);
  CHECK(
      text(R"({"a":1,"b":1})", R"({"sparse":true})")
          .find(
              R"([ { "$match" : { "$or" : [ { "a" : { "$exists" : true } }, { "b" : { "$exists" : true } } ] } }, )") !=
      std::string::npos);
  CHECK(text(R"({"a":1})", R"({"collation":{"locale":"en","strength":2}})")
            .find(R"("collation" : { "locale" : "en", "strength" : 2 })") != std::string::npos);
  for (const char* key : {R"({"a":"text"})", R"({"a":"2d"})", R"({"a":"2dsphere"})"}) {
    CAPTURE(key);
    CHECK(!duplicate_search("c", unique(key, "{}")));
  }
}
