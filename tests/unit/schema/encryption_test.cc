// Encrypted fields: what may be declared and what the server would refuse, what is made of them in which order, and
// that they come back from a catalog as they were.
#include "schema/encryption.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "import_check.h"
#include "schema/fields.h"
#include "schema/normalise.h"
#include "schema/plan.h"
#include "schema/writer.h"
#include "scripted_catalog.h"
#include "support/plan_cases/plan_cases.h"
#include "text.h"

using namespace readygate;
using namespace readygate::schema;

namespace {

const Server kServer = {"mongodb", "8.0.4", "replicaset"};

std::string uuid(int n) { return fmt::format(R"({{ "$uuid": "7a4d1c9e-3b52-4f0e-9c1d-5e8b6f2a0d{:02}" }})", n); }

// A field with a key of its own.
std::string encrypted(const std::string& path, const std::string& more, int key = 1) {
  return fmt::format(R"({{ "path": "{}", "keyId": {}{}{} }})", path, uuid(key), more.empty() ? "" : ", ", more);
}
std::string all_of(const std::string& items) { return fmt::format(R"({{ "fields": [ {} ] }})", items); }

const std::string kSsn = encrypted("ssn", R"("bsonType": "string", "queries": { "queryType": "equality" })");

std::string collection(const std::string& encrypted_fields, const std::string& more = "") {
  return fmt::format("[[collection]]\nname = 'c'\nencrypted_fields = '{}'\n{}", encrypted_fields, more);
}

// What is wrong with one field, without the place and the name of the key.
std::string wrong_field(const std::string& field) {
  const std::string begin = "s.toml:6:20: collection.encrypted_fields: fields[0]";
  std::string text = mistakes_of(collection(all_of(field)));
  if (!text.starts_with(begin)) return text;
  return text.substr(begin.size(), text.size() - begin.size() - 1);
}
std::string wrong_query(const std::string& type, const std::string& query) {
  return wrong_field(encrypted("a", fmt::format(R"("bsonType": "{}", "queries": {})", type, query)));
}

void apply(ScriptedCatalog& server, const Plan& plan, std::size_t most = 99) {
  for (const Step& step : plan.steps) {
    if (most-- == 0) return;
    CAPTURE(step.what);
    CHECK(server.run(step) == "");
  }
}

std::string created(const std::string& more = "") {
  return "c: create collection with encryptedFields" + more + "\nc: create index __safeContent___1\n";
}
const std::string kStates =
    "enxcol_.c.esc: create state collection of c\nenxcol_.c.ecoc: create state collection of c\n";

Document reported(ScriptedCatalog& server) {
  const Catalog catalog = server.read();
  return *field(catalog.find("c")->options, kEncryptedFields)->document();
}

}  // namespace

TEST_CASE("what a field may say") {
  CHECK(mistakes_of(collection(all_of(kSsn))) == "");
  CHECK(wrong_field(encrypted("a", "")) == "");
  CHECK(wrong_field(encrypted("a", R"("bsonType": "object")")) == "");
  CHECK(wrong_field(encrypted("a", R"("bsonTipe": "int")")) ==
        R"( must not have "bsonTipe" (did you mean "bsonType"?); it may have "keyId", "path", "bsonType", "queries")");
  CHECK(wrong_field("1") == " must be an object");
  CHECK(wrong_field(fmt::format(R"({{ "keyId": {} }})", uuid(1))) ==
        " must have a \"path\": the name of the field, with dots where it is in another");
  CHECK(wrong_field(encrypted("", "")) == ".path \"\" must not be empty");
  CHECK(wrong_field(encrypted("a..b", "")) ==
        ".path \"a..b\" must not have an empty part between, before or after its dots");
  CHECK(wrong_field(encrypted("_id", "")) == ".path \"_id\" must not be _id, or in it");
  CHECK(wrong_field(encrypted("_id.a", "")) == ".path \"_id.a\" must not be _id, or in it");
  CHECK(wrong_field(encrypted("_ida", "")) == "");
  CHECK(wrong_field(encrypted("__safeContent__", "")) ==
        ".path \"__safeContent__\" must not be __safeContent__, which is the server's own");
  const std::string no_key =
      ".keyId must be the UUID of a data key, { \"$uuid\": \"…\" }: readygate makes no keys, a "
      "driver's createDataKey does";
  CHECK(wrong_field(R"({ "path": "a" })") == no_key);
  CHECK(wrong_field(R"({ "path": "a", "keyId": null })") == no_key);
  CHECK(wrong_field(R"({ "path": "a", "keyId": "7a4d1c9e-3b52-4f0e-9c1d-5e8b6f2a0d01" })") == no_key);
  CHECK(wrong_field(R"({ "path": "a", "keyId": { "$binary": { "base64": "AAAA", "subType": "04" } } })") == no_key);
  CHECK(wrong_field(
            R"({ "path": "a", "keyId": { "$binary": { "base64": "ek0cnjtSTw6cHV6LbyoNEw==", "subType": "00" } } })") ==
        no_key);
  CHECK(wrong_field(encrypted("a", R"("bsonType": "minKey")")).starts_with(".bsonType must be one of \"binData\", "));
  CHECK(wrong_field(encrypted("a", R"("bsonType": "strin")")).ends_with(" (did you mean \"string\"?)"));
  CHECK(wrong_field(encrypted("a", R"("queries": { "queryType": "equality" })")) ==
        " must have a \"bsonType\" where it has \"queries\"");
}

