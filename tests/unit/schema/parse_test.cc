// Bad input, each with the place and the sentence that a person gets; then what good input becomes.
#include <fstream>
#include <sstream>

#include "schema/fields.h"
#include "text.h"

using namespace readygate;
using namespace readygate::schema;

namespace {

struct Case {
  std::string text;  // from line 4
  std::string mistakes;
};

void check_all(const std::vector<Case>& cases) {
  for (const Case& each : cases) {
    CAPTURE(each.text);
    CHECK(mistakes_of(each.text) == each.mistakes);
  }
}

// An index after "[[collection]]\nname = 'c'\n[[collection.index]]\n": its first line is line 7.
std::vector<Case> of_index(std::vector<Case> cases) {
  for (Case& each : cases) each.text = "[[collection]]\nname = 'c'\n[[collection.index]]\n" + each.text;
  return cases;
}

}  // namespace

TEST_CASE("the head") {
  const auto wrong = [](const char* text) {
    const auto schema = parse(text, "s.toml", "");
    return schema ? "" : toml::to_string(schema.error());
  };
  CHECK(wrong("") ==
        "s.toml: \"schema\" is missing: the name under which the state is kept in the database: a-z, 0-9, _ and -, at "
        "most 64\ns.toml: \"database\" is missing: the database\n"
        "s.toml: \"version\" is missing: raised with every change of the declarations\n");
  CHECK(wrong("schema = 'Re balancer'\ndatabase = 'a/b'\nversion = 0\n") ==
        "s.toml:1:10: schema \"Re balancer\" may hold only a-z, 0-9, \"_\" and \"-\"\n"
        "s.toml:2:12: database \"a/b\" must not hold a space or any of /\\.\"$*<>:|?\n"
        "s.toml:3:11: version must be from 1 to 2147483647, not 0\n");
  CHECK(wrong("schema = ''\ndatabase = 'admin'\nversion = 2\nmin_open = 3\n") ==
        "s.toml:1:10: schema \"\" must not be empty\n"
        "s.toml:2:12: database \"admin\" is one of the server's own databases\n"
        "s.toml:4:12: min_open must be at most version, which is 2: this very version could not open\n");
  CHECK(wrong("schema = 'a'\ndatabase = 'b'\nversion = 2147483648\n") ==
        "s.toml:3:11: version must be from 1 to 2147483647, not 2147483648\n");
  CHECK(wrong("schema = 'a\n").starts_with("s.toml:1:12: Error while parsing literal string: "));
}

TEST_CASE("unknown keys, with the near miss") {
  check_all({
      {"colection = 1", "s.toml:4:1: unknown key \"colection\" (did you mean \"collection\"?)\n"},
      {"[policy]\nconflicts = 'fail'", "s.toml:5:1: unknown key \"policy.conflicts\" (did you mean \"conflict\"?)\n"},
      {"[[collection]]\nname = 'c'\nvalidater = '{}'",
       "s.toml:6:1: unknown key \"collection.validater\" (did you mean \"validator\"?)\n"},
      {"[[collection]]\nname = 'c'\nvalidator = '{ \"a\": 1 }'\nvalidation = { levle = 'off' }",
       "s.toml:7:16: unknown key \"collection.validation.levle\" (did you mean \"level\"?)\n"},
      {"[[collection]]\nname = 'c'\n[[collection.index]]\nkey = [['a', 1]]\nuniqe = true",
       "s.toml:8:1: unknown key \"collection.index.uniqe\" (did you mean \"unique\"?)\n"},
      // The server's names are not ours.
      {"[[collection]]\nname = 'c'\n[[collection.index]]\nkey = [['a', 1]]\nexpireAfterSeconds = 1",
       "s.toml:8:1: unknown key \"collection.index.expireAfterSeconds\"\n"},
  });
}

