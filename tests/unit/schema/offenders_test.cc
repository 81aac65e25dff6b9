// The filter that finds what an index cannot be built over.
#include "schema/offenders.h"

#include <doctest/doctest.h>

using readygate::schema::Document;
using readygate::schema::find_in_shell;
using readygate::schema::offender_filter;

namespace {

std::string filter_of(const char* index) {
  const auto filter = offender_filter(*Document::from_json(index));
  return filter ? filter->to_json() : "";
}

}  // namespace

TEST_CASE("each kind of index has a filter for the documents that it cannot hold") {
  CHECK(filter_of(R"({"key":{"k":"hashed"}})") == R"({ "k" : { "$type" : "array" } })");
  CHECK(filter_of(R"({"key":{"a":1,"b.c":-1}})") ==
        R"({ "a" : { "$type" : "array" }, "b.c" : { "$type" : "array" } })");
  CHECK(filter_of(R"({"key":{"a":1,"b":1,"c":1}})").starts_with(R"({ "$or" : [ { "a" : { "$type" : "array" }, "b" )"));
  const std::string places = filter_of(R"({"key":{"owner":1,"loc":"2dsphere"}})");
  CHECK(places.find(R"("loc" : { "$not" : { "$type" : [ "object", "array", "null" ] }, "$exists" : true })") !=
        std::string::npos);
  CHECK(places.find(R"("loc.type" : { "$nin" : [ "Point")") != std::string::npos);
  CHECK(filter_of(R"({"key":{"t":"text"}})").starts_with(R"({ "language" : { "$nin" : [ "none", "da")"));
  CHECK(filter_of(R"({"key":{"t":"text"},"language_override":"idioma"})").starts_with(R"({ "idioma" : {)"));
}

TEST_CASE("where no filter finds them there is none") {
  CHECK(filter_of(R"({"key":{"a":1}})").empty());
  CHECK(filter_of(R"({"key":{"a":"2d"}})").empty());
  CHECK(filter_of("{}").empty());
}

TEST_CASE("a query is text for the shell, whatever the collection is called") {
  CHECK(find_in_shell("a\"b", *Document::from_json(R"({"k":1})")) == R"(db.getCollection("a\"b").find({ "k" : 1 }))");
}
