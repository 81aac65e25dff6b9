// The forms are those of MongoDB's reference pages for listIndexes and listCollections, and FerretDB 2.7 as observed.
#include "catalog_model.h"

#include <algorithm>
#include <map>

#include "schema/fields.h"
#include "text.h"

namespace readygate::schema {

CatalogModel::Stored* CatalogModel::find(const std::string& name) {
  const auto it = std::find_if(stored_.begin(), stored_.end(), [&](const Stored& each) { return each.name == name; });
  return it == stored_.end() ? nullptr : &*it;
}

void CatalogModel::apply(const Step& step) {
  const Field verb = fields(step.command).front();
  REQUIRE(verb.string() == step.collection);
  Stored* collection = find(step.collection);
  if (verb.name() == "create") {
    REQUIRE(collection == nullptr);
    Stored created{step.collection, {}, {}};
    if (product_ == Product::kMongodb) created.options = without(step.command, {"create"});
    stored_.push_back(std::move(created));
    return;
  }
  REQUIRE(collection != nullptr);
  if (verb.name() == "collMod") {
    modify(*collection, step.command);
    return;
  }
  REQUIRE(verb.name() == "createIndexes");
  const Document specs = *field(step.command, "indexes")->document();
  for (const Field& each : fields(specs)) {
    const Document spec = *each.document();
    for (const Document& other : collection->indexes) {
      REQUIRE(field(other, "name")->string() != field(spec, "name")->string());
    }
    collection->indexes.push_back(spec);
  }
}

void CatalogModel::modify(Stored& collection, const Document& command) {
  if (const auto target = field(command, "index")) {
    const Document change = *target->document();
    for (Document& spec : collection.indexes) {
      if (field(spec, "name")->string() != field(change, "name")->string()) continue;
      for (const Field& option : fields(change)) {
        if (option.name() == "name") continue;
        spec = without(spec, {option.name()});
        append(spec, option);
      }
      return;
    }
    FAIL("collMod of an index that is not there");
  }
  collection.options = without(command, {"collMod"});
}

Document CatalogModel::reported(const Document& spec) const {
  const bool mongodb = product_ == Product::kMongodb;
  Document to;
  append(to, "v", 2);
  Document key;
  std::map<std::string, double> weights;
  const Document asked = *field(spec, "key")->document();
  for (const Field& each : fields(asked)) {
    if (each.string() != "text") {
      append(key, each);
      continue;
    }
    if (weights.empty()) {
      append(key, "_fts", "text");
      append(key, "_ftsx", 1);
    }
    weights[std::string(each.name())] = 1;
  }
  append(to, "key", key);
  append(to, *field(spec, "name"));
  for (const Field& each : fields(spec)) {
    if (each.name() == "weights") {
      const Document given = *each.document();
      for (const Field& weight : fields(given)) weights[std::string(weight.name())] = *weight.real();
    } else if (each.name() == "expireAfterSeconds") {
      if (mongodb) {
        append(to, each.name(), *each.real());
      } else {
        append(to, each.name(), static_cast<std::int32_t>(*each.integer()));
      }
    } else if (each.name() == "wildcardProjection") {
      Document projection = *each.document();
      if (!mongodb && !projection.has("_id")) append(projection, "_id", false);
      append(to, each.name(), projection);
    } else if (each.name() != "key" && each.name() != "name" && each.name() != "textIndexVersion") {
      append(to, each);
    }
  }
  if (!weights.empty()) {
    Document all;
    for (const auto& [name, weight] : weights) append(all, name, weight);
    append(to, "weights", all);
    if (mongodb && !to.has("default_language")) append(to, "default_language", "english");
    if (!to.has("language_override")) append(to, "language_override", "language");
    const auto version = field(spec, "textIndexVersion");
    append(to, "textIndexVersion", version ? static_cast<std::int32_t>(*version->integer()) : mongodb ? 3 : 2);
  }
  if (!mongodb && !to.has("storageEngine")) append(to, "storageEngine", json(R"({"enableOrderedIndex":true})"));
  return to;
}

Catalog CatalogModel::read() const {
  Catalog catalog;
  catalog.server = product_ == Product::kMongodb ? Server{"mongodb", "9.0.1", "replicaset"}
                                                 : Server{"ferretdb", "2.7.0", "standalone"};
  for (const Stored& each : stored_) {
    Document entry;
    append(entry, "name", each.name);
    append(entry, "type", "collection");
    append(entry, "options", each.options);
    CatalogCollection collection = collection_from(entry).value();
    collection.indexes.push_back(index_from(json(R"({"v":2,"key":{"_id":1},"name":"_id_"})")).value());
    for (const Document& spec : each.indexes) collection.indexes.push_back(index_from(reported(spec)).value());
    catalog.collections.push_back(std::move(collection));
  }
  return catalog;
}

}  // namespace readygate::schema