TEST_CASE("wrong types") {
  check_all({
      {"collection = 'c'", "s.toml:4:14: collection must be an array, not a string\n"},
      {"[collection]\nname = 'c'", "s.toml:4:1: collection must be an array, not a table\n"},
      {"policy = 'strict'", "s.toml:4:10: policy must be a table, not a string\n"},
      {"[[collection]]\nname = 1", "s.toml:5:8: collection.name must be a string, not an integer\n"},
      {"[[collection]]", "s.toml:4:1: \"collection.name\" is missing: the name of the collection\n"},
      {"[[collection]]\nname = 'c'\nvalidator = '{ \"a\": 1 }'\nvalidation = { level = 'strickt' }",
       "s.toml:7:24: collection.validation.level must be \"strict\", \"moderate\", \"off\" or \"constraint\", not "
       "\"strickt\" (did you "
       "mean "
       "\"strict\"?)\n"},
  });
}

TEST_CASE("the policy") {
  const Schema usual = schema_of("");
  CHECK(usual.policy.extra_indexes == Policy::Extra::kReport);
  CHECK(usual.policy.conflict == Policy::Conflict::kFail);
  CHECK(usual.policy.contract == Policy::Contract::kReport);
  const Schema other = schema_of("[policy]\nextra_indexes = 'drop'\nconflict = 'replace'\ncontract = 'apply'\n");
  CHECK(other.policy.extra_indexes == Policy::Extra::kDrop);
  CHECK(other.policy.conflict == Policy::Conflict::kReplace);
  CHECK(other.policy.contract == Policy::Contract::kApply);
  CHECK(schema_of("[policy]\nextra_indexes = 'hide'\n").policy.extra_indexes == Policy::Extra::kHide);
  CHECK(usual.hash == other.hash);
}

TEST_CASE("what a collection is made with") {
  const auto in = [](const std::string& lines) { return "[[collection]]\nname = 'c'\n" + lines; };
  const auto options = [&](const std::string& lines) {
    return schema_of(in(lines)).collections.front().options.to_json();
  };
  CHECK(options("capped = { size = 1 }") == R"({ "capped" : true, "size" : 4096 })");
  CHECK(options("capped = { size = 5000, max = 7 }") == R"({ "capped" : true, "size" : 5120, "max" : 7 })");
  CHECK(options("capped = { size = 1, max = 2147483647 }") == R"({ "capped" : true, "size" : 4096 })");
  CHECK(options("timeseries = { time_field = 't' }") ==
        R"({ "timeseries" : { "timeField" : "t", "granularity" : "seconds" } })");
  CHECK(options("timeseries = { time_field = 't', meta_field = 'm', bucket_span = '5m' }\nexpire_after = 60") ==
        R"({ "timeseries" : { "timeField" : "t", "metaField" : "m", "bucketMaxSpanSeconds" : 300, )"
        R"("bucketRoundingSeconds" : 300 }, "expireAfterSeconds" : 60 })");
  CHECK(options("clustered = true") ==
        R"({ "clusteredIndex" : { "key" : { "_id" : 1 }, "unique" : true, "name" : "_id_" } })");
  CHECK(options("clustered = { name = 'n' }").find(R"("name" : "n")") != std::string::npos);
  CHECK(options("clustered = false\npre_images = false\ncollation = { locale = 'simple' }") == "{ }");
  CHECK(options("collation = { locale = 'en', strength = 3, case_level = true, alternate = 'shifted' }") ==
        R"({ "collation" : { "locale" : "en", "caseLevel" : true, "alternate" : "shifted" } })");
  CHECK(options("pre_images = true") == R"({ "changeStreamPreAndPostImages" : { "enabled" : true } })");
  CHECK(options("storage_engine = '{ \"w\": 1 }'\nindex_storage_engine = '{ \"w\": 2 }'") ==
        R"({ "storageEngine" : { "w" : 1 }, "indexOptionDefaults" : { "storageEngine" : { "w" : 2 } } })");
  const std::string series = "timeseries = { time_field = 't' }\n";
  const std::string exclude = "s.toml:7:1: collection.";
  check_all({
      {in("capped = true"), "s.toml:6:10: collection.capped must be a table, not a boolean\n"},
      {in("capped = { max = 3 }"),
       "s.toml:6:10: \"collection.capped.size\" is missing: the most that it holds, raised to 4096 and to a multiple "
       "of "
       "256; older documents go\n"},
      {in("capped = { size = 0 }"),
       "s.toml:6:19: collection.capped.size must be from 1 to 1125899906842624 bytes, not 0\n"},
      {in(series + "capped = { size = 1 }"), "s.toml:6:1: collection.capped and timeseries exclude each other\n"},
      {in(series + "clustered = true"), exclude + "timeseries and clustered exclude each other\n"},
      {in(series + "clustered = false"), ""},
      {in(series + "validator = '{ \"a\": 1 }'"), exclude + "timeseries and validator exclude each other\n"},
      {in(series + "pre_images = true"), exclude + "timeseries and pre_images exclude each other\n"},
      {in("capped = { size = 1 }\nclustered = true"), exclude + "capped and clustered exclude each other\n"},
      {in("expire_after = '1h'"),
       "s.toml:6:1: collection.expire_after is for a timeseries or clustered collection; of another, declare an index "
       "with "
       "expire_after\n"},
      {in(series + "expire_after = '1ms'"),
       exclude.substr(0, 9) + "16: collection.expire_after must be whole seconds\n"},
      {in("timeseries = { time_field = 'a.b' }"),
       "s.toml:6:29: collection.timeseries.time_field \"a.b\" must be the name of a field, without dots, NUL bytes and "
       "a "
       "\"$\" before it\n"},
      {in("timeseries = { time_field = 't', meta_field = 't' }"),
       "s.toml:6:47: collection.timeseries.meta_field must not be time_field or \"_id\"\n"},
      {in("timeseries = { time_field = 't', granularity = 'hours', bucket_span = 60 }"),
       "s.toml:6:57: collection.timeseries.granularity and bucket_span exclude each other\n"},
      {in("timeseries = { time_field = 't', bucket_span = 31536001 }"),
       "s.toml:6:48: collection.timeseries.bucket_span must be from 1 to 31536000 seconds, not 31536001\n"},
      {in("collation = { strength = 2 }"),
       "s.toml:6:13: \"collection.collation.locale\" is missing: the language: \"en\", \"fr_CA\", "
       "\"de@collation=phonebook\"; \"simple\": bytes\n"},
      {in("collation = { locale = 'simple', strength = 2 }"),
       "s.toml:6:13: collection.collation with the locale \"simple\" takes nothing else\n"},
      {in(series + "[[collection.index]]\nkey = [['a', 1]]\nunique = true"),
       "s.toml:7:1: the index \"a_1\" cannot be unique: its collection is a time series\n"},
      {in(series + "[[collection.index]]\nkey = [['a', 'text']]"),
       "s.toml:7:1: the index \"a_text\" cannot be a text index: its collection is a time series\n"},
  });
}

