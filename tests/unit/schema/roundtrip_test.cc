// The rule that holds for every option: a second plan right after an apply is empty.
#include <algorithm>
#include <cstddef>
#include <random>
#include <string>
#include <vector>

#include "catalog_model.h"
#include "import_check.h"
#include "schema/fields.h"
#include "schema/options.h"
#include "scripted_catalog.h"
#include "text.h"

using namespace readygate;
using namespace readygate::schema;

namespace {

// Each option of the table at least once, in every kind that takes it.
const std::vector<std::string> kIndexes = {
    "key = [['a', 1]]",
    "key = [['a', -1], ['b.c', 1]]",
    "key = [['a', 1]]\nunique = true",
    "key = [['a', 1]]\nsparse = true",
    "key = [['a', 1]]\nunique = true\nsparse = true",
    "key = [['a', 1]]\npartial = '{ \"a\": { \"$type\": \"string\" }, \"n\": { \"$gte\": 3 } }'",
    "key = [['a', 1]]\nunique = true\npartial = '{ \"a\": { \"$exists\": true } }'",
    "key = [['a', 1]]\nexpire_after = '0s'",
    "key = [['a', 1]]\nexpire_after = 2147483647",
    "key = [['a', 1]]\nexpire_after = '90m'\npartial = '{ \"n\": 1 }'",
    "key = [['a', 'hashed']]",
    "key = [['a', 'hashed'], ['b', 1]]\nsparse = true",
    "key = [['a', 'text']]",
    "key = [['z', 'text'], ['a', 'text']]\nweights = { z = 3 }",
    "key = [['x', 1], ['z', 'text'], ['a', 'text'], ['y', 1]]\nweights = { z = 1, a = 99999 }\n"
    "default_language = 'none'\nlanguage_override = 'lang'",
    "key = [['$**', 'text']]",
    "key = [['a', 'text']]\ndefault_language = 'english'\nlanguage_override = 'language'\npartial = '{ \"n\": 1 }'",
    "key = [['g', '2dsphere']]",
    "key = [['g', '2dsphere'], ['h', '2dsphere'], ['a', -1]]\npartial = '{ \"n\": 1 }'",
    "key = [['g', '2d']]",
    "key = [['g', '2d'], ['a', 1]]\nbits = 20\nmin = -90\nmax = 90.5",
    "key = [['g', '2d']]\nbits = 26\nmin = -180\nmax = 180",
    "key = [['$**', 1]]",
    "key = [['a.$**', -1]]",
    "key = [['$**', 1]]\nwildcard_projection = '{ \"a\": 1, \"b.c\": 1 }'",
    "key = [['$**', 1]]\nwildcard_projection = '{ \"a\": { \"b\": 0 } }'",
    "key = [['$**', 1]]\nwildcard_projection = '{ \"_id\": 1, \"a\": 0 }'",
    "key = [['q', 1], ['$**', 1]]\nwildcard_projection = '{ \"q\": 0 }'",
    "key = [['_id', 'hashed']]",
    "key = [['a', 1]]\nhidden = false\nunique = false\nsparse = false",
    "key = [['a', 1]]\nhidden = true\nexpire_after = 5",
    "key = [['a', 1]]\ncollation = { locale = 'simple' }",
    "key = [['a', 1]]\ncollation = { locale = 'en' }",
    "key = [['a', 'hashed']]\ncollation = { locale = 'fr', strength = 1, case_level = true, case_first = 'upper', "
    "numeric_ordering = true, alternate = 'shifted', max_variable = 'space', normalization = true, backwards = true }",
    "key = [['a', 1]]\ncollation = { locale = 'en', strength = 3, case_level = false, max_variable = 'punct' }",
    "key = [['a', 'text']]\ntext_version = 2",
    "key = [['g', '2dsphere']]\nsphere_version = 2",
    "key = [['a', 1]]\nstorage_engine = '{ \"wiredTiger\": { \"configString\": \"prefix_compression=true\" } }'",
};

const std::vector<std::string> kCollections = {
    "",
    "validator = '{ \"a\": { \"$gt\": 1 } }'",
    "validator = '{ \"$jsonSchema\": { \"required\": [\"a\"] } }'\nvalidation = { level = 'moderate', action = 'warn' "
    "}",
    "validator = '{ \"a\": 1 }'\nvalidation = { level = 'off' }",
    "validator = '{ \"a\": 1 }'\nvalidation = { action = 'errorAndLog' }",
};

// With the indexes above only where these can have them: what only a MongoDB has.
const std::vector<std::string> kMongodbCollections = {
    "capped = { size = 1 }",
    "capped = { size = 100000, max = 10 }",
    "collation = { locale = 'en' }",
    "collation = { locale = 'da', strength = 1, case_level = true }",
    "clustered = true\nexpire_after = '1h'\npre_images = true",
    "clustered = { name = 'by_id' }",
    "clustered = false\npre_images = false",
    "pre_images = true\nvalidator = '{ \"a\": 1 }'",
    "validator = '{ \"a\": 1 }'\nvalidation = { level = 'constraint' }",
    "validator = '{ \"a\": 1 }'\nvalidation = { level = 'constraint', action = 'errorAndLog' }",
    "storage_engine = '{ \"wiredTiger\": { \"configString\": \"block_compressor=zstd\" } }'",
    "index_storage_engine = '{ \"wiredTiger\": { \"configString\": \"prefix_compression=true\" } }'",
};

const std::vector<std::string> kTimeseries = {
    "timeseries = { time_field = 't' }",
    "timeseries = { time_field = 't', meta_field = 'm', granularity = 'seconds' }",
    "timeseries = { time_field = 't', meta_field = 'm', granularity = 'hours' }\nexpire_after = 3600",
    "timeseries = { time_field = 't', bucket_span = '5m' }\ncollation = { locale = 'en' }",
};

// No index may be on what is encrypted, or delete documents.
const std::string kEncrypted =
    "encrypted_fields = '{ \"fields\": ["
    " { \"path\": \"ssn\", \"keyId\": { \"$uuid\": \"7a4d1c9e-3b52-4f0e-9c1d-5e8b6f2a0d13\" },"
    " \"bsonType\": \"string\", \"queries\": [ { \"queryType\": \"equality\" } ] },"
    " { \"path\": \"bill.sum\", \"keyId\": { \"$uuid\": \"0f3b8a52-6d1e-4c7a-8b90-2e4d6f8a1c35\" },"
    " \"bsonType\": \"double\", \"queries\": { \"queryType\": \"range\", \"contention\": 4, \"sparsity\": 2,"
    " \"trimFactor\": 1, \"min\": 0, \"max\": 99.5, \"precision\": 1 } },"
    " { \"path\": \"age\", \"keyId\": { \"$uuid\": \"1f3b8a52-6d1e-4c7a-8b90-2e4d6f8a1c35\" },"
    " \"bsonType\": \"long\", \"queries\": { \"queryType\": \"range\", \"min\": 0, \"max\": 5000000000 } },"
    " { \"path\": \"note\", \"keyId\": { \"$uuid\": \"2f3b8a52-6d1e-4c7a-8b90-2e4d6f8a1c35\" } } ] }'";

std::string shown(const Plan& plan) { return render_text(plan, Colour::kOff); }

void apply(CatalogModel& model, const Step& step) { model.apply(step); }
void apply(ScriptedCatalog& model, const Step& step) {
  CAPTURE(step.command.to_json());
  CHECK(model.run(step) == "");
}

template <typename Model>
void round_trip(const Schema& schema, Model model) {
  const Plan first = diff(schema, model.read());
  REQUIRE(!first.empty());
  CHECK(first.first(FindingKind::kConflict) == nullptr);
  for (const Step& step : first.steps) apply(model, step);
  const Plan second = diff(schema, model.read());
  CHECK(second.withheld.empty());
  CAPTURE(shown(first));
  CAPTURE(shown(second));
  CHECK(second.empty());
  CHECK(second.first(FindingKind::kConflict) == nullptr);
  CHECK(second.first(FindingKind::kExtraIndex) == nullptr);
  check_import(schema, model.read());
}

}  // namespace

