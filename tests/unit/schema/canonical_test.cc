#include "schema/canonical.h"

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "text.h"

using namespace readygate;
using namespace readygate::schema;

namespace {

struct Table {
  std::vector<std::string> lines;  // "key = value", in any order
  std::vector<Table> below;        // in any order
};

// Everything in it may be permuted without changing what is meant.
std::vector<Table> declarations() {
  return {
      {{"name = 'a'", "validator = '{ \"x\": 1, \"y\": { \"$gt\": 2, \"$lt\": 3.5 } }'"},
       {{{"name = 'i'", "key = [['p', 1], ['q', -1]]", "unique = true"}, {}},
        {{"name = 'j'", "key = [['t', 'text'], ['s', 'text']]", "weights = { t = 3, s = 2 }",
          "default_language = 'german'"},
         {}},
        {{"name = 'k'", "key = [['e', 1]]", "expire_after = 60",
          "partial = '{ \"e\": { \"$exists\": true }, \"f\": 1 }'"},
         {}}}},
      {{"name = 'b'"}, {{{"key = [['g', '2d']]", "bits = 20", "min = -90", "max = 90"}, {}}}},
      {{"name = 'c'"}, {}},
  };
}

void shuffle(std::vector<Table>& tables, std::mt19937& random) {
  std::shuffle(tables.begin(), tables.end(), random);
  for (Table& table : tables) {
    std::shuffle(table.lines.begin(), table.lines.end(), random);
    shuffle(table.below, random);
  }
}

std::string text_of(const std::vector<Table>& tables, const std::string& header) {
  std::string text;
  for (const Table& table : tables) {
    text += "[[" + header + "]]\n";
    for (const std::string& line : table.lines) text += line + "\n";
    text += text_of(table.below, header + ".index");
  }
  return text;
}

std::string hash_of(const std::string& text) { return schema_of(text).hash; }

// One index of one collection.
std::string index(const std::string& lines) {
  return hash_of("[[collection]]\nname = 'c'\n[[collection.index]]\nname = 'i'\n" + lines);
}

}  // namespace

TEST_CASE("the hash does not depend on any order") {
  std::vector<Table> tables = declarations();
  const std::string expected = hash_of(text_of(tables, "collection"));
  std::mt19937 random(4711);
  for (int i = 0; i < 200; ++i) {
    shuffle(tables, random);
    const std::string text = text_of(tables, "collection");
    CAPTURE(text);
    CHECK(hash_of(text) == expected);
  }
}

TEST_CASE("each single change of a declaration changes the hash, and each to another one") {
  std::vector<std::string> hashes = {hash_of(text_of(declarations(), "collection"))};
  const std::vector<std::pair<std::string, std::string>> changes = {
      {"'a'", "'A'"},
      {"\"x\": 1", "\"x\": 2"},
      {"\"x\": 1", "\"x\": true"},
      {"\"x\": 1", "\"x\": \"1\""},
      {"\"x\": 1", "\"x\": 1.5"},
      {"\"x\": 1", "\"x\": { \"$numberDecimal\": \"1\" }"},
      {"\"x\": 1", "\"x\": [1]"},
      {"\"x\": 1", "\"x\": { \"0\": 1 }"},
      {"\"x\": 1", "\"z\": 1"},
      {"\"x\": 1", "\"x\": null"},
      {"'p', 1], ['q', -1]", "'q', -1], ['p', 1]"},
      {"['q', -1]", "['q', 1]"},
      {"unique = true", "unique = false"},
      {"unique = true", "sparse = true"},
      {"t = 3, s = 2", "t = 2, s = 3"},
      {"'german'", "'english'"},
      {"= 60", "= 61"},
      {"bits = 20", "bits = 21"},
      {"name = 'i'", "name = 'h'"},
      {"name = 'c'", "name = 'd'"},
      {"\"$exists\": true", "\"$exists\": false"},
      {"min = -90", "min = -90.5"},
  };
  for (const auto& change : changes) {
    const std::string& from = change.first;
    const std::string& to = change.second;
    std::string text = text_of(declarations(), "collection");
    const std::size_t at = text.find(from);
    CAPTURE(from);
    REQUIRE(at != std::string::npos);
    text.replace(at, from.size(), to);
    hashes.push_back(hash_of(text));
  }
  std::sort(hashes.begin(), hashes.end());
  CHECK(std::adjacent_find(hashes.begin(), hashes.end()) == hashes.end());
}