TEST_CASE("the collation of an index") {
  const auto index = [](const std::string& collection, const std::string& lines) {
    const std::string text = "[[collection]]\nname = 'c'\n" + collection + "[[collection.index]]\n" + lines;
    return schema_of(text).collections.front().indexes.front().options.to_json();
  };
  const std::string english = "collation = { locale = 'en', strength = 2 }\n";
  const std::string filled = R"({ "collation" : { "locale" : "en", "strength" : 2 } })";
  CHECK(index("", "key = [['a', 1]]") == "{ }");
  CHECK(index("", "key = [['a', 1]]\n" + english) == filled);
  CHECK(index(english, "key = [['a', 1]]") == filled);
  CHECK(index(english, "key = [['a', 'hashed']]") == filled);
  CHECK(index(english, "key = [['a', 1]]\ncollation = { locale = 'simple' }") == "{ }");
  CHECK(index(english, "key = [['a', 1]]\ncollation = { locale = 'de' }") ==
        R"({ "collation" : { "locale" : "de" } })");
  // These compare bytes.
  CHECK(index(english, "key = [['a', 'text']]") == "{ }");
  CHECK(index(english, "key = [['a', '2d']]\ncollation = { locale = 'simple' }") == "{ }");
  check_all(of_index({
      {"key = [['a', 'text']]\ncollation = { locale = 'en' }",
       "s.toml:8:1: collection.index.collation cannot be given for a text index\n"},
      {"key = [['a', 1]]\ncollation = { locale = 'en', strength = 6 }",
       "s.toml:8:41: collection.index.collation.strength must be from 1 to 5, not 6\n"},
      {"key = [['a', 1]]\ntext_version = 3",
       "s.toml:8:1: collection.index.text_version cannot be given for a plain index\n"},
  }));
}