TEST_CASE("a second plan after an apply is empty, for every option") {
  for (const Product product : {Product::kMongodb, Product::kFerretdb}) {
    for (const std::string& options : kCollections) {
      for (const std::string& index : kIndexes) {
        CAPTURE(options);
        CAPTURE(index);
        round_trip(schema_of("[[collection]]\nname = 'c'\n" + options + "\n[[collection.index]]\n" + index + "\n"),
                   CatalogModel(product));
      }
    }
  }
}

TEST_CASE("the same on the scripted server, with what only a MongoDB has") {
  const ScriptedCatalog empty({"mongodb", "9.0.1", "replicaset"});
  const auto trip = [&](const std::string& options, const std::string& index) {
    CAPTURE(options);
    CAPTURE(index);
    round_trip(schema_of("[[collection]]\nname = 'c'\n" + options + "\n[[collection.index]]\n" + index + "\n"), empty);
  };
  for (const std::string& index : kIndexes) {
    for (const std::string& options : kCollections) trip(options, index);
    for (const std::string& options : kMongodbCollections) trip(options, index);
  }
  for (const std::string& options : kTimeseries) trip(options, "key = [['m.id', 1], ['t', -1]]");
  for (const std::string more : {"", "\ncollation = { locale = 'en' }", "\nvalidator = '{ \"n\": 1 }'"}) {
    trip(kEncrypted + more, "key = [['n', 1]]\nunique = true");
  }
  for (const std::string pipeline : {"[]", R"([ { "$match": { "b": { "$gt": 1.0 }, "a": 1 } }, { "$limit": 3 } ])"}) {
    round_trip(schema_of("[[view]]\nname = 'v'\non = 'c'\npipeline = '" + pipeline +
                         "'\n[[view]]\nname = 'w'\non = 'v'\n" + "collation = { locale = 'en' }\n"),
               empty);
  }
}

