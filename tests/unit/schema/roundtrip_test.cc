// The rule that holds for every option: a second plan right after an apply is empty.
#include <string>
#include <vector>

#include "catalog_model.h"
#include "schema/fields.h"
#include "schema/options.h"
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
};

const std::vector<std::string> kCollections = {
    "",
    "validator = '{ \"a\": { \"$gt\": 1 } }'",
    "validator = '{ \"$jsonSchema\": { \"required\": [\"a\"] } }'\nvalidation = { level = 'moderate', action = 'warn' "
    "}",
    "validator = '{ \"a\": 1 }'\nvalidation = { level = 'off' }",
};

std::string shown(const Plan& plan) { return render_text(plan, Colour::kOff); }

void round_trip(const Schema& schema, Product product) {
  CatalogModel model(product);
  const Plan first = diff(schema, model.read());
  REQUIRE(!first.empty());
  CHECK(first.first(FindingKind::kConflict) == nullptr);
  for (const Step& step : first.steps) model.apply(step);
  const Plan second = diff(schema, model.read());
  CAPTURE(shown(first));
  CAPTURE(shown(second));
  CHECK(second.empty());
  CHECK(second.first(FindingKind::kConflict) == nullptr);
  CHECK(second.first(FindingKind::kExtraIndex) == nullptr);
}

}  // namespace

TEST_CASE("a second plan after an apply is empty, for every option") {
  for (const Product product : {Product::kMongodb, Product::kFerretdb}) {
    for (const std::string& options : kCollections) {
      for (const std::string& index : kIndexes) {
        CAPTURE(options);
        CAPTURE(index);
        round_trip(schema_of("[[collection]]\nname = 'c'\n" + options + "\n[[collection.index]]\n" + index + "\n"),
                   product);
      }
    }
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
}

TEST_CASE("from any of the indexes to any other of the same name: settled after one apply, or a conflict") {
  for (const std::string& before : kIndexes) {
    for (const std::string& after : kIndexes) {
      const std::string begin = "[[collection]]\nname = 'c'\n[[collection.index]]\nname = 'i'\n";
      CatalogModel model(Product::kMongodb);
      for (const Step& step : diff(schema_of(begin + before + "\n"), model.read()).steps) model.apply(step);
      const Schema next = schema_of(begin + after + "\n");
      const Plan plan = diff(next, model.read());
      for (const Step& step : plan.steps) model.apply(step);
      CAPTURE(before);
      CAPTURE(after);
      const Plan again = diff(next, model.read());
      CHECK(again.empty());
      CHECK((again.first(FindingKind::kConflict) == nullptr) == (plan.first(FindingKind::kConflict) == nullptr));
    }
  }
}
