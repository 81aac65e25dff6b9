// Files and folders: merging, places in several files, what cannot be read, and the files that are shipped.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include <sys/stat.h>

#include "schema/options.h"
#include "text.h"

using namespace readygate;
using namespace readygate::schema;

namespace {

class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "readygate-load-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string path() const { return path_.string(); }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  void write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name) << text;
  }

  // load(), with the folder's name taken out of the mistakes.
  std::string wrong(const std::string& name = "") const {
    const auto schema = load(name.empty() ? path() : *this / name);
    if (schema) return "";
    std::string text = toml::to_string(schema.error());
    for (std::size_t at; (at = text.find(path())) != std::string::npos;) text.replace(at, path().size(), "DIR");
    return text;
  }

 private:
  std::filesystem::path path_;
};

const std::string kHead = "schema = 'a'\ndatabase = 'b'\nversion = 1\n";

}  // namespace

TEST_CASE("a folder's files are merged") {
  const Folder folder;
  folder.write("10-head.toml", kHead + "[[collection]]\nname = 'one'\n");
  folder.write("20-more.toml", "[[collection]]\nname = 'two'\nvalidator_file = 'v/two.json'\n");
  folder.write("v/two.json", "{ \"x\": { \"$gt\": 1 } }");
  folder.write("README.md", "not TOML [");
  folder.write(".hidden.toml", "not TOML [");
  const auto schema = load(folder.path());
  REQUIRE(schema);
  REQUIRE(schema->collections.size() == 2);
  CHECK(schema->collections[1].name == "two");
  CHECK(schema->collections[1].options.has("validator"));

  SUBCASE("as one file would be") {
    folder.write("one/all.toml", kHead +
                                     "[[collection]]\nname = 'two'\nvalidator = '{ \"x\": { \"$gt\": 1 } }'\n"
                                     "[[collection]]\nname = 'one'\n");
    const auto same = load(folder / "one/all.toml");
    REQUIRE(same);
    CHECK(same->hash == schema->hash);
  }
  SUBCASE("as Kubernetes mounts them") {
    const Folder mount;
    mount.write("..2026_01_01/schema.toml", kHead);
    std::filesystem::create_directory_symlink("..2026_01_01", mount / "..data");
    std::filesystem::create_symlink("..data/schema.toml", mount / "schema.toml");
    CHECK(load(mount.path()));
  }
}

TEST_CASE("a name that two files declare has both places") {
  const Folder folder;
  folder.write("a.toml", kHead + "[[collection]]\nname = 'x'\n");
  folder.write("b.toml", "\n[[collection]]\nname = 'x'\n");
  CHECK(folder.wrong() == "DIR/b.toml:3:8: the collection \"x\" is declared twice; first at DIR/a.toml:5:8\n");
}

TEST_CASE("exactly one head") {
  const Folder folder;
  folder.write("a.toml", kHead);
  folder.write("b.toml", "[policy]\nnewer = 'fail'\n");
  CHECK(folder.wrong() ==
        "DIR/b.toml:1:2: schema, database, version, min_open and [policy] belong in one file, and DIR/a.toml has them: "
        "DIR/a.toml:1:1\n");
  folder.write("a.toml", "");
  CHECK(folder.wrong().find("DIR/b.toml: \"schema\" is missing") == 0);
  folder.write("b.toml", "");
  CHECK(folder.wrong().find("DIR/a.toml: \"schema\" is missing") == 0);
}

TEST_CASE("a broken file does not hide the mistakes of the others, nor is its head missed") {
  const Folder folder;
  folder.write("a.toml", kHead + "oops =");
  folder.write("b.toml", "[[collection]]\nname = ''\n");
  const std::string wrong = folder.wrong();
  CHECK(wrong.find("DIR/a.toml:4:") == 0);
  CHECK(wrong.find("DIR/b.toml:2:8: collection.name \"\" must not be empty\n") != std::string::npos);
  CHECK(wrong.find("missing") == std::string::npos);
}

