// See collection_options.h.
#include "scripted_server/collection_options.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string>

#include "scripted_server/index_spec.h"

namespace readygate::scripted {

namespace {

constexpr std::array<std::string_view, 14> kGeneric = {"$db",
                                                       "lsid",
                                                       "comment",
                                                       "writeConcern",
                                                       "readConcern",
                                                       "maxTimeMS",
                                                       "txnNumber",
                                                       "apiStrict",
                                                       "apiVersion",
                                                       "autocommit",
                                                       "$clusterTime",
                                                       "$readPreference",
                                                       "apiDeprecationErrors",
                                                       "startTransaction"};

constexpr std::array<std::string_view, 16> kOptions = {"capped",
                                                       "size",
                                                       "max",
                                                       "timeseries",
                                                       "expireAfterSeconds",
                                                       "clusteredIndex",
                                                       "changeStreamPreAndPostImages",
                                                       "storageEngine",
                                                       "validator",
                                                       "validationLevel",
                                                       "validationAction",
                                                       "indexOptionDefaults",
                                                       "viewOn",
                                                       "pipeline",
                                                       "collation",
                                                       "encryptedFields"};

template <std::size_t N>
bool contains(const std::array<std::string_view, N>& names, std::string_view key) {
  return std::ranges::find(names, key) != names.end();
}

}  // namespace

bool is_generic_argument(std::string_view key) { return contains(kGeneric, key); }

// manual, "Time Series Collections": seconds is the default granularity; each has its bucket span.
Doc full_timeseries(const Doc& declared) {
  const std::string granularity = declared.text("granularity");
  const std::int32_t span = granularity == "hours" ? 2592000 : granularity == "minutes" ? 86400 : 3600;
  Doc full;
  full.add("timeField", declared.text("timeField"));
  if (declared.has("metaField")) full.add("metaField", declared.text("metaField"));
  if (declared.has("bucketMaxSpanSeconds")) {
    full.add("bucketRoundingSeconds", static_cast<std::int32_t>(declared.integer("bucketRoundingSeconds")));
    full.add("bucketMaxSpanSeconds", static_cast<std::int32_t>(declared.integer("bucketMaxSpanSeconds")));
  } else {
    full.add("granularity", granularity.empty() ? "seconds" : granularity).add("bucketMaxSpanSeconds", span);
  }
  return full;
}

Result<void> check_collection_name(std::string_view name) {
  if (name.empty() || name.find('$') != std::string_view::npos || name.starts_with("system.")) {
    return fail(Code::kInvalidNamespace, "Invalid collection name: " + std::string(name));
  }
  return {};
}

Result<std::int64_t> capped_max(std::int64_t asked) {
  constexpr std::int64_t kNone = std::numeric_limits<std::int32_t>::max();
  if (asked > kNone) {
    return fail(Code::kBadValue, "max in a capped collection has to be < 2^31 or not set");
  }
  return asked <= 0 ? kNone : asked;
}

Result<Doc> normalise_collection_options(const Doc& command) {
  Doc options;
  const Doc arguments = command.without({"create"});
  for (const Field& field : arguments.fields()) {
    const auto key = field.key();
    if (is_generic_argument(key)) continue;
    if (!contains(kOptions, key)) {
      return fail(Code::kUnknownCommandField, "BSON field 'create." + std::string(key) + "' is an unknown field.");
    }
    if (key == "collation") {
      const Doc collation = full_collation(field.document());
      if (!collation.empty()) options.add("collation", collation);
    } else if (key == "timeseries") {
      options.add("timeseries", full_timeseries(field.document()));
    } else if (key == "clusteredIndex") {
      Doc index;
      const Doc declared = field.document();
      const std::string name = declared.text("name");
      index.add("v", 2).add("key", Doc().add("_id", 1)).add("name", name.empty() ? "_id_" : name).add("unique", true);
      options.add("clusteredIndex", index);
    } else if (key == "size") {
      // manual, "Capped Collections": the size is rounded up to a multiple of 256 bytes.
      options.add("size", (field.integer() + 255) / 256 * 256);
    } else if (key == "max") {
      const auto max = capped_max(field.integer());
      if (!max) return tl::unexpected(max.error());
      options.add("max", *max);
    } else if (key != "capped" || field.truthy()) {
      options.add(field);
    }
  }
  if (options.truthy("capped") && options.integer("size") <= 0) {
    return fail(Code::kInvalidOptions, "the 'size' field is required when 'capped' is true");
  }
  if (!options.truthy("capped")) options = options.without({"size", "max"});  // ignored for other collections
  if (options.has("pipeline") && !options.has("viewOn")) {
    return fail(Code::kInvalidOptions, "'pipeline' requires 'viewOn' to also be specified");
  }
  if (options.has("viewOn") && !options.has("pipeline")) options.add_array("pipeline", Doc());
  return options;
}

Result<void> check_validation(const std::optional<Doc>& before, const Doc& command, int feature_version) {
  const auto word = [&](const char* option) {
    const std::string asked = command.text(option);
    return asked.empty() && before ? before->text(option) : asked;
  };
  const std::string asked = command.text("validationLevel");
  if (feature_version < 9 && (asked == "constraint" || command.truthy("prepareConstraintValidationLevel"))) {
    return fail(Code::kInvalidOptions, "Validation level 'constraint' is not supported with current FCV");
  }
  if (before && before->truthy("prepareConstraintValidationLevel") && command.has("validator")) {
    return fail(Code::kBadValue,
                "Validator cannot be changed while prepareConstraintValidationLevel is set. To make validator changes, "
                "first run: db.runCommand({collMod: \"<collection>\", prepareConstraintValidationLevel: false})");
  }
  // SERVER-139595, of 9.1 and maybe of a later 9.0.
  if (command.truthy("prepareConstraintValidationLevel") && word("validationAction") == "warn") {
    return fail(Code::kBadValue,
                "prepareConstraintValidationLevel needs a validationAction of 'error' or 'errorAndLog'");
  }
  if (word("validationLevel") != "constraint") return {};
  if (word("validationAction") == "warn") {
    return fail(Code::kBadValue, "Validation action of 'warn' is not allowed when Validation level is 'constraint'");
  }
  if (!before) return {};
  const std::string level = before->text("validationLevel");
  if (level == "constraint") {
    if (!command.has("validator")) return {};
    return fail(Code::kBadValue, "Validator cannot be changed when Validation level is 'constraint'");
  }
  if (level != "strict") {
    return fail(Code::kBadValue, "validationLevel can only be changed to 'constraint' from 'strict'");
  }
  if (command.has("validator")) {
    return fail(Code::kBadValue,
                "Cannot change the validator in the same collMod that upgrades validationLevel to 'constraint'");
  }
  if (!before->truthy("prepareConstraintValidationLevel")) {
    return fail(Code::kBadValue,
                "Cannot upgrade validationLevel to 'constraint' without first setting "
                "prepareConstraintValidationLevel to true");
  }
  return {};
}

bool insists_on_validation(const Doc& options) {
  return options.truthy("prepareConstraintValidationLevel") || options.text("validationLevel") == "constraint";
}

}  // namespace readygate::scripted