TEST_CASE("views") {
  const Schema schema = schema_of(
      "[[view]]\nname = 'v'\non = 'c'\npipeline = '[ { \"$match\": { \"a\": 1 } } ]'\n"
      "collation = { locale = 'en' }\n[[view]]\nname = 'w'\non = 'v'\n");
  REQUIRE(schema.views.size() == 2);
  CHECK(schema.views[0].options.to_json() ==
        R"({ "viewOn" : "c", "pipeline" : [ { "$match" : { "a" : 1 } } ], "collation" : { "locale" : "en" } })");
  CHECK(schema.views[1].options.to_json() == R"({ "viewOn" : "v", "pipeline" : [ ] })");
  const auto view = [](const std::string& pipeline) {
    return "[[view]]\nname = 'v'\non = 'c'\npipeline = " + pipeline;
  };
  const std::string at = "s.toml:7:12: view.pipeline ";
  check_all({
      {"[[view]]\nname = 'v'", "s.toml:4:1: \"view.on\" is missing: the collection or view that it shows\n"},
      {"[[view]]\nname = 'v'\non = 'v'", "s.toml:4:1: the view \"v\" shows itself\n"},
      {"[[view]]\nname = 'v'\non = 'w'\n[[view]]\nname = 'w'\non = 'v'",
       "s.toml:4:1: the view \"v\" shows itself, over \"w\"\n"},
      {"[[view]]\nname = 'v'\non = 'a$'", "s.toml:6:6: view.on \"a$\" must not hold a \"$\"\n"},
      {"[[collection]]\nname = 'v'\n[[view]]\nname = 'v'\non = 'c'",
       "s.toml:7:8: the view \"v\" is declared twice; first at s.toml:5:8\n"},
      {view("'{ \"$match\": 1 }'"), at + "must be a JSON array of stages\n"},
      {view("'[ 1 ]'"), at + "must hold stages like { \"$match\": … }, and item 0 is none\n"},
      {view("'[ { \"a\": 1 } ]'"), at + "must hold stages like { \"$match\": … }, and item 0 is none\n"},
      {view("'[ { \"$match\": {} }, { \"$out\": \"x\" } ]'"), at + "must not write, and item 1 is $out\n"},
      {view("'[ { \"$merge\": \"x\" } ]'"), at + "must not write, and item 0 is $merge\n"},
  });
}

TEST_CASE("names of collections") {
  const auto named = [](const std::string& name) { return mistakes_of("[[collection]]\nname = \"" + name + "\""); };
  CHECK(named("a.b-c_d é") == "");
  CHECK(named("") == "s.toml:5:8: collection.name \"\" must not be empty\n");
  CHECK(named("a$b") == "s.toml:5:8: collection.name \"a$b\" must not hold a \"$\"\n");
  CHECK(named("system.users") ==
        "s.toml:5:8: collection.name \"system.users\" must not begin with \"system.\": those are the server's own\n");
  CHECK(named(".a") == "s.toml:5:8: collection.name \".a\" must not begin or end with a dot\n");
  CHECK(named("a.") == "s.toml:5:8: collection.name \"a.\" must not begin or end with a dot\n");
  CHECK(named("a\\u0000b") == "s.toml:5:8: collection.name \"a\\u0000b\" must not hold a NUL byte\n");
  CHECK(named("_readygate") ==
        "s.toml:5:8: collection.name \"_readygate\" is reserved: readygate keeps its own state there\n");
  CHECK(named(std::string(252, 'x')) == "");  // db + . + 252 = 255
  CHECK(named(std::string(253, 'x')).find("is too long") != std::string::npos);
  CHECK(mistakes_of("[[collection]]\nname = 'c'\n[[collection]]\nname = 'c'") ==
        "s.toml:7:8: the collection \"c\" is declared twice; first at s.toml:5:8\n");
}