TEST_CASE("which queries a field may answer") {
  CHECK(wrong_query("string", R"({ "queryType": "equality", "contention": 0 })") == "");
  CHECK(wrong_query("string", R"([ { "queryType": "equality" } ])") == "");
  CHECK(wrong_query("string", "[]") ==
        ".queries must be an object like { \"queryType\": \"equality\" }, or an array of such");
  CHECK(wrong_query("string", "[ 1 ]") ==
        ".queries must be an object like { \"queryType\": \"equality\" }, or an array of such");
  CHECK(wrong_query("string", R"({ "queryType": "rangePreview" })") ==
        ".queries.queryType must be one of \"equality\", \"range\", \"prefix\", \"suffix\", \"substring\", "
        "\"prefixPreview\", \"suffixPreview\", \"substringPreview\"");
  CHECK(wrong_query("string", R"({ "queryType": "equality", "contention": -1 })") ==
        ".queries.contention must be a whole number, at least 0");
  CHECK(wrong_query("string", R"({ "queryType": "equality", "contention": 1.5 })") ==
        ".queries.contention must be a whole number, at least 0");
  CHECK(wrong_query("string", R"([ { "queryType": "equality", "sparsity": 1 } ])") ==
        ".queries[0] must not have \"sparsity\"; it may have \"queryType\", \"contention\"");
  CHECK(wrong_query("double", R"({ "queryType": "equality" })")
            .starts_with(
                ".queries cannot be \"equality\" for the bsonType \"double\"; it can for \"binData\", \"bool\", "));
  CHECK(wrong_query("string", R"([ { "queryType": "equality" }, { "queryType": "equality" } ])") ==
        ".queries may hold one query, or \"prefix\" and \"suffix\"");
}

TEST_CASE("ranges: bounds of the type of the field") {
  const auto range = [](const std::string& type, const std::string& more) {
    return wrong_query(type, R"({ "queryType": "range")" + (more.empty() ? "" : ", " + more) + " }");
  };
  for (const char* type : {"int", "long", "date", "double", "decimal"}) CHECK(range(type, "") == "");
  CHECK(range("string", "") ==
        ".queries cannot be \"range\" for the bsonType \"string\"; it can for \"date\", \"int\", "
        "\"long\", \"decimal\", \"double\"");
  CHECK(range("int", R"("min": 0, "max": 10, "sparsity": 1, "trimFactor": 3, "contention": 8)") == "");
  CHECK(range("int", R"("min": 0)") == "");
  CHECK(range("long", R"("min": 0, "max": 10)") == "");
  CHECK(range("double", R"("min": 0, "max": 10.5, "precision": 1)") == "");
  CHECK(range("decimal",
              R"("min": { "$numberDecimal": "-1.5" }, "max": { "$numberDecimal": "1E3" }, "precision": 2)") == "");
  CHECK(range("date", R"("min": { "$date": "2020-01-01T00:00:00Z" }, "max": { "$date": "2030-01-01T00:00:00Z" })") ==
        "");
  CHECK(range("int", R"("min": 0.5)") == ".queries.min must be of the bsonType of the field, \"int\"");
  CHECK(range("int", R"("max": 5000000000)") == ".queries.max must be of the bsonType of the field, \"int\"");
  CHECK(range("date", R"("min": 0)") ==
        ".queries.min must be of the bsonType of the field, \"date\": { \"$date\": \"…\" }");
  CHECK(range("decimal", R"("min": 0, "max": { "$numberDecimal": "1" }, "precision": 0)") ==
        ".queries.min must be of the bsonType of the field, \"decimal\": { \"$numberDecimal\": \"…\" }");
  CHECK(range("int", R"("min": 10, "max": 10)") == ".queries.min must be less than max");
  CHECK(range("double", R"("min": 2.5, "max": 1, "precision": 1)") == ".queries.min must be less than max");
  CHECK(range("decimal", R"("min": { "$numberDecimal": "2" }, "max": { "$numberDecimal": "1E0" }, "precision": 2)") ==
        ".queries.min must be less than max");
  CHECK(range("int", R"("precision": 2)") == ".queries.precision is for the bsonType \"double\" or \"decimal\"");
  CHECK(range("double", R"("min": 0, "max": 1)") ==
        ".queries must have min, max and precision together or none of them: the bsonType is \"double\"");
  CHECK(range("double", R"("min": 0, "max": 1.25, "precision": 1)") ==
        ".queries.max has more digits behind the point than precision says");
  CHECK(range("int", R"("sparsity": 0)") == ".queries.sparsity must be a whole number from 1 to 8");
  CHECK(range("int", R"("sparsity": 9)") == ".queries.sparsity must be a whole number from 1 to 8");
  CHECK(range("int", R"("precision": -1)").starts_with(".queries.precision must be a whole number, at least 0"));
  CHECK(range("int", R"("min": 0, "max": 7, "trimFactor": 2)") == "");
  CHECK(range("int", R"("min": 0, "max": 7, "trimFactor": 3)") ==
        ".queries.trimFactor must be less than 3, the bits that the values between min and max need");
  CHECK(range("int", R"("trimFactor": 31)") == "");
  CHECK(range("int", R"("trimFactor": 32)") ==
        ".queries.trimFactor must be less than 32, the bits that the values between min and max need");
  CHECK(range("long", R"("trimFactor": 64)") ==
        ".queries.trimFactor must be less than 64, the bits that the values between min and max need");
}

