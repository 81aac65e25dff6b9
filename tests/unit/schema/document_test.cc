#include "schema/document.h"

#include "schema/fields.h"
#include "text.h"

using namespace readygate;
using namespace readygate::schema;

TEST_CASE("Extended JSON comes in, or a sentence about why not") {
  struct Case {
    std::string text;
    const char* wrong;  // a part of the sentence
  };
  const Case cases[] = {
      {"", "empty"},
      {"  ", "Incomplete JSON"},
      {"3", "JSON"},
      {"{\"a\":}", "position 5"},
      {"{\"a\":1", "Incomplete"},
      {"{\"a\":1} {}", "something follows"},
      {"{\"a\":1} x", "position 8"},
      {"{a:1}", "position 1"},
      {"{\"a\":1,}", "TRAILING_COMMA"},
      {"{\"a\":1,\"a\":2}", "\"a\" is given twice"},
      {"{\"p\":[{\"a\":{\"b\":1,\"b\":1}}]}", "\"p.0.a.b\" is given twice"},
      {"{\"a\":99999999999999999999}", "99999999999999999999 does not fit"},
      {"{\"a\":-9223372036854775809}", "out of range"},
      {"{\"a\":\"\xff\"}", "not valid UTF-8"},
      {std::string("{\"a\":1}\0", 8), "NUL"},
      {"{\"a\\u0000b\":1}", "UTF8"},
      {"{\"a\":{\"$type\":2}}", "name the type"},
      {"{\"a\":{\"$oid\":\"x\"}}", "OID"},
  };
  for (const Case& each : cases) {
    CAPTURE(each.text);
    const auto document = Document::from_json(each.text);
    REQUIRE(!document);
    CHECK(document.error().reason == Reason::kSchemaInvalid);
    CAPTURE(document.error().message);
    CHECK(document.error().message.find(each.wrong) != std::string::npos);
  }
}

TEST_CASE("what looks too large is not when it is in a string or real") {
  CHECK(Document::from_json("{\"a\":\"99999999999999999999\",\"b\\\"9\":1e300,\"c\":9223372036854775807}"));
}

TEST_CASE("nesting that would exhaust the stack is refused") {
  std::string deep;
  for (int i = 0; i < 5000; ++i) deep += "{\"a\":";
  CHECK(!Document::from_json(deep + "1" + std::string(5000, '}')));
}

TEST_CASE("equal by value, not by type or order") {
  CHECK(same(json("{\"a\":1}"), json("{\"a\":{\"$numberLong\":\"1\"}}")));
  CHECK(same(json("{\"a\":1}"), json("{\"a\":1.0}")));
  CHECK(!same(json("{\"a\":1}"), json("{\"a\":1.5}")));
  CHECK(!same(json("{\"a\":1}"), json("{\"a\":true}")));
  CHECK(!same(json("{\"a\":1}"), json("{\"a\":\"1\"}")));
  CHECK(!same(json("{\"a\":1}"), json("{\"b\":1}")));
  CHECK(!same(json("{\"a\":1}"), json("{\"a\":1,\"b\":1}")));
  CHECK(same(json("{\"a\":1,\"b\":{\"c\":1,\"d\":2}}"), json("{\"b\":{\"d\":2,\"c\":1},\"a\":1}")));
  CHECK(!same(json("{\"a\":1,\"b\":1}"), json("{\"b\":1,\"a\":1}"), FieldOrder::kMatters));
  CHECK(!same(json("{\"a\":[1,2]}"), json("{\"a\":[2,1]}")));
  CHECK(same(json("{\"a\":[{\"x\":1,\"y\":2}]}"), json("{\"a\":[{\"y\":2,\"x\":1}]}")));
  CHECK(!same(json("{\"a\":[1]}"), json("{\"a\":{\"0\":1}}")));
  CHECK(same(json("{\"a\":{\"$numberDouble\":\"NaN\"}}"), json("{\"a\":{\"$numberDouble\":\"NaN\"}}")));
  // 2^63 is no int64, and 2^53 + 1 no double.
  CHECK(!same(json("{\"a\":9223372036854775807}"), json("{\"a\":9223372036854775808.0}")));
  CHECK(!same(json("{\"a\":9007199254740993}"), json("{\"a\":9007199254740992.0}")));
  CHECK(same(json("{\"a\":{\"$oid\":\"0123456789abcdef01234567\"}}"),
             json("{\"a\":{\"$oid\":\"0123456789abcdef01234567\"}}")));
  CHECK(!same(json("{\"a\":{\"$oid\":\"0123456789abcdef01234567\"}}"),
              json("{\"a\":{\"$oid\":\"0123456789abcdef01234568\"}}")));
  CHECK(same(json("{\"a\":null}"), json("{\"a\":null}")));
  CHECK(!same(json("{\"a\":null}"), json("{\"a\":{\"$minKey\":1}}")));
}

TEST_CASE("copies are their own") {
  Document a = json("{\"a\":1}");
  Document b = a;
  append(b, "b", 2);
  CHECK(!a.has("b"));
  a = b;
  CHECK(a.has("b"));
  CHECK(a.to_json() == "{ \"a\" : 1, \"b\" : 2 }");
  CHECK(a.to_canonical_json() == "{ \"a\" : { \"$numberInt\" : \"1\" }, \"b\" : { \"$numberInt\" : \"2\" } }");
  CHECK(Document().empty());
  CHECK(!a.empty());
}

TEST_CASE("the text of a document is the same with every libbson") {
  const char* const text = R"({ "a" : { }, "b" : [ ], "c" : "{  }\"[  ]", "d  \\" : [ { }, [ ] ] })";
  CHECK(json(text).to_json() == text);
  CHECK(json(text).to_canonical_json() == text);
  CHECK(Document().to_json() == "{ }");
}

TEST_CASE("fields") {
  const Document d = json("{\"s\":\"x\",\"i\":3.0,\"f\":1.5,\"b\":true,\"d\":{\"k\":[1]},\"z\":0}");
  CHECK(field(d, "s")->string() == "x");
  CHECK(field(d, "i")->integer() == 3);
  CHECK(!field(d, "f")->integer());
  CHECK(field(d, "f")->real() == 1.5);
  CHECK(field(d, "b")->truthy());
  CHECK(!field(d, "z")->truthy());
  CHECK(field(d, "f")->truthy());
  CHECK(field(d, "d")->to_json() == "{ \"k\" : [ 1 ] }");
  CHECK(field(d, "s")->to_json() == "\"x\"");
  CHECK(!field(d, "nothing"));
  CHECK(without(d, {"s", "d", "f"}).to_json() == "{ \"i\" : 3.0, \"b\" : true, \"z\" : 0 }");
}
