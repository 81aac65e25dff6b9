#include "toml/keys.h"

#include <doctest/doctest.h>

using namespace readygate;
using namespace readygate::toml;

namespace {

constexpr std::array kInner = {
    Key{.name = "initial", .type = Type::kDuration, .fallback = "100ms", .range = Range{1, 60'000}, .help = "first"},
    Key{.name = "max", .type = Type::kDuration, .fallback = "5s", .help = "longest"},
};
constexpr std::array kItem = {
    Key{.name = "name", .required = true, .help = "the name"},
    Key{.name = "unique", .type = Type::kBoolean, .fallback = "false", .help = "unique"},
};
constexpr std::array kKeys = {
    Key{.name = "format", .fallback = "json", .allowed = "json|text", .help = "how"},
    Key{.name = "count",
        .type = Type::kInteger,
        .fallback = "4",
        .range = Range{1, 10},
        .unit = "connections",
        .help = "n"},
    Key{.name = "ratio", .type = Type::kFloat, .fallback = "0.5", .range = Range{0, 1}, .help = "r"},
    Key{.name = "limit",
        .type = Type::kDuration,
        .or_type = Type::kInteger,
        .fallback = "10s",
        .range = Range{1'000, 60'000},
        .help = "l"},
    Key{.name = "socket", .fallback = "/run/x", .range = Range{1, 8}, .help = "path"},
    Key{.name = "hidden", .type = Type::kBoolean, .fallback = "false", .help = "h"},
    Key{.name = "uids",
        .type = Type::kArray,
        .item = Type::kInteger,
        .fallback = "[]",
        .range = Range{0, 2},
        .help = "u"},
    Key{.name = "weights",
        .type = Type::kTable,
        .item = Type::kInteger,
        .range = Range{1, 9},
        .free_keys = true,
        .help = "w"},
    Key{.name = "backoff", .type = Type::kTable, .keys = kInner, .help = "b"},
    Key{.name = "index", .type = Type::kArray, .item = Type::kTable, .keys = kItem, .help = "i"},
    Key{.name = "must", .type = Type::kString, .required = true, .help = "needed for this test"},
};

std::string wrong(std::string text) {
  if (text.find("must") == std::string::npos) text = "must = 'x'\n" + text;
  const auto table = parse(text, "f");
  REQUIRE(table);
  Mistakes mistakes;
  check(*table, kKeys, {.place = {"f", 0, 0}}, mistakes);
  return to_string(mistakes);
}

}  // namespace

TEST_CASE("each mistake has its place and says what to write") {
  struct Case {
    const char* text;  // from line 2
    const char* mistakes;
  };
  const Case cases[] = {
      {"", ""},
      {"fromat = 'json'", "f:2:1: unknown key \"fromat\" (did you mean \"format\"?)\n"},
      {"qqqqqqq = 1", "f:2:1: unknown key \"qqqqqqq\"\n"},
      {"format = 1", "f:2:10: format must be a string, not an integer\n"},
      {"format = 'tex'", "f:2:10: format must be \"json\" or \"text\", not \"tex\" (did you mean \"text\"?)\n"},
      {"format = 'xml'", "f:2:10: format must be \"json\" or \"text\", not \"xml\"\n"},
      {"count = 0", "f:2:9: count must be from 1 to 10 connections, not 0\n"},
      {"count = 11", "f:2:9: count must be from 1 to 10 connections, not 11\n"},
      {"count = 10", ""},
      {"count = 1.0", "f:2:9: count must be an integer, not a float\n"},
      {"ratio = 1", ""},
      {"ratio = 1.5", "f:2:9: ratio must be from 0 to 1, not 1.5\n"},
      {"ratio = nan", "f:2:9: ratio must be a finite number\n"},
      {"limit = 30", ""},
      {"limit = '30'",
       "f:2:9: limit must be a duration like \"30s\" (units ms, s, m, h; at most 10000h), not \"30\"\n"},
      {"limit = true", "f:2:9: limit must be a duration like \"30s\" or an integer, not a boolean\n"},
      {"socket = ''", "f:2:10: socket must be from 1 to 8 bytes long, not 0\n"},
      {"hidden = false", ""},
      {"uids = [1, 'x']", "f:2:12: each item of uids must be an integer, not a string\n"},
      {"uids = [1, 2, 3]", "f:2:8: uids must be from 0 to 2 items long, not 3\n"},
      {"weights = { a = 3, b = 10, c = 'x' }",
       "f:2:24: weights.b must be from 1 to 9, not 10\nf:2:32: weights.c must be an integer, not a string\n"},
      {"[backoff]\ninitial = '2m'\nmaxx = '1s'",
       "f:3:11: backoff.initial must be from 1ms to 1m, not \"2m\"\n"
       "f:4:1: unknown key \"backoff.maxx\" (did you mean \"max\"?)\n"},
      {"[[index]]\nunique = 1\n[[index]]\nname = 'a'",
       "f:2:1: \"index.name\" is missing: the name\nf:3:10: index.unique must be true or false, not an integer\n"},
      {"index = 1", "f:2:9: index must be an array, not an integer\n"},
      {"index = [1]", "f:2:10: each item of index must be a table, not an integer\n"},
      {"backoff = []", "f:2:11: backoff must be a table, not an array\n"},
  };
  for (const Case& each : cases) {
    CAPTURE(each.text);
    CHECK(wrong(each.text) == each.mistakes);
  }
}

TEST_CASE("what is missing is reported at the table") {
  const auto table = parse("count = 3", "f");
  Mistakes mistakes;
  check(*table, kKeys, {.place = {"f", 0, 0}, .path = "", .reason = Reason::kSchemaInvalid}, mistakes);
  REQUIRE(mistakes.size() == 1);
  CHECK(to_string(mistakes) == "f: \"must\" is missing: needed for this test\n");
  CHECK(mistakes[0].reason == Reason::kSchemaInvalid);
}

TEST_CASE("all mistakes at once") {
  const auto table = parse("must = 1\ncount = 0\nlimit = true\n", "f");
  Mistakes mistakes;
  check(*table, kKeys, {}, mistakes);
  REQUIRE(mistakes.size() == 3);
  CHECK(mistakes[0].reason == Reason::kConfigInvalid);
}

TEST_CASE("what a file holds cannot write to the terminal") {
  CHECK(wrong("\"a\\u001b[31m\" = 1").find('\x1b') == std::string::npos);
  CHECK(wrong("format = \"\\u001b[31m\"").find('\x1b') == std::string::npos);
}

TEST_CASE("a value from elsewhere is checked under its own name") {
  Mistakes mistakes;
  const auto value = parse_value("0", "READYGATE_COUNT");
  check_value(*value, *Keys(kKeys).find("count"), {.path = "READYGATE_COUNT"}, mistakes);
  CHECK(to_string(mistakes) == "READYGATE_COUNT: READYGATE_COUNT must be from 1 to 10 connections, not 0\n");
}

TEST_CASE("the reader fills in defaults") {
  const auto given =
      parse("count = 7\nratio = 1\nuids = [5]\n[backoff]\nmax = '2s'\n[[index]]\nname = 'a'\nunique = true\n", "f");
  const Reader reader(*given, kKeys);
  CHECK(reader.has("count"));
  CHECK(!reader.has("format"));
  CHECK(reader.integer("count") == 7);
  CHECK(reader.string("format") == "json");
  CHECK(reader.real("ratio") == 1.0);
  CHECK(reader.duration("limit") == Millis(10'000));
  CHECK(!reader.boolean("hidden"));
  CHECK(reader.integers("uids") == std::vector<std::int64_t>{5});
  CHECK(reader.table("backoff").duration("initial") == Millis(100));
  CHECK(reader.table("backoff").duration("max") == Millis(2'000));
  REQUIRE(reader.tables("index").size() == 1);
  CHECK(reader.tables("index")[0].boolean("unique"));
  CHECK(reader.tables("index")[0].string("name") == "a");
  const Table nothing;
  const Reader empty(nothing, kKeys);
  CHECK(empty.real("ratio") == 0.5);
  CHECK(empty.strings("uids").empty());
  CHECK(empty.table("backoff").duration("max") == Millis(5'000));
  CHECK(empty.tables("index").empty());
}

TEST_CASE("words") {
  CHECK(words("").empty());
  CHECK(words("a") == std::vector<std::string_view>{"a"});
  CHECK(words("a|bc") == std::vector<std::string_view>{"a", "bc"});
}