TEST_CASE("text: lengths, and whether letters and accents count") {
  const std::string flags = R"("caseSensitive": true, "diacriticSensitive": false)";
  const auto text = [&](const std::string& kind, const std::string& more) {
    return wrong_query("string", fmt::format(R"({{ "queryType": "{}", {} }})", kind, more));
  };
  const std::string lengths = R"(, "strMinQueryLength": 2, "strMaxQueryLength": 6)";
  CHECK(text("prefix", flags + lengths) == "");
  CHECK(text("suffix", flags + lengths + R"(, "strMaxLength": 6)") ==
        ".queries must not have \"strMaxLength\"; it may have \"queryType\", \"contention\", \"strMinQueryLength\", "
        "\"strMaxQueryLength\", \"caseSensitive\", \"diacriticSensitive\"");
  CHECK(text("substring", flags + lengths + R"(, "strMaxLength": 6)") == "");
  CHECK(text("substring", flags + lengths) == ".queries.strMaxLength is missing");
  CHECK(text("prefixPreview", flags + lengths) == "");
  CHECK(text("substringPreview", flags + lengths + R"(, "strMaxLength": 6)") == "");
  CHECK(text("substringPreview", flags + lengths) == ".queries.strMaxLength is missing");
  CHECK(text("substringPreview", flags + lengths + R"(, "strMaxLength": 5)") ==
        ".queries.strMaxQueryLength must be at most strMaxLength");
  CHECK(text("suffixPreview", flags + R"(, "strMinQueryLength": 2)") == ".queries.strMaxQueryLength is missing");
  CHECK(text("suffixPreview", flags + R"(, "strMinQueryLength": 0, "strMaxQueryLength": 3)") ==
        ".queries.strMinQueryLength must be a whole number, at least 1");
  CHECK(text("suffixPreview", flags + R"(, "strMinQueryLength": 4, "strMaxQueryLength": 3)") ==
        ".queries.strMinQueryLength must be at most strMaxQueryLength");
  CHECK(text("prefixPreview", R"("caseSensitive": 1, "diacriticSensitive": true)" + lengths) ==
        ".queries.caseSensitive must be true or false");
  CHECK(text("prefixPreview", R"("caseSensitive": true)" + lengths) ==
        ".queries.diacriticSensitive must be true or false");
  CHECK(wrong_query("int", R"({ "queryType": "prefixPreview", )" + flags + lengths + " }") ==
        ".queries cannot be \"prefixPreview\" for the bsonType \"int\"; it can for \"string\"");
  const auto pair = [&](const std::string& first, const std::string& second, const std::string& other) {
    return wrong_query("string", R"([ { "queryType": ")" + first + R"(", )" + flags + lengths +
                                     R"( }, { "queryType": ")" + second + R"(", )" + other + lengths + " } ]");
  };
  CHECK(pair("suffix", "prefix", flags) == "");
  CHECK(pair("prefixPreview", "suffix", flags) == ".queries may hold one query, or \"prefix\" and \"suffix\"");
  const auto two = [&](const std::string& other) { return pair("prefixPreview", "suffixPreview", other); };
  CHECK(two(flags) == "");
  CHECK(two(R"("caseSensitive": false, "diacriticSensitive": false)") ==
        ".queries must have the same caseSensitive in both");
  CHECK(two(flags + R"(, "contention": 3)") == ".queries must have the same contention in both");
}

TEST_CASE("fields beside each other: paths that do not overlap, and a key for each") {
  const auto wrong = [](const std::string& items) { return mistakes_of(collection(all_of(items))); };
  const std::string begin = "s.toml:6:20: collection.encrypted_fields: ";
  CHECK(wrong(encrypted("a", "") + ", " + encrypted("b", "", 2)) == "");
  CHECK(wrong(encrypted("a", "") + ", " + encrypted("ab", "", 2)) == "");
  CHECK(wrong(encrypted("a", "") + ", " + encrypted("a", "", 2)) ==
        begin + "fields[1] has the path of fields[0], \"a\"\n");
  CHECK(wrong(encrypted("a.b", "") + ", " + encrypted("a", "", 2)) ==
        begin + "fields[0] and fields[1] overlap: \"a.b\" and \"a\"\n");
  CHECK(wrong(encrypted("a", "") + ", " + encrypted("b", "")) ==
        begin + "fields[1] has the keyId of fields[0]: each field needs a data key of its own\n");
}

