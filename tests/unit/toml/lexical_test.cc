#include "toml/lexical.h"

#include <string>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "toml/tree.h"

using namespace readygate;
using namespace readygate::toml;

namespace {

std::string repeated(std::string_view text, std::size_t count) {
  std::string out;
  out.reserve(text.size() * count);
  for (std::size_t i = 0; i < count; ++i) out += text;
  return out;
}

std::string mistakes_of(std::string_view text) {
  const auto table = parse(text, "f.toml");
  return table ? "" : to_string(table.error());
}

constexpr std::string_view kTooDeep = "this nests deeper than 64 levels of tables, arrays and dotted keys\n";

}  // namespace

TEST_CASE("nesting without end is a mistake with its place, in every form that TOML has for it") {
  constexpr std::size_t kMany = 100'000;
  const std::string texts[] = {
      repeated("a.", kMany) + "a = 1\n",                     // a dotted key
      "[" + repeated("a.", kMany) + "a]\n",                  // a header
      "[[" + repeated("a . ", kMany) + "a]]\n",              // of an array of tables
      "a = " + repeated("[", kMany) + repeated("]", kMany),  // arrays
      "a = " + repeated("{ a = ", kMany) + "1" + repeated(" }", kMany),
      "a = { " + repeated("b.", kMany) + "c = 1 }\n",
      "a = { x = 1, " + repeated("'b' . ", kMany) + "c = 1 }\n",
      repeated("\"a\".", kMany) + "'a' = 1\n",
      "a = [\n" + repeated("[ # [\n", kMany),
      "a = " + repeated("[{ a.b = ", kMany),
      "[" + repeated("a.", 40) + "b]\n" + repeated("c.", 40) + "d = 1\n",  // together
      "[a]\nb = 1\n[" + repeated("a.", 30) + "b]\nc = { " + repeated("d.", 30) + "e = [[[[[1]]]]] }\n",
  };
  for (const std::string& text : texts) {
    CAPTURE(text.substr(0, 30));
    const std::string said = mistakes_of(text);
    CHECK(said.find(kTooDeep) != std::string::npos);
    CHECK(said.starts_with("f.toml:"));
  }
  CHECK(mistakes_of("x = 1\ny = " + repeated("[", 65) + repeated("]", 65)).starts_with("f.toml:2:68: "));
}

TEST_CASE("one value alone is held to the same depth") {
  REQUIRE(!parse_value(repeated("[", 1000), "READYGATE_X"));
  CHECK(parse_value(repeated("[", 1000), "READYGATE_X").error().front().message.starts_with("this nests deeper"));
}

TEST_CASE("what only looks deep is no mistake") {
  // D stands for 200 dots, B for 200 pairs of brackets.
  for (const std::string_view shape : {R"("aD" = 1)", R"(a = "B")", R"(a = 'B\')", R"(a = "\"B")", "a = '''\nB'\nB'''",
                                       R"(a = """B\"""B""""")", "a = [1, # B\n 2]", "# DB", "[a] # B"}) {
    std::string text;
    for (const char c : shape)
      text += c == 'D' ? repeated(".", 200) : c == 'B' ? repeated("[{", 200) : std::string(1, c);
    CAPTURE(shape);
    CHECK(mistakes_of(text).empty());
  }
  CHECK(mistakes_of(repeated("[[a]]\nb = [[1], [2]]\n", 200)).empty());
  CHECK(mistakes_of(fmt::format("a = [{}]\n", repeated("{ b.c = [1] }, ", 200))).empty());
  CHECK(mistakes_of(fmt::format("{}b = [[1]]\n", repeated("a.", 60))).empty());
}

TEST_CASE("too_deep points at the byte, line_column at the character") {
  CHECK(!too_deep(""));
  CHECK(too_deep("a=" + repeated("[", 65)) == 2 + 63);
  CHECK(line_column("ab\ncd", 4).line == 2);
  CHECK(line_column("ab\ncd", 4).column == 2);
  CHECK(line_column("\"\xc3\xa9\" = x", 7).column == 7);
}

TEST_CASE("where strings and keys end") {
  CHECK(end_of_string("'a' b", 0) == 3);
  CHECK(end_of_string(R"("a\"b" c)", 0) == 6);
  CHECK(end_of_string("'open\nnext", 0) == 5);
  CHECK(end_of_string(R"("""a"b""""" c)", 0) == 11);
  CHECK(end_of_string("'''a", 0) == 4);
  CHECK(end_of_string("\"\"", 0) == 2);
  CHECK(key_span("a . 'b.c'.\"d\" = 1", 0).end == 13);
  CHECK(key_span("a . 'b.c'.\"d\" = 1", 0).parts == 3);
}