TEST_CASE("what cannot be read") {
  const Folder folder;
  CHECK(folder.wrong() == "DIR: the folder holds no *.toml file\n");
  CHECK(folder.wrong("no.toml") ==
        "DIR/no.toml: the schema file \"DIR/no.toml\" cannot be read: No such file or directory\n");
  REQUIRE(::mkfifo((folder / "pipe.toml").c_str(), 0600) == 0);
  CHECK(folder.wrong("pipe.toml") ==
        "DIR/pipe.toml: the schema file \"DIR/pipe.toml\" cannot be read: it is not a file\n");
  const auto missing = load(folder / "no.toml");
  REQUIRE(!missing);
  CHECK(missing.error().front().reason == Reason::kFileUnreadable);
}

TEST_CASE("a mistake in a validator file is placed in that file") {
  const Folder folder;
  folder.write("s.toml", kHead + "[[collection]]\nname = 'x'\nvalidator_file = 'v.json'\n");
  folder.write("v.json", "{\n  \"a\": 1,\n  \"b\": }\n");
  CHECK(folder.wrong("s.toml") ==
        "DIR/v.json:3:8: the validator is not Extended JSON: Got parse error at \"}\", position 19: "
        "\"VALUE_EXPECTED\"\n");
  folder.write("v.json", "{ \"a\": 1, \"a\": 2 }");
  CHECK(folder.wrong("s.toml") == "DIR/v.json: the validator is not Extended JSON: the field \"a\" is given twice\n");
  folder.write("v.json", "[]");
  CHECK(folder.wrong("s.toml") == "DIR/v.json: the validator must be a JSON object, not an array\n");
}

TEST_CASE("every key has an example that is taken") {
  const auto taken = [](const std::string& lines, const toml::Key& key) {
    CAPTURE(key.name);
    CAPTURE(key.example);
    CHECK(!key.example.empty());
    CHECK(mistakes_of(lines + std::string(key.name) + " = " + std::string(key.example) + "\n") == "");
  };
  const std::string collection = "[[collection]]\nname = 'c'\n";
  for (const toml::Key& key : kCollectionKeys) {
    if (key.name == "index" || key.name.ends_with("_file")) continue;
    const std::string with = key.name == "validation"     ? collection + "validator = '{ \"a\": 1 }'\n"
                             : key.name == "expire_after" ? collection + "timeseries = { time_field = 't' }\n"
                             : key.name == "name"         ? "[[collection]]\n"
                                                          : collection;
    taken(with, key);
    for (const toml::Key& inner : key.keys) {
      CAPTURE(inner.name);
      CHECK(mistakes_of(with + std::string(key.name) + " = " + std::string(inner.example) + "\n") == "");
    }
  }
  const std::string index = collection + "[[collection.index]]\n";
  for (const toml::Key& key : kIndexKeys) {
    const auto option = std::find_if(kIndexOptions.begin(), kIndexOptions.end(),
                                     [&](const IndexOption& each) { return each.key.name == key.name; });
    std::string with = index + "key = [['a', 1]]\n";
    if (key.name == "key") with = index;
    if (option != kIndexOptions.end() && !has(option->kinds, IndexKind::kPlain)) {
      with = index + (has(option->kinds, IndexKind::kText)       ? "key = [['title', 'text']]\n"
                      : has(option->kinds, IndexKind::k2d)       ? "key = [['a', '2d']]\n"
                      : has(option->kinds, IndexKind::k2dsphere) ? "key = [['a', '2dsphere']]\n"
                                                                 : "key = [['$**', 1]]\n");
    }
    taken(with, key);
  }
  for (const toml::Key& key : kViewKeys) {
    taken(
        std::string("[[view]]\n") + (key.name == "name" ? "" : "name = 'v'\n") + (key.name == "on" ? "" : "on = 'c'\n"),
        key);
  }
}

TEST_CASE("the files that are shipped") {
  const std::string root = READYGATE_SOURCE_DIR;
  const auto example = load(root + "/config/schema.example.toml");
  INFO((example ? std::string() : toml::to_string(example.error())));
  REQUIRE(example);
  CHECK(example->collections.size() == 7);
  CHECK(example->views.size() == 1);
  const auto rebalancer = load(root + "/examples/rebalancer/schema.toml");
  INFO((rebalancer ? std::string() : toml::to_string(rebalancer.error())));
  REQUIRE(rebalancer);
  CHECK(rebalancer->collections.size() == 2);
}
