// A malformed or hostile schema file gives an error, never a crash, and in bounded time.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include <fmt/format.h>

#include "schema/catalog.h"
#include "text.h"

using namespace readygate;
using namespace readygate::schema;

namespace {

constexpr std::size_t kMiB = 1U << 20U;
// Milliseconds in a plain build; what this bound is for would take minutes.
constexpr std::chrono::seconds kBounded{20};

std::string repeated(std::string_view text, std::size_t bytes) {
  std::string out;
  out.reserve(bytes + text.size());
  while (out.size() < bytes) out += text;
  return out;
}

// What is said about the text after the head; fails when that takes too long.
std::string said_of(const std::string& text) {
  const auto started = std::chrono::steady_clock::now();
  std::string said = mistakes_of(text);
  CHECK(std::chrono::steady_clock::now() - started < kBounded);
  return said;
}

std::string with_validator(const std::string& json) {
  return "[[collection]]\nname = 'c'\nvalidator = '''" + json + "'''\n";
}

constexpr std::string_view kCollection = "[[collection]]\nname = 'c'\n";

}  // namespace

TEST_CASE("1 MiB of nesting in TOML is an error") {
  for (const std::string_view opens : {"a.", "[", "{ a = ", "[[", "a = [", "[{ a = "}) {
    CAPTURE(opens);
    const std::string deep = repeated(opens, kMiB);
    for (const std::string& text : {deep, "x = " + deep, "[" + deep, "[[" + deep + "a]]"}) {
      CHECK(said_of(text).starts_with("s.toml:4:"));
    }
  }
}

TEST_CASE("1 MiB of nesting in Extended JSON is an error") {
  for (const std::string_view opens : {"[", "{\"a\":", "[{\"a\":", "{\"$and\":[", "{\"$code\":\"x\",\"$scope\":"}) {
    CAPTURE(opens);
    const std::string deep = repeated(opens, kMiB);
    CHECK(said_of(with_validator(deep)).starts_with("s.toml:6:13: collection.validator is not Extended JSON"));
    CHECK(said_of(with_validator("{ \"a\": " + deep)).starts_with("s.toml:6:13: collection.validator is not"));
    CHECK(!Document::from_json(deep));
  }
  // The deepest that is taken is walked by all that follows.
  std::string most = "1";
  std::size_t depth = 0;
  while (Document::from_json("{\"a\":" + most + "}")) {
    most = "{\"a\":" + most + "}";
    ++depth;
    REQUIRE(depth < 1000);
  }
  CHECK(depth >= 40);
  CHECK(said_of(with_validator(most)).empty());
}

TEST_CASE("NUL bytes are an error wherever they stand") {
  const std::string nul(1, '\0');
  CHECK(said_of("a" + nul + " = 1\n").starts_with("s.toml:4:"));
  CHECK(said_of("a = '" + nul + "'\n").starts_with("s.toml:4:"));
  CHECK(said_of("# " + nul + "\n").starts_with("s.toml:4:"));
  CHECK(said_of(repeated(nul, kMiB)).starts_with("s.toml:4:"));
  CHECK(said_of("[[collection]]\nname = \"a\\u0000b\"\n") ==
        "s.toml:5:8: collection.name \"a\\u0000b\" must not hold a NUL byte\n");
  CHECK(said_of(std::string(kCollection) + "[[collection.index]]\nname = \"\\u0000\"\nkey = [['a', 1]]\n")
            .find("must not hold a NUL byte") != std::string::npos);
  CHECK(said_of(std::string(kCollection) + "[[collection.index]]\nkey = [[\"\\u0000\", 1]]\n")
            .find("must not hold a NUL byte") != std::string::npos);
  CHECK(said_of("[[collection]]\nname = 'c'\nvalidator_file = \"\\u0000\"\n").find("must not hold a NUL byte") !=
        std::string::npos);
  CHECK(said_of("[[collection]]\nname = 'c'\nvalidator = \"{ \\\"a\\u0000\\\": 1 }\"\n").find("NUL byte") !=
        std::string::npos);
}

TEST_CASE("invalid UTF-8 is an error wherever it stands") {
  for (const std::string_view bad : {"\xff", "\xc3", "\xed\xa0\x80", "\xc0\xaf", "\xf5\x80\x80\x80"}) {
    CHECK(said_of(fmt::format("a = '{}'\n", bad)).starts_with("s.toml:4:"));
    CHECK(said_of(fmt::format("a{} = 1\n", bad)).starts_with("s.toml:4:"));
    CHECK(said_of(fmt::format("# {}\n", bad)).starts_with("s.toml:4:"));
    CHECK(!Document::from_json(fmt::format("{{\"{}\": 1}}", bad)));
  }
}

