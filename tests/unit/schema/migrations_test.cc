// [[seed]] and [[migration]]: each mistake with its place and sentence, what good input becomes, and what a checksum
// covers.
#include <filesystem>
#include <fstream>
#include <vector>

#include <unistd.h>

#include <fmt/format.h>

#include "schema/canonical.h"
#include "schema/fields.h"
#include "schema/migration_commands.h"
#include "text.h"

using namespace readygate;
using namespace readygate::schema;

namespace {

struct Case {
  std::string text;  // from line 6
  std::string mistakes;
};

// After "[[collection]]\nname = 'orders'\n", which are lines 4 and 5.
void check_all(const std::vector<Case>& cases) {
  for (const Case& each : cases) {
    CAPTURE(each.text);
    CHECK(mistakes_of("[[collection]]\nname = 'orders'\n" + each.text) == each.mistakes);
  }
}

Schema declared(const std::string& text) { return schema_of("[[collection]]\nname = 'orders'\n" + text); }

// A folder with one file in it, in which relative paths begin.
class Folder {
 public:
  explicit Folder(const std::string& content)
      : path_(std::filesystem::temp_directory_path() / fmt::format("readygate-migrations-{}", ::getpid())) {
    std::filesystem::create_directories(path_);
    std::ofstream(path_ / "file.json") << content;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  // What is wrong with it, its own path left out.
  std::string mistakes(const std::string& text) const {
    const auto schema =
        parse(std::string(kTestHead) + "[[collection]]\nname = 'orders'\n" + text, "s.toml", path_.string());
    if (schema) return "";
    std::string all = toml::to_string(schema.error());
    for (const std::string full = path_.string() + "/"; all.find(full) != std::string::npos;) {
      all.erase(all.find(full), full.size());
    }
    return all;
  }
  Schema schema(const std::string& text) const {
    auto schema = parse(std::string(kTestHead) + "[[collection]]\nname = 'orders'\n" + text, "s.toml", path_.string());
    REQUIRE(schema);
    return std::move(*schema);
  }

 private:
  std::filesystem::path path_;
};

constexpr const char* kBatch =
    "[[migration]]\nid = 'm'\n[migration.batch]\ncollection = 'orders'\nfilter = '{ \"a\": 1 }'\nupdate = '{ \"$set\": "
    "{ "
    "\"a\": 2 } }'\n";

// A batch with other values: lines 6 to 11.
std::string batch(const std::string& filter, const std::string& update, const std::string& more = {}) {
  return fmt::format(
      "[[migration]]\nid = 'm'\n[migration.batch]\ncollection = 'orders'\nfilter = '{}'\nupdate = '{}'\n{}", filter,
      update, more);
}

}  // namespace

TEST_CASE("what is wrong with a seed") {
  const std::string seed = "[[seed]]\ncollection = 'orders'\n";
  check_all({
      {"[[seed]]\ndocs = '[]'", "s.toml:6:1: \"seed.collection\" is missing: a collection that this schema declares\n"},
      {seed, "s.toml:6:1: a seed needs docs or docs_file: its documents\n"},
      {seed + "docs = '[{\"_id\":1}]'\ndocs_file = 'x'", "s.toml:6:1: seed.docs and docs_file exclude each other\n"},
      {"[[seed]]\ncollection = 'order'\ndocs = '[{\"_id\":1}]'",
       "s.toml:7:14: seed.collection names the collection \"order\", which this schema does not declare (did you mean "
       "\"orders\"?)\n"},
      {seed + "mode = 'insert'\ndocs = '[{\"_id\":1}]'",
       "s.toml:8:8: seed.mode must be \"insert_missing\", \"merge\" or \"replace\", not \"insert\"\n"},
      {seed + "docs = '{ \"_id\": 1 }'", "s.toml:8:8: seed.docs must be a JSON array: [ { … }, … ]\n"},
      {seed + "docs = '[]'", "s.toml:8:8: seed.docs must not be empty\n"},
      {seed + "docs = '[ 1 ]'", "s.toml:8:8: item 1 of seed.docs must be a JSON object\n"},
      {seed + "docs = '[ { \"_id\": 1 }, { \"a\": 1 } ]'",
       "s.toml:8:8: document 2 of seed.docs has no _id: with one made by the server, each apply would insert it "
       "again\n"},
      {seed + "docs = '[ { \"_id\": 1 }, { \"_id\": 2 }, { \"_id\": 1.0 } ]'",
       "s.toml:8:8: document 3 of seed.docs has the _id of document 1: 1.0\n"},
      {seed + "docs = '[ { \"_id\": [1] } ]'",
       "s.toml:8:8: document 1 of seed.docs has an _id of a type that the server does not take\n"},
      {seed + "docs = '[ { \"_id\": 1, \"a.b\": 1 } ]'",
       "s.toml:8:8: document 1 of seed.docs has the field \"a.b\": names with \"$\" at the beginning or a dot are not "
       "supported\n"},
      {seed + "mode = 'merge'\ndocs = '[ { \"_id\": 1 } ]'",
       "s.toml:9:8: document 1 of seed.docs has nothing to merge beside its _id\n"},
      {seed + "docs = '[{\"_id\":1}]'\n" + seed + "docs = '[{\"_id\":1}]'",
       "s.toml:9:1: the seed is the same as the one at s.toml:6:1\n"},
      {seed + "docs_file = 'nowhere.json'",
       "s.toml:8:13: the documents' file \"nowhere.json\" cannot be read: No such file or directory\n"},
  });
}

TEST_CASE("what is wrong with a migration") {
  check_all({
      {"[[migration]]\nid = 'm'", "s.toml:6:1: a migration needs [migration.batch] or commands_file: what it does\n"},
      {std::string("[[migration]]\ncommands_file = 'x'"),
       "s.toml:6:1: \"migration.id\" is missing: the name under which it is remembered, for ever: a-z, 0-9, \".\", "
       "\"_\" "
       "and \"-\", at most 64\n"},
      {"[[migration]]\nid = 'm'\ncommands_file = 'x'\n[migration.batch]\ncollection = 'orders'\nfilter = '{ \"a\": 1 "
       "}'\nupdate = '{ \"$unset\": { \"a\": 1 } }'",
       "s.toml:6:1: migration.batch and commands_file exclude each other\n"},
      {"[[migration]]\nid = 'A b'\n[migration.batch]\ncollection = 'orders'\nfilter = '{ \"a\": 1 }'\nupdate = '{ "
       "\"$unset\": { \"a\": 1 } }'",
       "s.toml:7:6: migration.id \"A b\" may hold only a-z, 0-9, \".\", \"_\" and \"-\"\n"},
      {"[[migration]]\nid = '" + std::string(65, 'a') + "'\ncommands_file = 'x'",
       "s.toml:7:6: migration.id must be from 1 to 64 bytes long, not 65\n"},
      {std::string(kBatch) + kBatch, "s.toml:13:6: the migration \"m\" is declared twice; first at s.toml:7:6\n"},
      {"[[migration]]\nid = 'm'\nphase = 'post'\non_crash = 'abort'\n[migration.batch]\ncolection = 'orders'",
       "s.toml:8:9: migration.phase must be \"pre\" or \"background\", not \"post\"\n"
       "s.toml:9:12: migration.on_crash must be \"resume\", \"retry\" or \"manual\", not \"abort\"\n"
       "s.toml:10:1: \"migration.batch.collection\" is missing: a collection that this schema declares\n"
       "s.toml:10:1: \"migration.batch.filter\" is missing: Extended JSON: which documents are still to be changed; "
       "not "
       "empty\n"
       "s.toml:10:1: \"migration.batch.update\" is missing: Extended JSON: an object of update operators, or an array: "
       "the stages of a pipeline\n"
       "s.toml:11:1: unknown key \"migration.batch.colection\" (did you mean \"collection\"?)\n"},
      {batch("{ \"a\": 1 }", "{ \"$set\": { \"a\": 2 } }", "size = 0"),
       "s.toml:12:8: migration.batch.size must be from 1 to 10000 documents, not 0\n"},
      {batch("{ \"a\": 1 }", "{ \"$set\": { \"a\": 2 } }", "size = 10001"),
       "s.toml:12:8: migration.batch.size must be from 1 to 10000 documents, not 10001\n"},
      {batch("{}", "{ \"$set\": { \"a\": 2 } }"),
       "s.toml:10:10: migration.batch.filter must not be empty: it says which documents are still to be changed, such "
       "as { \"state\": { \"$exists\": false } }\n"},
      {batch("[ { \"a\": 1 } ]", "{ \"$set\": { \"a\": 2 } }"),
       "s.toml:10:10: migration.batch.filter must be a JSON object, not an array\n"},
      {batch("{ \"a\": 1 }", "{}"), "s.toml:11:10: migration.batch.update must not be empty\n"},
      {batch("{ \"a\": 1 }", "[]"), "s.toml:11:10: migration.batch.update must not be empty\n"},
      {batch("{ \"a\": 1 }", "{ \"a\": 2 }"),
       "s.toml:11:10: migration.batch.update has \"a\", which is no update operator: write { \"$set\": { … } }\n"},
      {batch("{ \"a\": 1 }", "{ \"$sett\": { \"a\": 2 } }"),
       "s.toml:11:10: migration.batch.update has \"$sett\", which is no update operator (did you mean \"$set\"?)\n"},
      {batch("{ \"a\": 1 }", "[ { \"$match\": { \"a\": 2 } } ]"),
       "s.toml:11:10: stage 1 of migration.batch.update must have one key, one of $set, $addFields, $unset, $project, "
       "$replaceRoot, $replaceWith\n"},
      {"[[migration]]\nid = 'm'\n[migration.batch]\ncollection = 'users'\nfilter = '{ \"a\": 1 }'\nupdate = '{ "
       "\"$unset\": { \"a\": 1 } }'",
       "s.toml:9:14: migration.batch.collection names the collection \"users\", which this schema does not declare\n"},
      {std::string("[[migration]]\nid = 'm'\npause = '2h'\nmax_time = '3'\ncommands_file = 'x'"),
       "s.toml:8:9: migration.pause must be from 0s to 1h, not \"2h\"\n"
       "s.toml:9:12: migration.max_time must be a duration like \"30s\" (units ms, s, m, h; at most 10000h), not "
       "\"3\"\n"},
  });
}

TEST_CASE("mistakes in a file of its own have their place there") {
  const std::string seed = "[[seed]]\ncollection = 'orders'\ndocs_file = 'file.json'";
  CHECK(Folder("[\n  { \"_id\": 1 },\n  { \"a\": \"\\\"], {\" }, { \"_id\": 1 } ]").mistakes(seed) ==
        "file.json:3:3: document 2 of the documents' file has no _id: with one made by the server, each apply would "
        "insert it again\n"
        "file.json:3:22: document 3 of the documents' file has the _id of document 1: 1\n");
  CHECK(Folder("[\n  { \"_id\": 1 },\n  { \"_id\": nul } ]").mistakes(seed).starts_with("file.json:3:1"));
  CHECK(Folder("{ \"_id\": 1 }").mistakes(seed) ==
        "file.json:1:1: the documents' file must be a JSON array: [ { … }, … ]\n");
  CHECK(Folder("[ {\"_id\":1}, 2, [3] ]").mistakes(seed) ==
        "file.json:1:14: item 2 of the documents' file must be a JSON object\n"
        "file.json:1:17: item 3 of the documents' file must be a JSON object\n");
  CHECK(Folder("[ {\"_id\": [1, 2]}, {\"_id\": {\"a\": 1}} ]").mistakes(seed) ==
        "file.json:1:3: document 1 of the documents' file has an _id of a type that the server does not take\n");
}

TEST_CASE("commands: those that change documents, and no others") {
  const auto wrong = [](const std::string& command) {
    return Folder("[ " + command + " ]").mistakes("[[migration]]\nid = 'm'\ncommands_file = 'file.json'");
  };
  const auto at = [](const std::string& what) { return "file.json:1:3: command 1 " + what + "\n"; };
  CHECK(wrong(R"({ "insert": "orders", "documents": [ { "_id": 1 } ] })") == "");
  CHECK(wrong(R"({ "update": "orders", "updates": [ { "q": { "a": 1 }, "u": { "$set": { "a": 2 } } } ] })") == "");
  CHECK(wrong(R"({ "delete": "orders", "deletes": [ { "q": { "a": 1 }, "limit": 0 } ] })") == "");
  CHECK(wrong(R"({ "findAndModify": "orders", "query": { "a": 1 }, "remove": true })") == "");
  CHECK(wrong(R"({ "aggregate": "orders", "pipeline": [ { "$merge": "orders" } ] })") == "");
  CHECK(wrong(R"({ "aggregate": "orders", "pipeline": [ { "$merge": { "into": "orders" } } ] })") == "");

  CHECK(wrong("{ \"drop\": \"orders\" }") ==
        at("must not be \"drop\": do that by hand, when no version of the application needs it any more"));
  CHECK(wrong("{ \"renameCollection\": \"db.orders\", \"to\": \"db.x\" }") ==
        at("must not be \"renameCollection\": copy with aggregate and $merge, so that the version before keeps its "
           "collection; drop it later"));
  CHECK(wrong("{ \"createIndexes\": \"orders\" }") ==
        at("must not be \"createIndexes\": declare it in the schema file, where it is compared and verified"));
  for (const RefusedCommand& refused : refused_commands()) {
    CHECK(wrong(fmt::format("{{ \"{}\": \"orders\" }}", refused.name)) ==
          at(fmt::format("must not be \"{}\": {}", refused.name, refused.instead)));
  }
  CHECK(wrong("{ \"updat\": \"orders\" }") ==
        at("begins with \"updat\", which is none of the commands of a migration (did you mean \"update\"?): insert, "
           "update, delete, findAndModify, aggregate"));
  CHECK(wrong("{}") == at("must not be empty: its first field is the command's name"));
  CHECK(wrong("{ \"insert\": 1 }") == at("must give \"insert\" the name of a collection"));
  CHECK(wrong("{ \"insert\": \"order\" }") ==
        at("names the collection \"order\", which this schema does not declare (did you mean \"orders\"?)"));
  CHECK(wrong(R"({ "insert": "orders", "writeConcern": { "w": 0 } })") ==
        at("must not hold \"writeConcern\": readygate sets it"));
  CHECK(wrong(R"({ "aggregate": "orders", "pipeline": [ { "$match": { "a": 1 } } ] })") ==
        at("must end in a $merge stage: an aggregation that only reads changes nothing"));
  CHECK(wrong(R"({ "aggregate": "orders", "pipeline": [] })") ==
        at("must end in a $merge stage: an aggregation that only reads changes nothing"));
  CHECK(wrong(R"({ "aggregate": "orders", "pipeline": [ { "$out": "orders" } ] })") ==
        at("must not use $out, which replaces a whole collection; use $merge"));
  CHECK(wrong(R"({ "aggregate": "orders", "pipeline": [ { "$merge": "other" } ] })") ==
        at("names the collection \"other\", which this schema does not declare"));
  CHECK(wrong(R"({ "aggregate": "orders", "pipeline": [ { "$merge": { "into": { "db": "x", "coll": "y" } } } ] })") ==
        at("must name the collection of $merge as a string: it is one of this schema's database"));
  CHECK(Folder("[]").mistakes("[[migration]]\nid = 'm'\ncommands_file = 'file.json'") ==
        "file.json:1:1: the commands' file must not be empty\n");
}

TEST_CASE("what good input becomes") {
  const Schema schema = declared(
      "[[seed]]\ncollection = 'orders'\nmode = 'replace'\ndocs = '[ { \"_id\": 2 }, { \"_id\": 1 } ]'\n"
      "[[migration]]\nid = '0002.b_c-d'\nphase = 'background'\non_crash = 'manual'\npause = '250ms'\nmax_time = '1m'\n"
      "[migration.batch]\ncollection = 'orders'\nsize = 7\nfilter = '{ \"a\": 1 }'\nupdate = '[ { \"$set\": { \"a\": 2 "
      "} "
      "}, { \"$unset\": \"b\" } ]'\n" +
      std::string(kBatch));
  REQUIRE(schema.seeds.size() == 1);
  CHECK(schema.seeds[0].mode == Seed::Mode::kReplace);
  CHECK(schema.seeds[0].docs.size() == 2);
  CHECK(schema.seeds[0].docs[0].to_json() == "{ \"_id\" : 2 }");
  REQUIRE(schema.migrations.size() == 2);
  const Migration& first = schema.migrations[0];
  CHECK(first.id == "0002.b_c-d");
  CHECK(first.phase == Migration::Phase::kBackground);
  CHECK(first.on_crash == Migration::OnCrash::kManual);
  CHECK(first.pause == Millis(250));
  CHECK(first.max_time == Millis(60'000));
  REQUIRE(first.batch());
  CHECK(first.batch()->size == 7);
  CHECK(first.batch()->pipeline);
  CHECK(first.batch()->update.to_json() == R"({ "0" : { "$set" : { "a" : 2 } }, "1" : { "$unset" : "b" } })");
  const Migration& second = schema.migrations[1];
  CHECK(second.phase == Migration::Phase::kPre);
  CHECK(second.on_crash == Migration::OnCrash::kResume);
  CHECK(second.batch()->size == 500);
  CHECK_FALSE(second.batch()->pipeline);

  const Schema listed = Folder(R"([ { "insert": "orders", "documents": [] }, { "delete": "orders", "deletes": [] } ])")
                            .schema("[[migration]]\nid = 'm'\ncommands_file = 'file.json'");
  REQUIRE(listed.migrations[0].commands());
  CHECK(listed.migrations[0].commands()->commands.size() == 2);
}

TEST_CASE("a checksum is of the content: what is stored, and not how it is done") {
  const auto migration = [](const std::string& text) { return declared(text).migrations.at(0).checksum; };
  const std::string sum = migration(kBatch);
  // sha256 of the text that checksum_of writes, computed elsewhere.
  CHECK(sum == "1:9cfadf43a25f700b34b23f2db96412a4a22d40b0c386a0684feb8f02cbdf09de");
  CHECK(migration(std::string(kBatch) + "size = 3") == sum);
  CHECK(migration("[[migration]]\nid = 'n'\nphase = 'background'\non_crash = 'retry'\npause = '1s'\nmax_time = '1s'\n" +
                  std::string(kBatch).substr(23)) == sum);
  CHECK(migration(batch("{ \"a\": 1.0 }", "{ \"$set\": { \"a\": 2 } }")) != sum);
  CHECK(migration(batch("{ \"a\": 1 }", "{ \"$set\": { \"a\": 2.0 } }")) != sum);
  CHECK(migration(batch("{ \"a\": 1 }", "{ \"$set\": { \"a\": 2, \"b\": 1 } }")) !=
        migration(batch("{ \"a\": 1 }", "{ \"$set\": { \"b\": 1, \"a\": 2 } }")));
  CHECK(migration(batch("{ \"a\": 1 }", "[ { \"$set\": { \"a\": 2 } } ]")) != sum);

  const auto seed = [](const std::string& mode, const std::string& docs) {
    return declared("[[seed]]\ncollection = 'orders'\nmode = '" + mode + "'\ndocs = '" + docs + "'")
        .seeds.at(0)
        .checksum;
  };
  CHECK(seed("merge", "[{\"_id\":1,\"a\":1}]") == seed("merge", "[ { \"_id\" : 1, \"a\" : 1 } ]"));
  CHECK(seed("merge", "[{\"_id\":1,\"a\":1}]") != seed("replace", "[{\"_id\":1,\"a\":1}]"));
  CHECK(seed("merge", "[{\"_id\":1,\"a\":1}]") != seed("merge", "[{\"_id\":1,\"a\":2}]"));
}

TEST_CASE("the schema's hash covers seeds and migrations, and is as it was without them") {
  const std::string plain = declared("").hash;
  CHECK(canonical_text(declared("")).ends_with("]\n"));
  CHECK(declared(kBatch).hash != plain);
  CHECK(declared("[[seed]]\ncollection = 'orders'\ndocs = '[{\"_id\":1}]'").hash != plain);
  CHECK(declared(std::string(kBatch) + "size = 3").hash == declared(kBatch).hash);
  const std::string other = "[[migration]]\nid = 'z'\n" + std::string(kBatch).substr(23);
  CHECK(declared(kBatch + other).hash != declared(other + kBatch).hash);
}

TEST_CASE("while a file of the folder cannot be read, collections may be declared there") {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / fmt::format("readygate-migrations-folder-{}", ::getpid());
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "a.toml") << kTestHead << "[[seed]]\ncollection = 'later'\ndocs = '[{\"_id\":1}]'\n";
  std::ofstream(folder / "b.toml") << "[[collection]\n";
  const auto schema = load(folder.string());
  REQUIRE_FALSE(schema);
  CHECK(schema.error().size() == 1);
  std::filesystem::remove_all(folder);
}