TEST_CASE("keys of indexes") {
  check_all(of_index({
      {"name = 'x'",
       "s.toml:6:1: \"collection.index.key\" is missing: [[field, 1 | -1 | \"text\" | \"hashed\" | \"2d\" | "
       "\"2dsphere\"], ...], in the order of the index\n"},
      {"key = []", "s.toml:7:7: collection.index.key must be from 1 to 32 items long, not 0\n"},
      {"key = ['a']", "s.toml:7:8: each item of collection.index.key must be an array, not a string\n"},
      {"key = { a = 1 }", "s.toml:7:7: collection.index.key must be an array, not a table\n"},
      {"key = [['a']]",
       "s.toml:7:8: each item of collection.index.key must be [\"field\", 1], with -1 or a kind in place of 1\n"},
      {"key = [[1, 'a']]",
       "s.toml:7:8: each item of collection.index.key must be [\"field\", 1], with -1 or a kind in place of 1\n"},
      {"key = [['a', 2]]",
       "s.toml:7:14: the field \"a\" in collection.index.key must go with 1, -1, \"text\", \"hashed\", \"2d\" or "
       "\"2dsphere\"\n"},
      {"key = [['a', 1], ['b', 'hash']]",
       "s.toml:7:24: the field \"b\" in collection.index.key must go with 1, -1, \"text\", \"hashed\", \"2d\" or "
       "\"2dsphere\"\n"},
      {"key = [['b', '2dspere']]",
       "s.toml:7:14: the field \"b\" in collection.index.key must go with 1, -1, \"text\", \"hashed\", \"2d\" or "
       "\"2dsphere\" (did you mean \"2dsphere\"?)\n"},
      {"key = [['a', 1], ['a', -1]]", "s.toml:7:19: collection.index.key names \"a\" twice\n"},
      {"key = [['', 1]]", "s.toml:7:9: the field \"\" in collection.index.key must not be empty\n"},
      {"key = [['a..b', 1]]",
       "s.toml:7:9: the field \"a..b\" in collection.index.key must not have an empty part between, before or after "
       "its "
       "dots\n"},
      {"key = [['a.', 1]]",
       "s.toml:7:9: the field \"a.\" in collection.index.key must not have an empty part between, before or after its "
       "dots\n"},
      {"key = [['$a', 1]]",
       "s.toml:7:9: the field \"$a\" in collection.index.key must not have a part that begins with \"$\"\n"},
      {"key = [['ref.$id', 1]]", ""},
      {"key = [['_fts', 1]]", "s.toml:7:9: the field \"_fts\" in collection.index.key is reserved for text indexes\n"},
      {"key = [[\"a\\u0000\", 1]]",
       "s.toml:7:9: the field \"a\\u0000\" in collection.index.key must not hold a NUL byte\n"},
      {"key = [['_id', 1]]",
       "s.toml:7:7: collection.index.key is that of the index on _id, which the server makes itself: leave it out\n"},
      {"key = [['_id', -1]]",
       "s.toml:7:7: collection.index.key is that of the index on _id, which the server makes itself: leave it out\n"},
      {"key = [['_id', 'hashed']]", ""},
      {"key = [['_id', 1], ['a', 1]]", ""},
      {"key = [['a', 'text'], ['b', 'hashed']]",
       "s.toml:7:7: collection.index.key mixes \"text\" and \"hashed\"; an index can be of one kind\n"},
      {"key = [['a', 'hashed'], ['b', 'hashed']]", "s.toml:7:7: collection.index.key may have one hashed field\n"},
      {"key = [['a', 'text'], ['b', 1], ['c', 'text']]",
       "s.toml:7:7: collection.index.key must have its \"text\" fields next to each other\n"},
      {"key = [['x', 1], ['a', 'text'], ['c', 'text'], ['b', 1]]", ""},
      {"key = [['a', 1], ['b', '2d']]", "s.toml:7:7: collection.index.key must have its one \"2d\" field first\n"},
      {"key = [['a', 1], ['b', '2dsphere'], ['c', '2dsphere']]", ""},
      {"key = [['$**', 1], ['a.$**', 1]]",
       "s.toml:7:7: collection.index.key may have one wildcard field\n"
       "s.toml:7:7: collection.index.key combines \"$**\" with other fields, which needs a wildcard_projection that "
       "leaves "
       "those out\n"},
      {"key = [['a', 1], ['b.$**', 1]]", ""},
      {"key = [['$**', 'hashed']]",
       "s.toml:7:9: the field \"$**\" in collection.index.key must not have a part that begins with \"$\"\n"},
      {"key = [['$**', 'text']]", ""},
  }));
}