TEST_CASE("beside the fields") {
  const auto wrong = [](const std::string& json, const std::string& more = "") {
    return mistakes_of(collection(json, more));
  };
  const std::string begin = "s.toml:6:20: collection.encrypted_fields: ";
  const std::string none =
      begin + "must have \"fields\", an array of at least one: [ { \"path\": …, \"keyId\": … }, … ]\n";
  CHECK(wrong(R"({ "fields": [] })") == none);
  CHECK(wrong(R"({ "fields": { "path": "a" } })") == none);
  CHECK(wrong("{") == "s.toml:6:20: collection.encrypted_fields is not Extended JSON: Incomplete JSON\n");
  CHECK(wrong("[]") == "s.toml:6:20: collection.encrypted_fields must be a JSON object, not an array\n");
  const auto with = [&](const std::string& more) { return fmt::format(R"({{ "fields": [ {} ], {} }})", kSsn, more); };
  CHECK(wrong(with(R"("escCollection": "enxcol_.c.esc", "ecocCollection": "enxcol_.c.ecoc")")) == "");
  CHECK(wrong(with(R"("escCollection": "mine")")) ==
        begin + "escCollection must be \"enxcol_.c.esc\", or left out: the server takes no other\n");
  CHECK(wrong(with(R"("eccCollection": "enxcol_.c.ecc")"))
            .starts_with(begin + "it must not have \"eccCollection\" (did you mean \"escCollection\"?)"));
  CHECK(wrong(with(R"("strEncodeVersion": 1)")) == "");
  CHECK(wrong(with(R"("strEncodeVersion": 2)")) == begin + "strEncodeVersion must be 1\n");
  const std::string good = all_of(kSsn);
  CHECK(wrong(good, "encrypted_fields_file = 'x.json'") ==
        "s.toml:7:1: collection.encrypted_fields and encrypted_fields_file exclude each other\n");
  CHECK(wrong(good, "capped = { size = 4096 }") ==
        "s.toml:6:1: collection.capped and encrypted_fields exclude each other\n");
  CHECK(wrong(good, "timeseries = { time_field = 't' }") ==
        "s.toml:6:1: collection.timeseries and encrypted_fields exclude each other\n");
  CHECK(wrong(good, "validator = '{ \"n\": 1 }'") == "");
  for (const std::string how : {"level = 'moderate'", "level = 'off'"}) {
    CHECK(wrong(good, "validator = '{ \"n\": 1 }'\nvalidation = { " + how + " }") ==
          "s.toml:8:24: collection.validation.level must be \"strict\" or \"constraint\" where there are encrypted "
          "fields\n");
  }
  for (const std::string how : {"action = 'warn'", "action = 'errorAndLog'"}) {
    CHECK(wrong(good, "validator = '{ \"n\": 1 }'\nvalidation = { " + how + " }") ==
          "s.toml:8:25: collection.validation.action must be \"error\" where there are encrypted fields\n");
  }
  CHECK(mistakes_of("[[view]]\nname = 'v'\non = 'c'\nencrypted_fields = '{}'\n")
            .starts_with("s.toml:7:1: unknown key \"view.encrypted_fields\""));
}

TEST_CASE("names that go along with encrypted fields are nobody else's, and must not be too long") {
  CHECK(mistakes_of("[[collection]]\nname = 'enxcol_.c.esc'\n") ==
        "s.toml:5:8: collection.name \"enxcol_.c.esc\" must not begin with \"enxcol_.\": those go along with a "
        "collection that has encrypted fields\n");
  const auto named = [](std::size_t length) {
    return mistakes_of("[[collection]]\nname = '" + std::string(length, 'n') + "'\nencrypted_fields = '" +
                       all_of(kSsn) + "'\n");
  };
  CHECK(named(239) == "");  // db, a dot, enxcol_., the name, .ecoc: 255
  CHECK(named(240).starts_with("s.toml:5:8: collection.name \"nnn"));
  CHECK(named(240).find("is too long for encrypted fields: database, dot and \"enxcol_.nnn") != std::string::npos);
}

