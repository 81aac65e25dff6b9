// What servers report, as documented and as seen, against what was declared.
#include "schema/normalise.h"

#include "schema/catalog.h"
#include "text.h"

using namespace readygate;
using namespace readygate::schema;

namespace {

Index declared(const std::string& lines) {
  return schema_of("[[collection]]\nname = 'c'\n[[collection.index]]\nname = 'i'\n" + lines + "\n")
      .collections[0]
      .indexes[0];
}

Index reported(const std::string& entry) {
  const auto index = index_from(json(entry));
  REQUIRE(index);
  return normalised(index->index);
}

}  // namespace

TEST_CASE("a report of what was declared equals it") {
  struct Pair {
    const char* lines;
    const char* report;
  };
  const Pair pairs[] = {
      {"key = [['a', 1]]", R"({"v":2,"key":{"a":1},"name":"i"})"},
      {"key = [['a', 1]]",
       R"({"v":2,"key":{"a":1.0},"name":"i","ns":"db.c","background":true,"sparse":false,"unique":0})"},
      {"key = [['a', 1]]", R"({"v":2,"key":{"a":1},"name":"i","storageEngine":{"enableOrderedIndex":true}})"},
      {"key = [['a', 1]]", R"({"v":2,"key":{"a":1},"name":"i","collation":{"locale":"simple"}})"},
      {"key = [['a', 1]]\nunique = true", R"({"v":2,"key":{"a":{"$numberLong":"1"}},"name":"i","unique":1})"},
      {"key = [['a', 1], ['b', -1]]\nsparse = true", R"({"v":2,"key":{"a":1,"b":-1},"name":"i","sparse":true})"},
      {"key = [['a', 1]]\nexpire_after = '1h'", R"({"v":2,"key":{"a":1},"name":"i","expireAfterSeconds":3600})"},
      {"key = [['a', 1]]\nexpire_after = '1h'", R"({"v":2,"key":{"a":1},"name":"i","expireAfterSeconds":3600.0})"},
      {"key = [['a', 1]]\nexpire_after = '1h'", R"({"v":2,"key":{"a":1},"name":"i","expireAfterSeconds":3600.7})"},
      {"key = [['a', 1]]\nexpire_after = '0s'",
       R"({"v":2,"key":{"a":1},"name":"i","expireAfterSeconds":{"$numberLong":"0"}})"},
      {"key = [['a', 1]]\npartial = '{ \"x\": { \"$gt\": 5, \"$lt\": 9 } }'",
       R"({"v":2,"key":{"a":1},"name":"i","partialFilterExpression":{"x":{"$lt":9.0,"$gt":5}}})"},
      {"key = [['a', 'hashed']]", R"({"v":2,"key":{"a":"hashed"},"name":"i"})"},
      {"key = [['a', '2dsphere']]", R"({"v":2,"key":{"a":"2dsphere"},"name":"i","2dsphereIndexVersion":3})"},
      {"key = [['a', '2d']]", R"({"v":2,"key":{"a":"2d"},"name":"i","bits":26.0,"min":-180.0,"max":180.0})"},
      {"key = [['a', '2d']]\nbits = 20\nmin = -90", R"({"v":2,"key":{"a":"2d"},"name":"i","bits":20.0,"min":-90})"},
      // MongoDB's form of a text index, then FerretDB's.
      {"key = [['s', 'text'], ['b', 'text']]",
       R"({"v":2,"key":{"_fts":"text","_ftsx":1},"name":"i","weights":{"b":1,"s":1},"default_language":"english",
           "language_override":"language","textIndexVersion":3})"},
      {"key = [['n', 'text'], ['d', 'text']]\nweights = { n = 10 }\ndefault_language = 'german'\nlanguage_override = "
       "'lang'",
       R"({"v":2,"key":{"_fts":"text","_ftsx":1},"name":"i","default_language":"german","weights":{"n":10.0,"d":1.0},
           "textIndexVersion":2,"language_override":"lang"})"},
      {"key = [['x', 1], ['n', 'text'], ['y', -1]]",
       R"({"v":2,"key":{"x":1,"_fts":"text","_ftsx":1,"y":-1},"name":"i","weights":{"n":1.0},"textIndexVersion":2,
           "language_override":"language"})"},
      {"key = [['$**', 'text']]", R"({"v":2,"key":{"_fts":"text","_ftsx":1},"name":"i","weights":{"$**":1}})"},
      {"key = [['$**', 1]]", R"({"v":2,"key":{"$**":1},"name":"i"})"},
      {"key = [['a.$**', 1]]", R"({"v":2,"key":{"a.$**":1},"name":"i"})"},
      {"key = [['$**', 1]]\nwildcard_projection = '{ \"a\": 1, \"b\": 1 }'",
       R"({"v":2,"key":{"$**":1},"name":"i","wildcardProjection":{"a":true,"b":true,"_id":false}})"},
      {"key = [['$**', 1]]\nwildcard_projection = '{ \"a\": { \"b\": 0 }, \"_id\": 1 }'",
       R"({"v":2,"key":{"$**":1},"name":"i","wildcardProjection":{"_id":1,"a.b":false}})"},
      {"key = [['$**', 1]]\nwildcard_projection = '{ \"_id\": 0 }'", R"({"v":2,"key":{"$**":1},"name":"i"})"},
      {"key = [['a', 1]]",
       R"({"spec":{"v":2,"key":{"a":1},"name":"i"},"buildUUID":{"$uuid":"00112233-4455-6677-8899-aabbccddeeff"}})"},
  };
  for (const Pair& pair : pairs) {
    CAPTURE(pair.lines);
    CAPTURE(pair.report);
    const Index left = declared(pair.lines);
    const Index right = reported(pair.report);
    CAPTURE(right.options.to_json());
    CHECK(differences(left, right).empty());
    CHECK(same_signature(left, right));
    // What is normal stays as it is.
    CHECK(differences(normalised(left), left).empty());
    CHECK(differences(normalised(right), right).empty());
  }
}