TEST_CASE("no option of the table is left out of the round trip") {
  for (const IndexOption& option : kIndexOptions) {
    bool used = false;
    for (const std::string& index : kIndexes) {
      used = used || index.find("\n" + std::string(option.key.name) + " = ") != std::string::npos;
    }
    CAPTURE(option.key.name);
    CHECK(used);
  }
  const auto written = [](const std::vector<std::string>& all, const toml::Key& key) {
    return std::any_of(all.begin(), all.end(), [&](const std::string& text) {
      return ("\n" + text).find("\n" + std::string(key.name) + " = ") != std::string::npos;
    });
  };
  for (const toml::Key& key : kCollectionKeys) {
    CAPTURE(key.name);
    if (key.name == "name" || key.name == "index" || key.name.ends_with("_file")) continue;
    CHECK((written(kCollections, key) || written(kMongodbCollections, key) || written(kTimeseries, key) ||
           written({kEncrypted}, key)));
  }
}

TEST_CASE("from any of the indexes to any other of the same name: settled after one apply, or a conflict") {
  const std::string begin = "[[collection]]\nname = 'c'\n[[collection.index]]\nname = 'i'\n";
  for (const std::string& before : kIndexes) {
    ScriptedCatalog start({"mongodb", "9.0.1", "replicaset"});
    for (const Step& step : diff(schema_of(begin + before + "\n"), start.read()).steps) apply(start, step);
    for (const std::string& after : kIndexes) {
      for (const bool free : {false, true}) {
        CAPTURE(before);
        CAPTURE(after);
        CAPTURE(free);
        ScriptedCatalog model = start;
        const std::string policy = free ? "[policy]\nconflict = 'replace'\ncontract = 'apply'\n" : "";
        const Schema next = schema_of(policy + begin + after + "\n");
        const Plan plan = diff(next, model.read());
        for (const Step& step : plan.steps) apply(model, step);
        const Plan again = diff(next, model.read());
        CHECK(again.empty());
        CHECK((again.first(FindingKind::kConflict) == nullptr) == (plan.first(FindingKind::kConflict) == nullptr));
        CHECK(again.withheld.size() == plan.withheld.size());
        if (free) CHECK((plan.withheld.empty() && plan.first(FindingKind::kConflict) == nullptr));
      }
    }
  }
}

TEST_CASE("schemas of many collections and indexes come back from a catalog as they were") {
  std::mt19937 random(7);
  const auto one_of = [&](const std::vector<std::string>& all) { return all[random() % all.size()]; };
  int tried = 0;
  while (tried < 150) {
    std::string text;
    for (std::size_t c = 0; c < 1 + random() % 4; ++c) {
      text += "[[collection]]\nname = 'c" + std::to_string(c) + "'\n";
      text += one_of(random() % 2 == 0 ? kCollections : kMongodbCollections) + "\n";
      for (std::size_t i = 0; i < random() % 5; ++i) {
        text += "[[collection.index]]\nname = 'i" + std::to_string(i) + "'\n" + one_of(kIndexes) + "\n";
      }
    }
    const auto schema = parse(std::string(kTestHead) + text, "s.toml", "");
    if (!schema) continue;  // two of its indexes exclude each other
    ++tried;
    CAPTURE(text);
    round_trip(*schema, ScriptedCatalog({"mongodb", "9.0.1", "replicaset"}));
  }
}