TEST_CASE("no index on what is encrypted, none that deletes, and one place less") {
  const auto wrong = [](const std::string& index) {
    const std::string fields = encrypted("ssn", "") + ", " + encrypted("pay.card.number", "", 2);
    return mistakes_of(collection(all_of(fields), "[[collection.index]]\nname = 'i'\n" + index));
  };
  const auto on = [](const std::string& path, const std::string& at) {
    return fmt::format(
        "s.toml:8:8: the index \"i\" cannot be on \"{}\": \"{}\" is encrypted, and the server keeps "
        "what it can be queried for\n",
        path, at);
  };
  CHECK(wrong("key = [['n', 1]]\nunique = true") == "");
  CHECK(wrong("key = [['pay.card.name', 1], ['ssn_country', 1]]") == "");
  CHECK(wrong("key = [['$**', 1]]") == "");
  CHECK(wrong("key = [['pay.shop.$**', 1]]") == "");
  CHECK(wrong("key = [['ssn', 1]]") == on("ssn", "ssn"));
  CHECK(wrong("key = [['ssn', 1]]\nunique = true") == on("ssn", "ssn"));
  CHECK(wrong("key = [['n', 1], ['pay.card', 1]]") == on("pay.card", "pay.card.number"));
  CHECK(wrong("key = [['pay.card.number.last', 1]]") == on("pay.card.number.last", "pay.card.number"));
  CHECK(wrong("key = [['pay.$**', 1]]") == on("pay.$**", "pay.card.number"));
  CHECK(wrong("key = [['ssn', 'text']]") == on("ssn", "ssn"));
  CHECK(wrong("key = [['n', 1]]\nexpire_after = '1h'") ==
        "s.toml:8:8: the index \"i\" cannot delete documents: with encrypted fields they can only be deleted by who "
        "has the keys\n");
  CHECK(wrong("key = [['__safeContent__', 1]]") ==
        "s.toml:8:8: the index \"i\" cannot be on __safeContent__: the one on it is made along with the encrypted "
        "fields\n");
  CHECK(mistakes_of(collection(all_of(kSsn), "[[collection.index]]\nname = '__safeContent___1'\nkey = [['n', 1]]")) ==
        "s.toml:8:8: the index \"__safeContent___1\" must have another name: that is the server's own\n");
  std::string many;
  for (int i = 0; i < 62; ++i) many += "[[collection.index]]\nkey = [['f" + std::to_string(i) + "', 1]]\n";
  CHECK(mistakes_of(collection(all_of(kSsn), many)) == "");
  CHECK(mistakes_of(collection(all_of(kSsn), many + "[[collection.index]]\nkey = [['more', 1]]\n")) ==
        "s.toml:131:1: the collection \"c\" has 63 indexes; 62 are allowed, with the ones on _id and for the encrypted "
        "fields 64\n");
}

TEST_CASE("in a file of its own, a mistake is placed at the field") {
  const std::filesystem::path folder = std::filesystem::temp_directory_path() / "readygate-encryption-test";
  std::filesystem::create_directories(folder);
  const auto wrong = [&](const std::string& json) {
    std::ofstream(folder / "e.json") << json;
    const auto schema = parse(std::string(kTestHead) + "[[collection]]\nname = 'c'\nencrypted_fields_file = 'e.json'\n",
                              "s.toml", folder.string());
    std::string text = schema ? "" : toml::to_string(schema.error());
    if (const auto at = text.find(folder.string()); at != std::string::npos)
      text.replace(at, folder.string().size(), "DIR");
    return text;
  };
  CHECK(wrong(all_of(kSsn)) == "");
  CHECK(wrong("{\n \"fields\": [\n  " + kSsn + ",\n  " + encrypted("ssn", "", 2) + " ] }") ==
        "DIR/e.json:4:3: the encrypted fields: fields[1] has the path of fields[0], \"ssn\"\n");
  // Other arrays, names and strings that look like it are none.
  CHECK(
      wrong(
          "{ \"strEncodeVersion\": 1,\n \"fields\": [\n{ \"path\": \"x]\\\",[\", \"keyId\": " + uuid(3) +
          ", \"bsonType\": \"string\",\n \"queries\": [ { \"queryType\": \"equality\" } ] },\n    { \"path\": 1 } ] }")
          .starts_with("DIR/e.json:5:5: the encrypted fields: fields[1] must have a \"path\""));
  CHECK(wrong("{\n  \"fields\": [ { \"path\": } ] }") ==
        "DIR/e.json:2:25: the encrypted fields is not Extended JSON: Got parse error at \"}\", position 26: "
        "\"VALUE_EXPECTED\"\n");
  CHECK(wrong("{ \"fields\": [] }").starts_with("DIR/e.json:1:1: the encrypted fields: must have \"fields\""));
  std::filesystem::remove_all(folder);
  CHECK(wrong("{}").find("DIR/e.json") != std::string::npos);
  std::filesystem::remove_all(folder);
}

