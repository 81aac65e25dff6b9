#include "schema/declared_catalog.h"

#include "schema/encryption.h"
#include "schema/fields.h"

namespace readygate::schema {
namespace {

CatalogIndex id_index() {
  CatalogIndex id;
  id.index.name = "_id_";
  append(id.index.key, "_id", 1);
  return id;
}

}  // namespace

Catalog catalog_of(const Schema& schema) {
  Catalog catalog;
  for (const Collection& declared : schema.collections) {
    CatalogCollection collection;
    collection.name = declared.name;
    collection.type = declared.options.has("timeseries") ? "timeseries" : "collection";
    collection.options = declared.options;
    // A time series has no index on _id, and a clustered collection shows its own.
    if (!declared.options.has("timeseries")) collection.indexes.push_back(id_index());
    for (const Index& index : declared.indexes) collection.indexes.push_back({index});
    if (encrypts(declared.options)) {
      collection.indexes.push_back({safe_content_index(declared.options)});
      for (const std::string& state : state_collections(declared.name)) {
        catalog.collections.push_back({state, "collection", state_options(), {}});
      }
    }
    catalog.collections.push_back(std::move(collection));
  }
  for (const View& view : schema.views) catalog.collections.push_back({view.name, "view", view.options, {}});
  return catalog;
}

}  // namespace readygate::schema
