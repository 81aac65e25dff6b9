#include "toml/format.h"

#include <array>
#include <string>

#include <doctest/doctest.h>

using namespace readygate;
using namespace readygate::toml;

namespace {

constexpr std::array kIndex = {
    Key{.name = "name", .help = "n"},
    Key{.name = "key", .type = Type::kArray, .item = Type::kArray, .help = "k"},
    Key{.name = "unique", .type = Type::kBoolean, .help = "u"},
    Key{.name = "weights", .type = Type::kTable, .item = Type::kInteger, .free_keys = true, .help = "w"},
};
constexpr std::array kHow = {Key{.name = "level", .help = "l"}, Key{.name = "action", .help = "a"}};
constexpr std::array kCollection = {
    Key{.name = "name", .help = "n"},
    Key{.name = "validator", .help = "v"},
    Key{.name = "validation", .type = Type::kTable, .keys = kHow, .help = "v"},
    Key{.name = "index", .type = Type::kArray, .item = Type::kTable, .keys = kIndex, .help = "i"},
};
constexpr std::array kPolicy = {Key{.name = "conflict", .help = "c"}, Key{.name = "verify", .help = "v"}};
constexpr std::array kKeys = {
    Key{.name = "schema", .help = "s"},
    Key{.name = "version", .type = Type::kInteger, .help = "v"},
    Key{.name = "policy", .type = Type::kTable, .keys = kPolicy, .help = "p"},
    Key{.name = "collection", .type = Type::kArray, .item = Type::kTable, .keys = kCollection, .help = "c"},
    Key{.name = "view", .type = Type::kArray, .item = Type::kTable, .help = "v"},
};

std::string formatted(std::string_view text) {
  const auto out = toml::format(text, "f.toml", kKeys);
  INFO((out ? std::string() : to_string(out.error())));
  REQUIRE(out);
  const auto again = toml::format(*out, "f.toml", kKeys);
  REQUIRE(again);
  CHECK(*again == *out);
  return *out;
}

}  // namespace

TEST_CASE("keys, tables, quotes and spaces") {
  CHECK(formatted("\r\nversion=3\r\n'schema'   = \"x\"\n\n\n[[ collection ]]\nindex=[]\nname='a'\n[policy]\n"
                  "verify = 'after'\nconflict='fail'\n") ==
        "schema = \"x\"\nversion = 3\n\n[policy]\nconflict = \"fail\"\nverify = \"after\"\n\n"
        "[[collection]]\nname = \"a\"\nindex = []\n");
  CHECK(formatted("").empty());
  CHECK(formatted("\xef\xbb\xbfversion = 1") == "version = 1\n");
}

TEST_CASE("tables in tables are indented, and stay with the table that they belong to") {
  CHECK(formatted("[[collection]]\nname = 'a'\n[[collection.index]]\nname = 'i'\n[policy]\nverify = 'x'\n"
                  "[[collection.index]]\nname = 'j'\n[[view]]\n[[collection]]\nname = 'b'\n[collection.validation]\n"
                  "action = 'warn'\nlevel = 'off'\n") ==
        "[policy]\nverify = \"x\"\n\n[[collection]]\nname = \"a\"\n\n  [[collection.index]]\n  name = \"i\"\n\n"
        "  [[collection.index]]\n  name = \"j\"\n\n[[view]]\n\n[[collection]]\nname = \"b\"\n\n"
        "  [collection.validation]\n  level = \"off\"\n  action = \"warn\"\n");
}

TEST_CASE("dotted keys and inline tables follow the table of keys, free ones the file") {
  CHECK(formatted("[[collection]]\nvalidation.action='warn'\nvalidation.level='off'\nname='a'\n"
                  "index=[{unique=true,key=[['z',1]],weights={z=1,a=2}}]\n") ==
        "[[collection]]\nname = \"a\"\nvalidation.level = \"off\"\nvalidation.action = \"warn\"\n"
        "index = [{ key = [[\"z\", 1]], unique = true, weights = { z = 1, a = 2 } }]\n");
}

TEST_CASE("keys that are not known come last, in their order") {
  CHECK(formatted("zoo = 1\n\"b c\" = {}\nschema = 's'\n") == "schema = \"s\"\nzoo = 1\n\"b c\" = {}\n");
}

