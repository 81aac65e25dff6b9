// The input is a chain of BSON documents: the first is an entry of listCollections, the others are entries of
// listIndexes.
#include <cstdint>
#include <string>
#include <vector>

#include "expect.h"
#include "plain_json.h"
#include "schema/catalog.h"
#include "schema/normalise.h"
#include "schema/plan.h"
#include "schema/writer.h"
#include "targets.h"

namespace readygate::fuzz {
namespace {

// As the driver cuts a batch of a cursor apart: lengths are checked, contents are not.
std::vector<schema::Document> documents(std::string_view input) {
  std::vector<schema::Document> all;
  while (input.size() >= 5 && all.size() < 70) {
    const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<std::uint8_t>(input[i])); };
    const std::size_t size = byte(0) | byte(1) << 8U | byte(2) << 16U | byte(3) << 24U;
    bson_t document;
    if (size > input.size() ||
        !bson_init_static(&document, reinterpret_cast<const std::uint8_t*>(input.data()), size)) {
      break;
    }
    all.emplace_back(document);
    input.remove_prefix(size);
  }
  return all;
}

const schema::Schema& declared() {
  static const schema::Schema kSchema = [] {
    auto parsed = schema::parse(R"(
schema = "s"
database = "d"
version = 1
[[collection]]
name = "c"
validator = '{ "a": 1 }'
[[collection.index]]
name = "i"
key = [["a", 1]]
expire_after = 1
[[collection.index]]
name = "t"
key = [["a", "text"], ["b", "text"]]
weights = { a = 2 }
[[collection.index]]
name = "w"
key = [["$**", 1]]
wildcard_projection = '{ "a": 1 }'
[[collection.index]]
name = "u"
key = [["a", 1], ["b", -1]]
unique = true
)",
                                "f", "");
    expect(parsed.has_value(), "the schema of this target is valid", parsed ? "" : toml::to_string(parsed.error()));
    return std::move(*parsed);
  }();
  return kSchema;
}

}  // namespace

void catalog(std::string_view input) {
  schema::Catalog catalog;
  for (const schema::Document& entry : documents(input)) {
    if (catalog.collections.empty()) {
      auto collection = schema::collection_from(entry);
      if (!collection) return;
      collection->name = declared().collections.front().name;
      catalog.collections.push_back(std::move(*collection));
      continue;
    }
    auto index = schema::index_from(entry);
    if (!index) continue;
    const schema::Index once = schema::normalised(index->index);
    const schema::Index twice = schema::normalised(once);
    expect(once.key.to_canonical_json() == twice.key.to_canonical_json() &&
               once.options.to_canonical_json() == twice.options.to_canonical_json(),
           "normalising twice is normalising once", once.options.to_canonical_json());
    catalog.collections.front().indexes.push_back(std::move(*index));
  }
  const schema::Written written = schema::write_schema(catalog, {"d"});
  const auto imported = schema::parse(written.toml, "f", "/nonexistent");
  expect(imported.has_value(), "what is imported is a schema", written.toml);
  if (written.left_out.empty()) {
    const schema::Plan none = schema::diff(*imported, catalog);
    expect(none.first(schema::FindingKind::kConflict) == nullptr, "and contradicts nothing", written.toml);
  }
  const schema::Plan plan = schema::diff(declared(), catalog);
  expect(PlainJson::holds(schema::render_json(plan)), "a plan is JSON", schema::render_json(plan));
  static_cast<void>(schema::render_text(plan, schema::Colour::kOn));
}

}  // namespace readygate::fuzz