TEST_CASE("equal meaning is one form: order, one query in an array, defaults, numbers by value, names of the server") {
  const auto form = [](const std::string& items, const std::string& more = "") {
    return normalised_encryption(json(fmt::format(R"({{ "fields": [ {} ]{} }})", items, more))).to_canonical_json();
  };
  const std::string age = encrypted("age", R"("bsonType": "int", "queries": { "queryType": "range", "min": 1 })", 2);
  CHECK(form(kSsn + ", " + age) == form(age + ", " + kSsn));
  CHECK(form(age, R"(, "escCollection": "enxcol_.c.esc", "ecocCollection": "enxcol_.c.ecoc")") == form(age));
  const auto range = [&](const std::string& more) {
    return form(encrypted("a", R"("bsonType": "long", "queries": { "queryType": "range")" + more + " }"));
  };
  CHECK(range(R"(, "sparsity": 2, "trimFactor": 6)") == range(""));
  CHECK(range(R"(, "sparsity": 3)") != range(""));
  CHECK(range(R"(, "min": 5)") == range(R"(, "min": { "$numberLong": "5" })"));
  CHECK(form(encrypted("a", R"("bsonType": "string", "queries": [ { "queryType": "equality" } ])")) ==
        form(encrypted("a", R"("bsonType": "string", "queries": { "queryType": "equality" })")));
  CHECK(form(kSsn) != form(encrypted("ssn", R"("bsonType": "string")")));
  for (const char* strange : {R"({ "fields": 1 })", R"({ "fields": [ 1 ] })", R"({ "fields": [ { "queries": 1 } ] })",
                              R"({ "fields": [ { "path": 5, "queries": [ 1 ] } ], "x": 1 })", "{}"}) {
    const Document once = normalised_encryption(json(strange));
    CHECK(normalised_encryption(once).to_canonical_json() == once.to_canonical_json());
    CHECK(once.to_canonical_json() == json(strange).to_canonical_json());
  }
}

TEST_CASE("the hash changes with what is encrypted, and not with how it is said") {
  const auto hash = [](const std::string& items) { return schema_of(collection(all_of(items))).hash; };
  const std::string other = encrypted("b", "", 2);
  CHECK(hash(kSsn + ", " + other) == hash(other + ", " + kSsn));
  CHECK(hash(kSsn) != hash(other));
  CHECK(hash(kSsn) != hash(encrypted("ssn", R"("bsonType": "string", "queries": { "queryType": "equality" })", 2)));
  CHECK(hash(kSsn) != schema_of("[[collection]]\nname = 'c'\n").hash);
}

TEST_CASE("what the server fills in counts only where it is declared") {
  ScriptedCatalog server(kServer);
  apply(server, diff(schema_of(collection(all_of(kSsn))), server.read()));
  const Document live = normalised_encryption(reported(server));
  CHECK(live.to_json().find("\"contention\" : 8") != std::string::npos);
  const auto asked = [&](const std::string& contention) {
    return normalised_encryption(json(
        all_of(encrypted("ssn", R"("bsonType": "string", "queries": { "queryType": "equality")" + contention + " }"))));
  };
  CHECK(same_encryption(asked(""), live));
  CHECK(same_encryption(asked(R"(, "contention": 8)"), live));
  CHECK_FALSE(same_encryption(asked(R"(, "contention": 4)"), live));
  CHECK_FALSE(
      same_encryption(asked(""), normalised_encryption(json(all_of(encrypted("ssn", R"("bsonType": "string")"))))));
  CHECK_FALSE(same_encryption(normalised_encryption(json(all_of(encrypted("ssn", R"("bsonType": "string")")))), live));
  Document versioned = live;
  append(versioned, "strEncodeVersion", 1);
  CHECK(same_encryption(asked(""), versioned));
  Document strange = live;
  append(strange, "other", 1);
  CHECK_FALSE(same_encryption(asked(""), strange));
}

TEST_CASE("after a crash between any two steps, the next apply makes the rest of it and nothing twice") {
  const Schema schema =
      schema_of(collection(all_of(kSsn), "[[collection.index]]\nname = 'n'\nkey = [['n', 1]]\nunique = true\n"));
  ScriptedCatalog whole(kServer);
  const Plan plan = diff(schema, whole.read());
  REQUIRE(plan.steps.size() == 4);
  CHECK(plan.findings.empty());
  for (std::size_t done = 0; done <= plan.steps.size(); ++done) {
    CAPTURE(done);
    ScriptedCatalog server(kServer);
    apply(server, plan, done);
    const Plan rest = diff(schema, server.read());
    CHECK(rest.steps.size() == plan.steps.size() - done);
    CHECK(rest.findings.empty());
    apply(server, rest);
    check_no_change(schema, server.read());
    check_import(schema, server.read());
  }
}

TEST_CASE("as every driver makes them: the same collections, options and index are no change") {
  ScriptedCatalog server(kServer);
  for (const char* command : {
           R"({"create": "enxcol_.c.esc", "clusteredIndex": {"key": {"_id": 1}, "unique": true}})",
           R"({"create": "enxcol_.c.ecoc", "clusteredIndex": {"key": {"_id": 1}, "unique": true}})",
       }) {
    CHECK(server.run(json(command)) == "");
  }
  Document create = json(R"({"create": "c", "collation": {"locale": "de"}})");
  append(create, kEncryptedFields, json(all_of(kSsn)));
  CHECK(server.run(create) == "");
  CHECK(server.run(json(
            R"({"createIndexes": "c", "indexes": [{"key": {"__safeContent__": 1}, "name": "__safeContent___1"}]})")) ==
        "");
  check_no_change(schema_of(collection(all_of(kSsn), "collation = { locale = 'de' }\n")), server.read());
}