TEST_CASE("names of indexes") {
  const std::string long_field(126, 'x');
  check_all(of_index({
      {"name = ''\nkey = [['a', 1]]", "s.toml:7:8: collection.index.name \"\" must not be empty\n"},
      {"name = '*'\nkey = [['a', 1]]",
       "s.toml:7:8: collection.index.name \"*\" is not allowed: dropping \"*\" means all indexes\n"},
      {"name = '_id_'\nkey = [['a', 1]]",
       "s.toml:7:8: collection.index.name \"_id_\" is reserved for the index on _id, which the server makes itself\n"},
      {"name = \"a\\u0000\"\nkey = [['a', 1]]",
       "s.toml:7:8: collection.index.name \"a\\u0000\" must not hold a NUL byte\n"},
      {"name = '" + std::string(127, 'x') + "'\nkey = [['a', 1]]", ""},
      {"name = '" + std::string(128, 'x') + "'\nkey = [['a', 1]]",
       "s.toml:7:8: collection.index.name \"" + std::string(128, 'x') + "\" must be at most 127 bytes long\n"},
      {"key = [['" + long_field + "', 1]]",
       "s.toml:6:1: collection.index.name is missing: the name made from the key would be longer than 127 bytes\n"},
      {"name = 'x'\nkey = [['a', 1]]\n[[collection.index]]\nname = 'x'\nkey = [['b', 1]]",
       "s.toml:10:8: the index \"x\" is declared twice; first at s.toml:7:8\n"},
      {"name = 'x'\nkey = [['a', 1]]\n[[collection.index]]\nname = 'y'\nkey = [['a', 1]]",
       "s.toml:10:8: the index \"y\" has the same key and options as \"x\" at s.toml:7:8; the server keeps one of "
       "them\n"},
      {"name = 'x'\nkey = [['a', 1]]\n[[collection.index]]\nname = 'y'\nkey = [['a', 1]]\nexpire_after = '1s'",
       "s.toml:10:8: the index \"y\" has the same key and options as \"x\" at s.toml:7:8; the server keeps one of "
       "them\n"},
      {"name = 'x'\nkey = [['a', 1]]\n[[collection.index]]\nname = 'y'\nkey = [['a', 1]]\nsparse = true", ""},
      {"name = 'x'\nkey = [['a', 1]]\n[[collection.index]]\nname = 'y'\nkey = [['a', 1]]\nunique = true", ""},
      {"name = 'x'\nkey = [['a', 'text']]\n[[collection.index]]\nname = 'y'\nkey = [['b', 'text']]",
       "s.toml:10:8: the index \"y\" is the second text index, after \"x\" at s.toml:7:8; a collection can have one\n"},
  }));
}