TEST_CASE("duplicate names are errors that name both places") {
  CHECK(said_of("version = 4\n").starts_with("s.toml:4:"));
  CHECK(said_of("[[collection]]\nname = 'c'\nname = 'd'\n").starts_with("s.toml:6:"));
  CHECK(said_of("[[collection]]\nname = 'c'\n[[collection]]\nname = 'c'\n") ==
        "s.toml:7:8: the collection \"c\" is declared twice; first at s.toml:5:8\n");
  CHECK(said_of(std::string(kCollection) + "[[collection.index]]\nname = 'i'\nkey = [['a', 1]]\n"
                                           "[[collection.index]]\nname = 'i'\nkey = [['b', 1]]\n") ==
        "s.toml:10:8: the index \"i\" is declared twice; first at s.toml:7:8\n");
  CHECK(said_of(with_validator("{ \"a\": { \"b\": 1, \"b\": 2 } }")).find("the field \"a.b\" is given twice") !=
        std::string::npos);
}

TEST_CASE("a key longer than the server allows is an error") {
  const std::string index = std::string(kCollection) + "[[collection.index]]\n";
  CHECK(said_of(index + "name = '" + std::string(128, 'x') + "'\nkey = [['a', 1]]\n").find("at most 127 bytes") !=
        std::string::npos);
  CHECK(said_of(index + "key = [['" + std::string(200, 'x') + "', 1]]\n").find("would be longer than 127 bytes") !=
        std::string::npos);
  std::string parts;
  for (int i = 0; i < 33; ++i) parts += fmt::format("['f{}', 1], ", i);
  CHECK(said_of(index + "name = 'i'\nkey = [" + parts + "]\n").find("from 1 to 32 items long, not 33") !=
        std::string::npos);
  CHECK(said_of("[[collection]]\nname = '" + std::string(253, 'x') + "'\n").find("is too long") != std::string::npos);
  CHECK(said_of("[[collection]]\nname = '" + std::string(kMiB, 'x') + "'\n").find("is too long") != std::string::npos);
  CHECK(said_of(std::string(kMiB, 'k') + " = 1\n").find("unknown key") != std::string::npos);
}

TEST_CASE("10,000 indexes, collections and keys are errors") {
  std::string indexes(kCollection);
  for (int i = 0; i < 10'000; ++i) indexes += fmt::format("[[collection.index]]\nkey = [['f{}', 1]]\n", i);
  CHECK(said_of(indexes) ==
        "s.toml:132:1: the collection \"c\" has 10000 indexes; 63 are allowed, with the one on _id 64\n");
  std::string same(kCollection);
  for (int i = 0; i < 10'000; ++i) same += "[[collection.index]]\nkey = [['f', 1]]\n";
  CHECK(said_of(same).find("has 10000 indexes") != std::string::npos);
  std::string keys;
  for (int i = 0; i < 10'000; ++i) keys += fmt::format("key_{} = 1\n", i);
  CHECK(said_of(keys).starts_with("s.toml:4:1: unknown key \"key_0\""));
  std::string collections;
  for (int i = 0; i < 10'000; ++i) collections += "[[collection]]\nname = 'same'\n";
  CHECK(said_of(collections).find("is declared twice") != std::string::npos);
}

TEST_CASE("a catalog that nests without end is an error") {
  Document deep;
  for (int i = 0; i < 5'000; ++i) {
    Document outer;
    BSON_APPEND_DOCUMENT(outer.get(), "a", deep.get());
    deep = std::move(outer);
  }
  Document collection = json(R"({"name":"c","type":"collection"})");
  BSON_APPEND_DOCUMENT(collection.get(), "options", deep.get());
  const auto read = collection_from(collection);
  REQUIRE(!read);
  CHECK(read.error().message.find("nests deeper than") != std::string::npos);
  Document index = json(R"({"name":"i","key":{"a":1}})");
  BSON_APPEND_DOCUMENT(index.get(), "partialFilterExpression", deep.get());
  REQUIRE(!index_from(index));
}

TEST_CASE("a catalog with a part that is no BSON is an error") {
  Document inner = json(R"({"a":true})");
  Document collection = json(R"({"name":"c","type":"view"})");
  BSON_APPEND_DOCUMENT(collection.get(), "options", inner.get());
  CHECK(collection_from(collection));
  // The type of "a" becomes one that there is none of.
  const std::string bytes(reinterpret_cast<const char*>(bson_get_data(collection.get())), collection.get()->len);
  std::string broken = bytes;
  broken[broken.rfind(
      "\x08"
      "a")] = '\x35';
  bson_t cut;
  REQUIRE(bson_init_static(&cut, reinterpret_cast<const std::uint8_t*>(broken.data()), broken.size()));
  const auto read = collection_from(Document(cut));
  REQUIRE(!read);
  CHECK(read.error().message.find("no BSON inside") != std::string::npos);
}