TEST_CASE("a server that cannot encrypt is named with what it lacks, and nothing is planned for it") {
  const auto lacks = [](const Server& server, const std::string& fields = all_of(kSsn)) {
    const Plan plan =
        diff(schema_of(collection(fields, "[[collection.index]]\nkey = [['n', 1]]\n")), Catalog{server, {}});
    const Finding* conflict = plan.first(FindingKind::kConflict);
    CHECK((conflict == nullptr) == !plan.steps.empty());
    return conflict == nullptr ? std::string() : conflict->message;
  };
  const std::string begin = "\"c\" is declared with encrypted fields: that ";
  CHECK(lacks({"mongodb", "7.0.0", "replicaset"}) == "");
  CHECK(lacks({"mongodb", "8.0.4", "sharded"}) == "");
  CHECK(lacks({"mongodb", "6.0.14", "replicaset"}) == begin + "needs MongoDB 7.0 or later, and this is 6.0.14");
  CHECK(lacks({"mongodb", "8.0.4", "standalone"}) ==
        begin + "needs a replica set or a sharded cluster, and this is a standalone server");
  const std::string range = all_of(encrypted("a", R"("bsonType": "int", "queries": { "queryType": "range" })"));
  CHECK(lacks({"mongodb", "8.0.0", "replicaset"}, range) == "");
  CHECK(lacks({"mongodb", "7.0.12", "replicaset"}, range) ==
        begin + "has queries of the type \"range\", which need MongoDB 8.0 or later, and this is 7.0.12");
  const std::string text = all_of(
      encrypted("a", R"("bsonType": "string", "queries": { "queryType": "suffixPreview", "caseSensitive": true, )"
                     R"("diacriticSensitive": true, "strMinQueryLength": 2, "strMaxQueryLength": 5 })"));
  CHECK(lacks({"mongodb", "8.2.0", "replicaset"}, text) == "");
  CHECK(lacks({"mongodb", "8.0.4", "replicaset"}, text) ==
        begin + "has queries of the type \"suffixPreview\", which need MongoDB 8.2 or later, and this is 8.0.4");
  const auto preview = [](const std::string& type) {
    return R"({ "queryType": ")" + type + R"(", "caseSensitive": true, "diacriticSensitive": true, )" +
           R"("strMinQueryLength": 2, "strMaxQueryLength": 5 })";
  };
  const std::string two = "[ " + preview("prefixPreview") + ", " + preview("suffixPreview") + " ]";
  const std::string both = all_of(kSsn + ", " + encrypted("z", R"("bsonType": "string", "queries": )" + two, 2));
  CHECK(lacks({"mongodb", "8.2.0", "replicaset"}, both) == "");
  CHECK(lacks({"mongodb", "8.0.4", "replicaset"}, both) ==
        begin + "has queries of the type \"prefixPreview\", which need MongoDB 8.2 or later, and this is 8.0.4");
  CHECK(lacks({"mongodb", "8.3.7", "replicaset"}, both) == "");
  const std::string moving =
      begin +
      "has queries of the type \"suffixPreview\", which MongoDB has from 8.2 until 9.0 alone, and this is 9.0.1. "
      "\"suffix\" took its place, and does not find what was encrypted for \"suffixPreview\": declare another "
      "collection "
      "with \"suffix\", let a client that has the keys read each document of this one and insert it there, then drop "
      "this one by hand";
  CHECK(lacks({"mongodb", "9.0.1", "replicaset"}, text) == moving);
  CHECK(lacks({"mongodb", "next", "replicaset"}, text) == "");
  for (const std::string type : {"prefix", "suffix"}) {
    const std::string stable = all_of(encrypted("a", R"("bsonType": "string", "queries": )" + preview(type)));
    CHECK(lacks({"mongodb", "9.0.1", "replicaset"}, stable) == "");
    CHECK(lacks({"mongodb", "8.3.7", "replicaset"}, stable) ==
          begin + "has queries of the type \"" + type + "\", which need MongoDB 9.0 or later, and this is 8.3.7");
  }
  // One that is there stays readable for nobody when its server is raised.
  ScriptedCatalog raised({"mongodb", "8.3.7", "replicaset"});
  const Schema with_preview = schema_of(collection(text));
  apply(raised, diff(with_preview, raised.read()));
  Catalog later = raised.read();
  check_no_change(with_preview, later);
  later.server.version = "9.0.1";
  const Plan plan = diff(with_preview, later);
  CHECK(plan.empty());
  REQUIRE(plan.first(FindingKind::kConflict) != nullptr);
  CHECK(plan.first(FindingKind::kConflict)->message == moving);
  const std::string renamed = all_of(encrypted("a", R"("bsonType": "string", "queries": )" + preview("suffix")));
  const Plan renaming = diff(schema_of(collection(renamed)), later);
  REQUIRE(renaming.first(FindingKind::kConflict) != nullptr);
  const std::string& told = renaming.first(FindingKind::kConflict)->message;
  CHECK(told.ends_with(". The one that is there " + moving.substr(begin.size())));
  // One that is there already was made by somebody who could.
  ScriptedCatalog made(kServer);
  apply(made, diff(schema_of(collection(all_of(kSsn))), made.read()));
  Catalog restored = made.read();
  restored.server = {"mongodb", "8.0.4", "standalone"};
  check_no_change(schema_of(collection(all_of(kSsn))), restored);
}