TEST_CASE("two spellings of one meaning have one hash") {
  const std::string plain = index("key = [['a', 1]]\n");
  CHECK(index("key = [['a', 1]]\nunique = false\nsparse = false\nhidden = false\n") == plain);
  CHECK(index("key = [['a', 1]]\nexpire_after = '2m'\n") == index("key = [['a', 1]]\nexpire_after = 120\n"));
  CHECK(index("key = [['a', 'text'], ['b', 'text']]\n") ==
        index("key = [['b', 'text'], ['a', 'text']]\nweights = { a = 1, b = 1 }\ndefault_language = 'english'\n"
              "language_override = 'language'\n"));
  CHECK(index("key = [['a', '2d']]\n") == index("key = [['a', '2d']]\nbits = 26\nmin = -180.0\nmax = 180\n"));
  CHECK(index("key = [['$**', 1]]\nwildcard_projection = '{ \"a\": { \"b\": 1 }, \"_id\": 0 }'\n") ==
        index("key = [['$**', 1]]\nwildcard_projection = '{ \"a.b\": true }'\n"));
  CHECK(index("key = [['a', 1]]\npartial = '{ \"n\": 1, \"m\": 2 }'\n") ==
        index("key = [['a', 1]]\npartial = '{ \"m\": 2.0, \"n\": { \"$numberLong\": \"1\" } }'\n"));
  const std::string begin = "[[collection]]\nname = 'c'\nvalidator = '{ \"a\": 1 }'\n";
  CHECK(hash_of(begin) == hash_of(begin + "validation = { level = 'strict', action = 'error' }\n"));
  CHECK(hash_of(begin) != hash_of(begin + "validation = { action = 'warn' }\n"));
}

TEST_CASE("what is not a declaration is not in the hash") {
  const std::string body = "[[collection]]\nname = 'c'\n";
  const auto hash = [&](const std::string& head) { return parse(head + body, "s", "")->hash; };
  const std::string expected = hash("schema = 'a'\ndatabase = 'b'\nversion = 1\n");
  CHECK(hash("schema = 'x'\ndatabase = 'y'\nversion = 9\nmin_open = 4\n[policy]\nnewer = 'fail'\n") == expected);
}

TEST_CASE("the format that databases out there hold") {
  // When this changes for an unchanged schema, kHashFormat has to change with it.
  const Schema schema = schema_of(text_of(declarations(), "collection"));
  CHECK(canonical_text(schema) ==
        "[\n{\"name\":\"a\",\"options\":{\"validationAction\":\"error\",\"validationLevel\":\"strict\",\"validator\":"
        "{\"x\":1,\"y\":{\"$gt\":2,\"$lt\":double(400c000000000000)}}},\"indexes\":[\n"
        "{\"name\":\"i\",\"key\":{\"p\":1,\"q\":-1},\"options\":{\"unique\":true}},\n"
        "{\"name\":\"j\",\"key\":{\"s\":\"text\",\"t\":\"text\"},\"options\":{\"default_language\":\"german\","
        "\"weights\":"
        "{\"s\":2,\"t\":3}}},\n"
        "{\"name\":\"k\",\"key\":{\"e\":1},\"options\":{\"expireAfterSeconds\":60,\"partialFilterExpression\":"
        "{\"e\":{\"$exists\":true},\"f\":1}}}]},\n"
        "{\"name\":\"b\",\"options\":{},\"indexes\":[\n"
        "{\"name\":\"g_2d\",\"key\":{\"g\":\"2d\"},\"options\":{\"bits\":20,\"max\":90,\"min\":-90}}]},\n"
        "{\"name\":\"c\",\"options\":{},\"indexes\":[]}]\n");
  CHECK(schema_of("").hash == "1:37517e5f3dc66819f61f5a7bb8ace1921282415f10551d2defa5c3eb0985b570");
}

TEST_CASE("views are in the hash, and their pipelines in the order in which they are written") {
  const auto view = [](const std::string& name, const std::string& pipeline) {
    return hash_of("[[view]]\nname = '" + name + "'\non = 'c'\npipeline = '" + pipeline + "'\n");
  };
  const std::string first = view("v", R"([ { "$match": { "a": 1, "b": 2 } } ])");
  CHECK(first != hash_of(""));
  CHECK(first != view("w", R"([ { "$match": { "a": 1, "b": 2 } } ])"));
  CHECK(first != view("v", R"([ { "$match": { "b": 2, "a": 1 } } ])"));
  CHECK(first == view("v", R"([ { "$match": { "a": 1.0, "b": { "$numberLong": "2" } } } ])"));
  CHECK(view("v", "[]") == hash_of("[[view]]\nname = 'v'\non = 'c'\n"));
  CHECK(view("v", "[]") != hash_of("[[view]]\nname = 'v'\non = 'd'\n"));
}
