#include "toml/tree.h"

#include <doctest/doctest.h>

using namespace readygate;
using namespace readygate::toml;

namespace {

std::string mistakes_of(std::string_view text) {
  const auto table = parse(text, "f.toml");
  return table ? "" : to_string(table.error());
}

std::string place_of(const Table& table, std::string_view key) {
  const Value* value = table.find(key);
  REQUIRE(value != nullptr);
  return to_string(value->key_place) + " " + to_string(value->place);
}

}  // namespace

TEST_CASE("values keep their places") {
  const auto table =
      parse("a = 1\n[gate]\n  listen = \"x\"\n[[collection]]\nname = 'c'\n  [[collection.index]]\n  unique = true\n",
            "f.toml");
  REQUIRE(table);
  CHECK(place_of(*table, "a") == "f.toml:1:1 f.toml:1:5");
  const auto& gate = std::get<Table>(table->find("gate")->data);
  CHECK(place_of(gate, "listen") == "f.toml:3:3 f.toml:3:12");
  const auto& collections = std::get<Array>(table->find("collection")->data);
  REQUIRE(collections.size() == 1);
  CHECK(collections[0].place.line == 4);
  const auto& collection = std::get<Table>(collections[0].data);
  const auto& indexes = std::get<Array>(collection.find("index")->data);
  CHECK(indexes[0].place.line == 6);
  CHECK(place_of(std::get<Table>(indexes[0].data), "unique") == "f.toml:7:3 f.toml:7:12");
}

TEST_CASE("entries stay in the order of the file") {
  const auto table = parse("z = 1\nb = 2.5\na = true\nm = [1, \"x\"]\n", "f.toml");
  REQUIRE(table);
  std::string order;
  for (const auto& [key, value] : table->entries) order += key + ":" + std::string(type_name(value)) + " ";
  CHECK(order == "z:integer b:float a:boolean m:array ");
}

TEST_CASE("what is not TOML 1.0 is a mistake with its place") {
  CHECK(mistakes_of("a = \n").starts_with("f.toml:1:"));
  CHECK(mistakes_of("ok = 1\na = 1\na = 2\n").starts_with("f.toml:3:"));
  CHECK(mistakes_of("a = { b = 1,\n c = 2 }\n").starts_with("f.toml:1:"));  // inline tables are on one line
  CHECK(mistakes_of("a = \"\xff\"\n").starts_with("f.toml:1:"));
  CHECK(mistakes_of("[a\n").starts_with("f.toml:1:"));
  CHECK(mistakes_of("ok = 1\nd = [1979-05-27]\n") == "f.toml:2:6: a date or time stands where no key takes one\n");
}

TEST_CASE("a broken table header is a mistake, not the end of the program") {
  for (const char* text : {"[&", "[[[1]]]", "[[=", "[", "[[", "[]", "[a]]", "[[a]"}) {
    CAPTURE(text);
    CHECK(mistakes_of(text).starts_with("f.toml:1:"));
  }
}

TEST_CASE("letters that are not ASCII are no white space, and stand in strings and comments alone") {
  for (unsigned point = 0xA1; point < 0x800; ++point) {
    const std::string letter = {static_cast<char>(0xC0U | (point >> 6U)), static_cast<char>(0x80U | (point & 0x3FU))};
    CAPTURE(letter);
    CHECK(mistakes_of(letter + " = 1\n").starts_with("f.toml:"));
    CHECK(mistakes_of("a = " + letter + "\n").starts_with("f.toml:1:"));
    const auto table = parse("a = \"\"\"x\\\n  " + letter + "\"\"\" # " + letter + "\n", "f.toml");
    REQUIRE(table);
    CHECK(std::get<std::string>(table->find("a")->data) == "x" + letter);
  }
}

TEST_CASE("every date is reported, not only the first") {
  CHECK(mistakes_of("a = 1979-05-27\nb = 07:32:00\n") ==
        "f.toml:1:5: a date or time stands where no key takes one\n"
        "f.toml:2:5: a date or time stands where no key takes one\n");
}

TEST_CASE("mistakes are shown in the order of their places") {
  const Mistakes mistakes = {{{"b", 1, 1}, Reason::kConfigInvalid, "third"},
                             {{"a", 10, 1}, Reason::kConfigInvalid, "second"},
                             {{"a", 9, 7}, Reason::kConfigInvalid, "first"},
                             {{}, Reason::kConfigInvalid, "nowhere"}};
  CHECK(to_string(mistakes) == "nowhere\na:9:7: first\na:10:1: second\nb:1:1: third\n");
}

TEST_CASE("one value alone, as a variable holds it") {
  const auto array = parse_value("[1000, 1001]", "READYGATE_GATE_ALLOW_UIDS");
  REQUIRE(array);
  const auto& items = std::get<Array>(array->data);
  CHECK(items.size() == 2);
  CHECK(to_string(items[1].place) == "READYGATE_GATE_ALLOW_UIDS");
  CHECK(std::get<bool>(parse_value("true", "X")->data));
  CHECK(std::get<Table>(parse_value("{ initial = \"1s\" }", "X")->data).entries.size() == 1);
  const auto bad = parse_value("[1,", "READYGATE_X");
  REQUIRE(!bad);
  CHECK(to_string(bad.error()).starts_with("READYGATE_X: "));
  // A second key cannot be smuggled in.
  REQUIRE(!parse_value("1\nw = 2", "X"));
  CHECK(parse_value("1\nw = 2", "X").error().front().message == "one value is expected, not more");
}