TEST_CASE("what goes along is never listed as extra, hidden or dropped, whatever the policy and the ledger say") {
  ScriptedCatalog server(kServer);
  const Schema encrypted = schema_of(collection(all_of(kSsn)));
  apply(server, diff(encrypted, server.read()));
  const std::vector<Owns> owns = {
      {"c", {"__safeContent___1"}, true}, {"enxcol_.c.esc", {}, true}, {"enxcol_.c.ecoc", {}, true}};
  for (const std::string policy : {"report", "hide", "drop"}) {
    CAPTURE(policy);
    const std::string head = "[policy]\nextra_indexes = '" + policy + "'\ncontract = 'apply'\nconflict = 'replace'\n";
    const Plan same = diff(schema_of(head + collection(all_of(kSsn))), server.read(), owns);
    CHECK(same.empty());
    CHECK(same.findings.empty());
    // Not declared any more: what it was made with cannot be taken away, and what it needs stays.
    const Plan without = diff(schema_of(head + "[[collection]]\nname = 'c'\n"), server.read(), owns);
    CHECK(without.empty());
    CHECK(test::lines_of(without.findings) == "conflict c encryptedFields\n");
  }
}

TEST_CASE("a state collection that is gone is made again; one that is another is a conflict") {
  const Schema schema = schema_of(collection(all_of(kSsn)));
  ScriptedCatalog server(kServer);
  apply(server, diff(schema, server.read()));
  CHECK(server.run(json(R"({"drop": "enxcol_.c.ecoc"})")) == "");
  CHECK(test::lines_of(diff(schema, server.read()).steps) == "enxcol_.c.ecoc: create state collection of c\n");
  CHECK(server.run(json(R"({"create": "enxcol_.c.ecoc"})")) == "");
  const Plan plan = diff(schema, server.read());
  CHECK(plan.empty());
  CHECK(test::lines_of(plan.findings) == "conflict enxcol_.c.ecoc clusteredIndex\n");
}

TEST_CASE("a state collection that another schema made belongs to that one") {
  const Schema schema = schema_of(collection(all_of(kSsn)));
  Catalog catalog{kServer, {}};
  CHECK(declared_names(schema) == std::vector<std::string>{"c", "enxcol_.c.esc", "enxcol_.c.ecoc"});
  catalog.owned_elsewhere = {{"enxcol_.c.esc", "billing"}};
  const Plan plan = diff(schema, catalog);
  CHECK(test::lines_of(plan.findings) == "owned_elsewhere enxcol_.c.esc\n");
  CHECK(test::lines_of(plan.steps) == "enxcol_.c.ecoc: create state collection of c\n" + created());
  catalog.owned_elsewhere = {{"c", "billing"}};
  CHECK(diff(schema, catalog).empty());
}

TEST_CASE("a plan against another file knows what goes along") {
  const Schema one = schema_of(collection(all_of(kSsn)));
  check_no_change(one, catalog_of(one));
  Catalog none = catalog_of(schema_of("[[collection]]\nname = 'd'\n"));
  none.server = kServer;
  CHECK(test::lines_of(diff(one, none).steps) == kStates + created());
}

TEST_CASE("import writes encrypted fields back, and leaves out those of a server that it cannot declare") {
  ScriptedCatalog server(kServer);
  const Schema schema = schema_of(collection(all_of(kSsn)));
  apply(server, diff(schema, server.read()));
  const Written written = write_schema(server.read(), {"db"});
  CAPTURE(written.toml);
  CHECK(written.left_out.empty());
  CHECK(written.toml.find("enxcol_") == std::string::npos);
  CHECK(written.toml.find("__safeContent__") == std::string::npos);
  CHECK(written.toml.find("\"$uuid\": \"7a4d1c9e-3b52-4f0e-9c1d-5e8b6f2a0d01\"") != std::string::npos);
  Catalog old = server.read();
  for (CatalogCollection& each : old.collections) {
    if (each.name != "c") continue;
    each.options = Document();
    append(each.options, kEncryptedFields,
           json(all_of(encrypted("a", R"("bsonType": "int", "queries": { "queryType": "rangePreview" })"))));
  }
  const Written left = write_schema(old, {"db"});
  REQUIRE(left.left_out.size() == 1);
  CHECK(
      left.left_out.front().starts_with("the options of the collection \"c\": collection.encrypted_fields: fields[0]"));
}