TEST_CASE("strings and numbers keep their value") {
  CHECK(formatted(R"(a = 'say "x"')") == "a = 'say \"x\"'\n");
  CHECK(formatted(R"(a = "say \"x\"")") == "a = 'say \"x\"'\n");
  CHECK(formatted(R"(a = "it's \"x\"")") == "a = \"it's \\\"x\\\"\"\n");
  CHECK(formatted(R"(a = "tab\t nul\u0000 del\u007f")") == "a = \"tab\\t nul\\u0000 del\\u007f\"\n");
  CHECK(formatted("a = 0xFF\nb = 1_000\nc = +1.50e3\nd = -inf\n") == "a = 0xFF\nb = 1_000\nc = +1.50e3\nd = -inf\n");
  CHECK(formatted("a = '''\n{ \"x\":\n  1 }'''   # why\n") == "a = '''\n{ \"x\":\n  1 }'''  # why\n");
  CHECK(formatted("a = \"\"\"x\"\"\"\n") == "a = \"\"\"x\"\"\"\n");
}

TEST_CASE("a short array is on one line, a long one has a line for each item") {
  CHECK(formatted("a = [ 1,2 ,\n 3, ]\n") == "a = [1, 2, 3]\n");
  const std::string item = "\"" + std::string(40, 'x') + "\"";
  CHECK(formatted("[[collection]]\n[[collection.index]]\nkey = [[" + item + ", 1], [" + item + ", -1]] # c\n") ==
        "[[collection]]\n\n  [[collection.index]]\n  key = [\n    [" + item + ", 1],\n    [" + item +
            ", -1],\n  ]  # c\n");
  // One column decides.
  const std::string fits = "a = [\"" + std::string(92, 'x') + "\"]\n";
  CHECK(formatted(fits) == fits);
  CHECK(formatted("a = [\"" + std::string(93, 'x') + "\"]\n") == "a = [\n  \"" + std::string(93, 'x') + "\",\n]\n");
}

TEST_CASE("an array with a comment or a string over several lines is left as it is") {
  for (const char* text : {"a = [ 1,   # one\n   2 ]\n", "a = [ [1, # x\n 2],3 ]\n", "a = [ '''x\ny''',2 ]\n",
                           "a = { b = [ # c\n 1 ] }\n"}) {
    CHECK(formatted(text) == text);
  }
}

TEST_CASE("comments move with what they speak of") {
  CHECK(formatted("# the file\n# goes on\n\n# of version\nversion = 1 # behind\n# of schema\nschema = 's'\n"
                  "# left behind\n\n# of the collection\n[[collection]] # head\n# of its name\nname = 'a'\n"
                  "# no longer: validator\n\n\n# the end\n") ==
        "# the file\n# goes on\n\n# of schema\nschema = \"s\"\n# of version\nversion = 1  # behind\n# left behind\n\n"
        "# of the collection\n[[collection]]  # head\n# of its name\nname = \"a\"\n# no longer: validator\n\n# the "
        "end\n");
}

TEST_CASE("the editor's line stays at the top") {
  CHECK(formatted("#:schema x.json\nversion = 1\nschema = 's'\n") == "#:schema x.json\nschema = \"s\"\nversion = 1\n");
  CHECK(formatted("#:schema x.json\n[[collection]]\n[policy]\n") == "#:schema x.json\n\n[policy]\n\n[[collection]]\n");
}

TEST_CASE("comments behind neighbours stand below each other, long lines do not count") {
  CHECK(formatted("schema = 's' # a\nversion = 100 # b\nzoo = 1\n") ==
        "schema = \"s\"   # a\nversion = 100  # b\nzoo = 1\n");
  const std::string wide = "\"" + std::string(70, 'x') + "\"";
  CHECK(formatted("schema = " + wide + " # a\nversion = 10 # b\n") ==
        "schema = " + wide + "  # a\nversion = 10  # b\n");
  CHECK(formatted("schema = 's' # a\n\n# between\nversion = 10 # b\n") ==
        "schema = \"s\"  # a\n\n# between\nversion = 10  # b\n");
}

TEST_CASE("a file of comments alone stays one") {
  CHECK(formatted("# a\n\n\n# b\n") == "# a\n\n# b\n");
  CHECK(formatted("#:schema x\n") == "#:schema x\n");
}

TEST_CASE("what is no TOML is refused with its place") {
  const auto out = toml::format("a = \n", "f.toml", kKeys);
  REQUIRE(!out);
  CHECK(to_string(out.error()).starts_with("f.toml:1:"));
}

TEST_CASE("tables are compared by meaning") {
  const auto table = [](std::string_view text) { return *parse(text, "f"); };
  CHECK(same(table("a = 1\nb = [1, 'x']\n"), table("b = [1, \"x\"]\na = 1\n")));
  CHECK(same(table("a = nan\n"), table("a = nan\n")));
  CHECK(!same(table("a = 1\n"), table("a = 1.0\n")));
  CHECK(!same(table("a = 1\n"), table("b = 1\n")));
  CHECK(!same(table("a = [1, 2]\n"), table("a = [2, 1]\n")));
  CHECK(!same(table("a = 1\n"), table("a = 1\nb = 2\n")));
  CHECK(!same(table("a = true\n"), table("a = false\n")));
}