TEST_CASE("options of indexes") {
  check_all(of_index({
      {"key = [['a', 1]]\nexpire_after = '1500ms'",
       "s.toml:8:16: collection.index.expire_after must be whole seconds\n"},
      {"key = [['a', 1]]\nexpire_after = 2147483647", ""},
      {"key = [['a', 1]]\nexpire_after = 2147483648",
       "s.toml:8:16: collection.index.expire_after must be from 0 to 2147483647 seconds, not 2147483648\n"},
      {"key = [['a', 1]]\nexpire_after = -1",
       "s.toml:8:16: collection.index.expire_after must be from 0 to 2147483647 seconds, not -1\n"},
      {"key = [['a', 1], ['b', 1]]\nexpire_after = '1s'",
       "s.toml:8:1: collection.index.expire_after needs a key of one field\n"},
      {"key = [['a', 'hashed']]\nexpire_after = '1s'",
       "s.toml:8:1: collection.index.expire_after cannot be given for a hashed index\n"},
      {"key = [['a', 'hashed']]\nunique = true",
       "s.toml:8:1: collection.index.unique cannot be given for a hashed index\n"},
      {"key = [['a', 'hashed']]\nunique = false", ""},
      {"key = [['a.$**', 1]]\nunique = true",
       "s.toml:8:1: collection.index.unique cannot be given for a wildcard index\n"},
      {"key = [['a.$**', 1]]\nsparse = true",
       "s.toml:8:1: collection.index.sparse cannot be given for a wildcard index\n"},
      {"key = [['a', 'text']]\nsparse = true",
       "s.toml:8:1: collection.index.sparse cannot be given for a text index, which always leaves such documents "
       "out\n"},
      {"key = [['a', 1]]\nsparse = true\npartial = '{ \"a\": 1 }'",
       "s.toml:8:1: collection.index.sparse and partial exclude each other; partial with $exists says the same\n"},
      {"key = [['a', 1]]\npartial = '{}'",
       "s.toml:8:11: collection.index.partial must not be an empty object: leave it out\n"},
      {"key = [['a', 1]]\npartial = '[1]'",
       "s.toml:8:11: collection.index.partial must be a JSON object, not an array\n"},
      {"key = [['a', 1]]\npartial = '{ a: 1 }'",
       "s.toml:8:11: collection.index.partial is not Extended JSON: Got parse error at \"a\", position 2: "
       "\"SPECIAL_EXPECTED\"\n"},
      {"key = [['a', 1]]\npartial = { a = 1 }",
       "s.toml:8:11: collection.index.partial must be a string, not a table\n"},
      {"key = [['a', 'text']]\nweights = { b = 2 }",
       "s.toml:8:13: collection.index.weights names \"b\", which is no text field of the key\n"},
      {"key = [['a', 'text']]\nweights = { a = 100000 }",
       "s.toml:8:17: collection.index.weights.a must be from 1 to 99999, not 100000\n"},
      {"key = [['a', 1]]\nweights = { a = 2 }",
       "s.toml:8:1: collection.index.weights cannot be given for a plain index\n"},
      {"key = [['a', 'text']]\nlanguage_override = 'a.b'",
       "s.toml:8:21: collection.index.language_override must be the name of a field, without \"$\" and dots\n"},
      {"key = [['a', '2d']]\nbits = 33", "s.toml:8:8: collection.index.bits must be from 1 to 32, not 33\n"},
      {"key = [['a', '2d']]\nmin = 10\nmax = 5.5", "s.toml:8:7: collection.index.min must be less than max\n"},
      {"key = [['a', '2dsphere']]\nbits = 3",
       "s.toml:8:1: collection.index.bits cannot be given for a 2dsphere index\n"},
      {"key = [['a.$**', 1]]\nwildcard_projection = '{ \"b\": 1 }'",
       "s.toml:8:1: collection.index.wildcard_projection needs \"$**\" in the key\n"},
      {"key = [['a', 1]]\nwildcard_projection = '{ \"b\": 1 }'",
       "s.toml:8:1: collection.index.wildcard_projection cannot be given for a plain index\n"},
      {"key = [['$**', 1], ['a', 1]]\nwildcard_projection = '{ \"a\": 0 }'", ""},
  }));
}

TEST_CASE("validators") {
  const std::string begin = "[[collection]]\nname = 'c'\n";
  check_all({
      {begin + "validation = { level = 'off' }",
       "s.toml:6:1: collection.validation does nothing without a validator or validator_file\n"},
      {begin + "validator = '{}'", "s.toml:6:13: collection.validator must not be an empty object: leave it out\n"},
      {begin + "validator = '{'", "s.toml:6:13: collection.validator is not Extended JSON: Incomplete JSON\n"},
      {begin + "validator = '{ \"a\": 1 }'\nvalidator_file = 'x.json'",
       "s.toml:7:1: collection.validator and validator_file exclude each other\n"},
      {begin + "validator_file = 'no/such.json'",
       "s.toml:6:18: the validator file \"no/such.json\" cannot be read: No such file or directory\n"},
      {begin + "validator_file = '/'", "s.toml:6:18: the validator file \"/\" cannot be read: it is not a file\n"},
  });
}

TEST_CASE("64 indexes, with the one on _id") {
  std::string text = "[[collection]]\nname = 'c'\n";
  for (int i = 0; i < 63; ++i) text += "[[collection.index]]\nkey = [['f" + std::to_string(i) + "', 1]]\n";
  CHECK(mistakes_of(text) == "");
  text += "[[collection.index]]\nkey = [['g', 1]]\n";
  CHECK(mistakes_of(text) ==
        "s.toml:132:1: the collection \"c\" has 64 indexes; 63 are allowed, with the one on _id 64\n");
}