TEST_CASE("a report of something else differs, by name") {
  struct Pair {
    const char* lines;
    const char* report;
    std::vector<std::string> differing;
    bool signature;
  };
  const Pair pairs[] = {
      {"key = [['a', 1]]", R"({"key":{"a":-1},"name":"i"})", {"key"}, false},
      {"key = [['a', 1], ['b', 1]]", R"({"key":{"b":1,"a":1},"name":"i"})", {"key"}, false},
      {"key = [['a', 1]]", R"({"key":{"a":1},"name":"i","unique":true})", {"unique"}, false},
      {"key = [['a', 1]]\nsparse = true", R"({"key":{"a":1},"name":"i"})", {"sparse"}, false},
      {"key = [['a', 1]]\npartial = '{ \"x\": 1 }'",
       R"({"key":{"a":1},"name":"i","partialFilterExpression":{"x":2}})",
       {"partialFilterExpression"},
       false},
      {"key = [['a', 1]]\nexpire_after = 1", R"({"key":{"a":1},"name":"i"})", {"expireAfterSeconds"}, true},
      {"key = [['a', 1]]\nexpire_after = 0",
       R"({"key":{"a":1},"name":"i","expireAfterSeconds":{"$numberDouble":"NaN"}})",
       {"expireAfterSeconds"},
       true},
      {"key = [['a', 1]]", R"({"key":{"a":1},"name":"i","hidden":true})", {"hidden"}, true},
      {"key = [['a', 1]]", R"({"key":{"a":1},"name":"i","collation":{"locale":"en"}})", {"collation"}, false},
      {"key = [['a', 'text']]", R"({"key":{"_fts":"text","_ftsx":1},"name":"i","weights":{"a":2}})", {"weights"}, true},
      {"key = [['a', 'text']]",
       R"({"key":{"_fts":"text","_ftsx":1},"name":"i","weights":{"a":1,"b":1}})",
       {"key"},
       false},
      {"key = [['a', 1]]", R"({"key":{"a":1},"name":"i","prepareUnique":true})", {"prepareUnique"}, true},
      {"key = [['a', 1]]", R"({"key":{"a":1},"name":"i","somethingNew":1})", {"somethingNew"}, true},
  };
  for (const Pair& pair : pairs) {
    CAPTURE(pair.lines);
    CAPTURE(pair.report);
    CHECK(differences(declared(pair.lines), reported(pair.report)) == pair.differing);
    CHECK(same_signature(declared(pair.lines), reported(pair.report)) == pair.signature);
  }
}

TEST_CASE("NaN differs even from NaN") {
  const Index index = reported(R"({"key":{"a":1},"name":"i","expireAfterSeconds":{"$numberDouble":"NaN"}})");
  CHECK(differences(index, index) == std::vector<std::string>{"expireAfterSeconds"});
}

TEST_CASE("collections") {
  const auto normal = [](const char* options) { return normalised_collection(json(options)).to_json(); };
  CHECK(normal("{}") == "{ }");
  CHECK(normal(R"({"validator":{},"validationLevel":"strict"})") == "{ }");
  CHECK(normal(R"({"validationLevel":"off","uuid":1})") == "{ }");
  CHECK(normal(R"({"validator":{"a":1}})") ==
        R"({ "validator" : { "a" : 1 }, "validationLevel" : "strict", "validationAction" : "error" })");
  CHECK(normal(R"({"validationAction":"warn","validator":{"a":1},"validationLevel":"moderate"})") ==
        R"({ "validator" : { "a" : 1 }, "validationLevel" : "moderate", "validationAction" : "warn" })");
}

