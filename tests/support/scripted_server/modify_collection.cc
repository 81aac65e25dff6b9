// collMod, as part of catalog_model.h: what may change on a collection, an index or a view that exists.
//
// Source: manual, "collMod". Replies name old and new values; what did not change is not named.
#include <algorithm>
#include <array>
#include <utility>

#include "scripted_server/catalog_model.h"
#include "scripted_server/collection_options.h"
#include "scripted_server/encrypted_fields.h"
#include "scripted_server/index_spec.h"
#include "scripted_server/query.h"

namespace readygate::scripted {

namespace {

constexpr std::array<std::string_view, 8> kCollectionOptions = {
    "validator", "validationLevel", "validationAction",   "prepareConstraintValidationLevel",
    "viewOn",    "pipeline",        "expireAfterSeconds", "changeStreamPreAndPostImages"};

// Seconds that a bucket spans: its own, or what its granularity stands for.
std::int64_t span_of(const Doc& series) {
  const std::string granularity = series.text("granularity");
  if (granularity == "hours") return 2592000;
  if (granularity == "minutes") return 86400;
  return granularity.empty() ? series.integer("bucketMaxSpanSeconds", 3600) : 3600;
}

// manual, "collMod", Modify Time Series Collections: granularity and spans may only grow, and a span equals its
// rounding.
Result<Doc> modified_timeseries(const Doc& before, const Doc& change) {
  for (const Field& field : change.fields()) {
    const auto key = field.key();
    if (key != "granularity" && key != "bucketMaxSpanSeconds" && key != "bucketRoundingSeconds") {
      return fail(Code::kUnknownCommandField,
                  "BSON field 'collMod.timeseries." + std::string(key) + "' is an unknown field.");
    }
  }
  if (change.integer("bucketMaxSpanSeconds") != change.integer("bucketRoundingSeconds") ||
      (change.has("granularity") && change.has("bucketMaxSpanSeconds")) || span_of(change) < span_of(before)) {
    return fail(Code::kInvalidOptions, "Invalid transition for timeseries.granularity or bucketing parameters");
  }
  Doc declared = before.without({"granularity", "bucketMaxSpanSeconds", "bucketRoundingSeconds"});
  declared.add_all(change);
  return full_timeseries(declared);
}

Doc document_ids(const std::vector<Doc>& documents) {
  std::vector<Doc> violations;
  for (const Doc& document : documents) {
    Doc one;
    if (const auto id = document.find("_id")) one.add(*id);
    violations.push_back(one);
  }
  return Doc::array_of(violations);
}

}  // namespace

Result<Doc> CatalogModel::modify_index(const Call& call, Collection& collection, const Doc& change) {
  const std::string name = change.text("name");
  const Doc key = change.document("keyPattern");
  const auto chosen = std::ranges::find_if(collection.indexes, [&](const Doc& spec) {
    return name.empty() ? spec.document("key").same(key) : spec.text("name") == name;
  });
  if (chosen == collection.indexes.end()) {
    return fail(Code::kIndexNotFound,
                "cannot find index " + (name.empty() ? key.json() : name) + " for ns " + call.full_name());
  }
  Doc spec = *chosen;
  Doc reply;
  if (const auto expiry = change.find("expireAfterSeconds")) {
    if (spec.document("key").size() != 1) {
      return fail(Code::kInvalidOptions, "TTL indexes are single-field indexes, compound indexes do not support TTL");
    }
    if (const auto old = spec.find("expireAfterSeconds")) {
      if (!old->same(*expiry)) reply.add("expireAfterSeconds_old", old->integer());
    }
    if (!spec.has("expireAfterSeconds") || reply.has("expireAfterSeconds_old")) {
      reply.add("expireAfterSeconds_new", expiry->integer());
    }
    spec = spec.merged(Doc().add("expireAfterSeconds", *expiry));
  }
  if (const auto hidden = change.find("hidden")) {
    if (is_id_index(spec)) return fail(Code::kBadValue, "can't hide _id index");
    if (spec.truthy("hidden") != hidden->truthy()) {
      reply.add("hidden_old", spec.truthy("hidden")).add("hidden_new", hidden->truthy());
    }
    spec = spec.without({"hidden"});
    if (hidden->truthy()) spec.add("hidden", true);
  }
  if (const auto prepare = change.find("prepareUnique")) {
    if (spec.truthy("prepareUnique") != prepare->truthy()) {
      reply.add("prepareUnique_old", spec.truthy("prepareUnique")).add("prepareUnique_new", prepare->truthy());
    }
    spec = spec.without({"prepareUnique"});
    if (prepare->truthy()) spec.add("prepareUnique", true);
  }
  if (const auto unique = change.find("unique")) {
    // "Must be set to true. false is not supported", and only after prepareUnique.
    if (!unique->truthy()) return fail(Code::kBadValue, "'unique: false' is not supported");
    if (!spec.truthy("prepareUnique")) {
      return fail(Code::kInvalidOptions, "Cannot make index unique without 'prepareUnique=true'");
    }
    auto duplicate = first_duplicate(spec, collection.documents);
    if (!duplicate) return duplicate;
    if (!duplicate->empty()) {
      Doc violations;
      violations.add_array("violations",
                           Doc::array_of(std::vector<Doc>{Doc().add_array("ids", document_ids(collection.documents))}));
      return fail(Code::kCannotConvertIndexToUnique,
                  "Cannot convert the index to unique. Please resolve conflicting documents before running collMod "
                  "again.",
                  violations);
    }
    if (!call.command.truthy("dryRun")) {
      spec = spec.without({"prepareUnique"}).add("unique", true);
      reply.add("unique_new", true);
    }
  }
  if (!call.command.truthy("dryRun")) *chosen = spec;
  return reply;
}

// constraint_validation_level_upgrade.cpp of the server: it looks at every document.
Result<void> CatalogModel::all_valid(const Collection& collection, const std::string& name) {
  const auto validator = collection.options.find("validator");
  if (!validator) return {};
  for (const Doc& document : collection.documents) {
    const auto valid = matches(validator->document(), document);
    if (!valid) return tl::unexpected(valid.error());
    if (*valid) continue;
    return fail(Code::kConstraintViolated,
                "Cannot upgrade validationLevel to 'constraint': the collection contains documents that do not satisfy "
                "the validator. Run db." +
                    name + ".find({\"$nor\": [" + validator->document().json() +
                    "]}) to find non-compliant documents.");
  }
  return {};
}

Result<Doc> CatalogModel::modify_collection(const Call& call) {
  Collection* collection = find_collection(call);
  if (collection == nullptr) return fail(Code::kNamespaceNotFound, "ns does not exist");
  Doc options = collection->options;
  if (const auto good = check_validation(options, call.command, feature_version); !good) {
    return tl::unexpected(good.error());
  }
  const bool becomes_constraint =
      call.command.text("validationLevel") == "constraint" && options.text("validationLevel") != "constraint";
  if (becomes_constraint) {
    if (const auto valid = all_valid(*collection, call.name); !valid) return tl::unexpected(valid.error());
  }
  Doc reply;
  const Doc arguments = call.command.without({"collMod", "dryRun"});
  for (const Field& field : arguments.fields()) {
    const auto key = field.key();
    if (is_generic_argument(key)) continue;
    if (key == "index") {
      auto changed = modify_index(call, *collection, field.document());
      if (!changed) return changed;
      reply.add_all(*changed);
    } else if (key == "cappedSize" || key == "cappedMax") {
      if (!options.truthy("capped")) return fail(Code::kInvalidOptions, "Collection must be capped.");
      if (key == "cappedSize") {
        options = options.merged(Doc().add("size", field));
      } else {
        const auto max = capped_max(field.integer());
        if (!max) return tl::unexpected(max.error());
        options = options.merged(Doc().add("max", *max));
      }
    } else if (key == "timeseries") {
      if (collection->type != "timeseries") return fail(Code::kInvalidOptions, "collection is not a time series");
      auto series = modified_timeseries(options.document("timeseries"), field.document());
      if (!series) return series;
      options = options.merged(Doc().add("timeseries", *series));
    } else if (collection->type == "timeseries" && key != "expireAfterSeconds") {
      return fail(Code::kInvalidOptions, "option not supported on a time-series collection: " + std::string(key));
    } else if (std::ranges::find(kCollectionOptions, key) == kCollectionOptions.end()) {
      return fail(Code::kUnknownCommandField, "BSON field 'collMod." + std::string(key) + "' is an unknown field.");
    } else if (collection->type == "view" && key != "viewOn" && key != "pipeline") {
      return fail(Code::kInvalidOptions, "option not supported on a view: " + std::string(key));
    } else if (collection->type != "view" && (key == "viewOn" || key == "pipeline")) {
      return fail(Code::kInvalidOptions, "'viewOn' and 'pipeline' are for views");
    } else if (key == "validator" && field.document().empty()) {
      options = options.without({"validator"});  // an empty validator takes it away
    } else if (key == "prepareConstraintValidationLevel" && !field.truthy()) {
      options = options.without({key});
    } else if (key == "expireAfterSeconds" && field.text() == "off") {
      options = options.without({"expireAfterSeconds"});
    } else {
      options = options.merged(Doc().add(field));
    }
  }
  // A preparation is over with what it was for, and sets the level that was strict for want of another.
  if (becomes_constraint) options = options.without({"prepareConstraintValidationLevel"});
  if (call.command.truthy("prepareConstraintValidationLevel") && !options.has("validationLevel")) {
    options.add("validationLevel", "strict");
  }
  if (options.has("encryptedFields")) {
    if (const auto good = check_encrypted_collection(options, false); !good) return tl::unexpected(good.error());
  }
  collection->options = options;
  return reply;
}

}  // namespace readygate::scripted