TEST_CASE("all mistakes of a file at once, by place") {
  CHECK(
      mistakes_of(
          "oops = 1\n[policy]\nnewer = 'opne'\n[[collection]]\nname = 'a$'\n[[collection.index]]\nkey = [['_id', 1]]\n"
          "[[collection.index]]\nname = ''\nkey = [['a', 1]]\nunique = 'yes'\n[[collection.index]]\nname = '*'\n"
          "key = [['a', 1]]\n") ==
      "s.toml:4:1: unknown key \"oops\"\n"
      "s.toml:6:9: policy.newer must be \"open\" or \"fail\", not \"opne\" (did you mean \"open\"?)\n"
      "s.toml:8:8: collection.name \"a$\" must not hold a \"$\"\n"
      "s.toml:10:7: collection.index.key is that of the index on _id, which the server makes itself: leave it out\n"
      "s.toml:14:10: collection.index.unique must be true or false, not a string\n"
      "s.toml:16:8: collection.index.name \"*\" is not allowed: dropping \"*\" means all indexes\n");
}

TEST_CASE("what a valid file becomes") {
  const Schema schema = schema_of(
      "min_open = 2\n[policy]\nnot_honoured = 'report'\nnewer = 'fail'\nverify = 'ledger'\n"
      "[[collection]]\nname = 'c'\nvalidator = '{ \"a\": 1 }'\nvalidation = { level = 'moderate' }\n"
      "[[collection.index]]\nkey = [['a.b', 1], ['c', -1], ['d', '2dsphere']]\n"
      "[[collection.index]]\nname = 't'\nkey = [['z', 'text'], ['b', 'text']]\nweights = { z = 1, b = 7 }\n"
      "default_language = 'english'\n"
      "[[collection.index]]\nname = 'ttl'\nkey = [['e', 1]]\nexpire_after = '2m'\nunique = false\n"
      "[[collection]]\nname = 'plain'\n");
  CHECK(schema.name == "test");
  CHECK(schema.database == "db");
  CHECK(schema.version == 3);
  CHECK(schema.min_open == 2);
  CHECK(schema.policy.not_honoured == Policy::NotHonoured::kReport);
  CHECK(schema.policy.newer == Policy::Newer::kFail);
  CHECK(schema.policy.verify == Policy::Verify::kLedger);
  REQUIRE(schema.collections.size() == 2);
  const Collection& c = schema.collections[0];
  CHECK(c.place.line == 9);
  CHECK(c.options.to_json() ==
        "{ \"validator\" : { \"a\" : 1 }, \"validationLevel\" : \"moderate\", \"validationAction\" : \"error\" }");
  REQUIRE(c.indexes.size() == 3);
  CHECK(c.indexes[0].name == "a.b_1_c_-1_d_2dsphere");
  CHECK(c.indexes[0].key.to_json() == "{ \"a.b\" : 1, \"c\" : -1, \"d\" : \"2dsphere\" }");
  CHECK(c.indexes[0].options.empty());
  CHECK(c.indexes[1].key.to_json() == "{ \"b\" : \"text\", \"z\" : \"text\" }");
  CHECK(c.indexes[1].options.to_json() == "{ \"weights\" : { \"b\" : 7 } }");
  CHECK(c.indexes[2].options.to_json() == "{ \"expireAfterSeconds\" : 120 }");
  CHECK(toml::to_string(c.indexes[2].place) == "s.toml:21:8");
  CHECK(schema.collections[1].options.empty());
  CHECK(schema.hash.size() == 2 + 64);
}

TEST_CASE("the defaults of a policy") {
  const Schema schema = schema_of("");
  CHECK(schema.policy.not_honoured == Policy::NotHonoured::kFail);
  CHECK(schema.policy.newer == Policy::Newer::kOpen);
  CHECK(schema.policy.verify == Policy::Verify::kAfter);
  CHECK(schema.min_open == 1);
  CHECK(schema.collections.empty());
}