TEST_CASE("a capped collection without a limit of documents, in each form that servers list") {
  const auto normal = [](const std::string& options) {
    return normalised_collection(json(R"({"capped":true,"size":4096)" + options + "}")).to_json();
  };
  const std::string unlimited = normal("");
  CHECK(unlimited.find("max") == std::string::npos);
  for (const char* max : {"0", "-1", "2147483647", "2147483647.0", R"({"$numberLong":"2147483647"})",
                          R"({"$numberLong":"9223372036854775807"})", R"({"$numberDouble":"NaN"})"}) {
    CAPTURE(max);
    CHECK(normal(std::string(R"(,"max":)") + max) == unlimited);
  }
  CHECK(normal(R"(,"max":2147483646)") != unlimited);
}

TEST_CASE("kinds") {
  CHECK(kind_of(json(R"({"a":1})")) == IndexKind::kPlain);
  CHECK(kind_of(json(R"({"a":1,"_fts":"text","_ftsx":1})")) == IndexKind::kText);
  CHECK(kind_of(json(R"({"$**":"text"})")) == IndexKind::kText);
  CHECK(kind_of(json(R"({"b":1,"a.$**":1})")) == IndexKind::kWildcard);
  CHECK(kind_of(json(R"({"a":"2d"})")) == IndexKind::k2d);
}

TEST_CASE("a catalog's entries, and what is not one") {
  const auto collection = collection_from(json(R"({"name":"c","type":"view","options":{"viewOn":"d"},"info":{}})"));
  REQUIRE(collection);
  CHECK(collection->type == "view");
  CHECK(collection->options.has("viewOn"));
  CHECK(collection_from(json(R"({"name":"c"})"))->type == "collection");
  for (const char* bad :
       {R"({})", R"({"name":1})", R"({"name":""})", R"({"name":"c","type":1})", R"({"name":"c","options":[]})"}) {
    CAPTURE(bad);
    const auto strange = collection_from(json(bad));
    REQUIRE(!strange);
    CHECK(strange.error().reason == Reason::kInternal);
  }
  CHECK(index_from(json(R"({"spec":{"name":"i","key":{"a":1}},"buildUUID":1})"))->build == Build::kRunning);
  CHECK(index_from(json(R"({"spec":{"name":"i","key":{"a":1}},"indexBuildInfo":{}})"))->build == Build::kRunning);
  CHECK(index_from(json(R"({"name":"i","key":{"a":1},"buildUUID":1})"))->build == Build::kRunning);
  CHECK(index_from(json(R"({"spec":{"name":"i","key":{"a":1}}})"))->build == Build::kDone);
  CHECK(index_from(json(R"({"v":2,"name":"i","key":{"a":1},"ns":"d.c","unique":true})"))->index.options.to_json() ==
        "{ \"unique\" : true }");
  for (const char* bad : {R"({})", R"({"name":"i"})", R"({"name":"i","key":{}})", R"({"name":"i","key":1})",
                          R"({"spec":1})", R"({"key":{"a":1}})"}) {
    CAPTURE(bad);
    CHECK(!index_from(json(bad)));
  }
}

TEST_CASE("a time series has a granularity or a span, whatever else the server lists") {
  const auto series = [](const char* how) {
    return normalised_collection(json(std::string(R"({"timeseries":{"timeField":"t",)") + how + "}}")).to_json();
  };
  const std::string seconds = R"({ "timeseries" : { "timeField" : "t", "granularity" : "seconds" } })";
  CHECK(series(R"("granularity":"seconds","bucketMaxSpanSeconds":3600)") == seconds);
  CHECK(series(R"("granularity":"seconds","bucketMaxSpanSeconds":3600,"bucketRoundingSeconds":60)") == seconds);
  CHECK(series(R"("bucketMaxSpanSeconds":3600)") == seconds);
  CHECK(series(R"("bucketMaxSpanSeconds":300.0,"bucketRoundingSeconds":300)") ==
        R"({ "timeseries" : { "timeField" : "t", "bucketMaxSpanSeconds" : 300, "bucketRoundingSeconds" : 300 } })");
}

TEST_CASE("a collation: what every language has in common goes, what is its own is compared where it is declared") {
  const auto form = [](const char* text) { return normalised_collation(json(text)); };
  const Document reported =
      form(R"({"locale":"th","caseLevel":false,"caseFirst":"off","strength":3,"numericOrdering":false,
               "alternate":"shifted","maxVariable":"punct","normalization":true,"backwards":false,"version":"57.1"})");
  CHECK(!reported.has("version"));
  CHECK(!reported.has("strength"));
  CHECK(same_collation(form(R"({"locale":"th"})"), reported));
  CHECK(same_collation(form(R"({"locale":"th","strength":3.0,"alternate":"shifted"})"), reported));
  CHECK(!same_collation(form(R"({"locale":"th","alternate":"non-ignorable"})"), reported));
  CHECK(!same_collation(form(R"({"locale":"th","strength":2})"), reported));
  CHECK(!same_collation(form(R"({"locale":"en"})"), reported));
  CHECK(!same_collation(form(R"({"locale":"th"})"), form(R"({"locale":"th","strength":1})")));
  CHECK(form(R"({"locale":"simple"})").empty());
}
