// See query.h.
#include "scripted_server/query.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

namespace readygate::scripted {

namespace {

bool is_operator_document(const Field& field) {
  if (!field.is_document()) return false;
  const Doc inner = field.document();
  const auto first = inner.first();
  return first && first->key().starts_with('$');
}

bool equals(const std::optional<Field>& actual, const Field& wanted) {
  if (!actual) return wanted.type() == BSON_TYPE_NULL;
  if (actual->same(wanted)) return true;
  if (!actual->is_array()) return false;  // an array matches when one of its elements does
  const Doc elements = actual->document();
  const auto fields = elements.fields();
  return std::ranges::any_of(fields, [&](const Field& element) { return element.same(wanted); });
}

/// manual, "$type", by name; an array of names matches when one of them does.
Result<bool> has_type(const std::optional<Field>& actual, const Field& operand) {
  static const std::map<std::string_view, bson_type_t> kTypes = {
      {"string", BSON_TYPE_UTF8},    {"null", BSON_TYPE_NULL},           {"object", BSON_TYPE_DOCUMENT},
      {"binData", BSON_TYPE_BINARY}, {"objectId", BSON_TYPE_OID},        {"bool", BSON_TYPE_BOOL},
      {"date", BSON_TYPE_DATE_TIME}, {"timestamp", BSON_TYPE_TIMESTAMP}, {"minKey", BSON_TYPE_MINKEY},
      {"maxKey", BSON_TYPE_MAXKEY}};
  if (operand.is_array()) {
    const Doc names = operand.document();
    for (const Field& name : names.fields()) {
      auto one = has_type(actual, name);
      if (!one || *one) return one;
    }
    return false;
  }
  if (operand.text() == "number") return actual && actual->is_number();
  const auto type = kTypes.find(operand.text());
  if (type == kTypes.end()) return fail(Code::kBadValue, "scripted server: $type does not support this type");
  return actual && actual->type() == type->second;
}

Result<bool> satisfies(const std::optional<Field>& actual, const Field& condition) {
  const auto name = condition.key();
  if (name == "$eq") return equals(actual, condition);
  if (name == "$ne") return !equals(actual, condition);
  if (name == "$exists") return actual.has_value() == condition.truthy();
  if (name == "$type") return has_type(actual, condition);
  if (name == "$in") {
    const Doc wanted = condition.document();
    const auto fields = wanted.fields();
    return std::ranges::any_of(fields, [&](const Field& one) { return equals(actual, one); });
  }
  if (name == "$gt" || name == "$gte" || name == "$lt" || name == "$lte") {
    const auto order = actual ? actual->compare(condition) : std::nullopt;
    if (!order) return false;
    if (name == "$gt") return *order > 0;
    if (name == "$gte") return *order >= 0;
    return name == "$lt" ? *order < 0 : *order <= 0;
  }
  return fail(Code::kBadValue, "scripted server: unknown operator: " + std::string(name));
}

Result<bool> matches_all(const Doc& filters, const Doc& document, bool wanted) {
  for (const Field& item : filters.fields()) {
    auto one = matches(item.document(), document);
    if (!one) return one;
    if (*one != wanted) return !wanted;
  }
  return wanted;
}

Result<Doc> apply_operators(const Doc& update, Doc document, bool inserting) {
  for (const Field& operation : update.fields()) {
    const auto name = operation.key();
    const Doc changes = operation.document();
    for (const Field& change : changes.fields()) {
      if (name == "$set" || (name == "$setOnInsert" && inserting)) {
        document = document.with_path(change.key(), change);
      } else if (name == "$unset") {
        document = document.without_path(change.key());
      } else if (name == "$inc") {
        const auto old = document.find_path(change.key());
        Doc sum;
        if (change.type() == BSON_TYPE_DOUBLE || (old && old->type() == BSON_TYPE_DOUBLE)) {
          sum.add("v", change.number() + (old ? old->number() : 0.0));
        } else {
          sum.add("v", change.integer() + (old ? old->integer() : 0));
        }
        document = document.with_path(change.key(), *sum.find("v"));
      } else if (name != "$setOnInsert") {
        return fail(Code::kFailedToParse, "Unknown modifier: " + std::string(name));
      }
    }
  }
  return document;
}

/// The value of "$path", of {$ifNull: [one, other]}, of a document of those, or of a literal, as {v: …}.
Result<Doc> evaluate(const Field& expression, const Doc& document) {
  Doc result;
  if (expression.text().starts_with('$')) {
    const auto value = document.find_path(expression.text().substr(1));
    if (value) {
      result.add("v", *value);
    } else {
      result.add_null("v");
    }
    return result;
  }
  if (!expression.is_document()) return result.add("v", expression);
  const Doc parts = expression.document();
  if (const auto operation = parts.first(); operation && operation->key() == "$ifNull") {
    const Doc choices = operation->document();
    for (const Field& choice : choices.fields()) {
      auto value = evaluate(choice, document);
      if (!value || value->find("v")->type() != BSON_TYPE_NULL) return value;
    }
    return result.add_null("v");
  } else if (operation && operation->key().starts_with('$')) {
    return fail(Code::kBadValue, "scripted server: unknown expression: " + std::string(operation->key()));
  }
  Doc inner;
  for (const Field& part : parts.fields()) {
    auto value = evaluate(part, document);
    if (!value) return value;
    inner.add(part.key(), *value->find("v"));
  }
  return result.add("v", inner);
}

Result<std::vector<Doc>> group(const Doc& stage, const std::vector<Doc>& documents) {
  std::vector<std::pair<Doc, std::vector<double>>> groups;  // key as {v: …}, one sum per accumulator
  const Doc accumulators = stage.without({"_id"});
  const auto fields = accumulators.fields();
  const auto key_expression = stage.find("_id");
  if (!key_expression) return fail(Code::kBadValue, "a group specification must include an _id");
  for (const Doc& document : documents) {
    const auto key = evaluate(*key_expression, document);
    if (!key) return tl::unexpected(key.error());
    auto place = std::ranges::find_if(groups, [&](const auto& one) { return one.first.same(*key); });
    if (place == groups.end()) place = groups.insert(groups.end(), {*key, std::vector<double>(fields.size(), 0.0)});
    for (std::size_t i = 0; i < fields.size(); ++i) {
      const Doc accumulator = fields[i].document();
      const auto sum = accumulator.find("$sum");
      if (!sum) return fail(Code::kBadValue, "scripted server: $group knows $sum only");
      const auto value = evaluate(*sum, document);
      if (!value) return tl::unexpected(value.error());
      if (value->find("v")->is_number()) place->second[i] += value->find("v")->number();  // others count as 0
    }
  }
  std::vector<Doc> result;
  for (const auto& [key, sums] : groups) {
    Doc row;
    row.add("_id", *key.find("v"));
    for (std::size_t i = 0; i < fields.size(); ++i) row.add(fields[i].key(), static_cast<std::int32_t>(sums[i]));
    result.push_back(row);
  }
  return result;
}

}  // namespace

Result<bool> matches(const Doc& filter, const Doc& document) {
  for (const Field& condition : filter.fields()) {
    const auto key = condition.key();
    Result<bool> one = false;
    if (key == "$and" || key == "$or") {
      one = matches_all(condition.document(), document, key == "$and");
    } else if (key == "$nor") {
      one = matches_all(condition.document(), document, false);
      if (one) one = !*one;
    } else if (key == "$comment") {
      one = true;
    } else if (key.starts_with('$')) {
      return fail(Code::kBadValue, "unknown top level operator: " + std::string(key));
    } else {
      const auto actual = document.find_path(key);
      if (is_operator_document(condition)) {
        const Doc operators = condition.document();
        one = true;
        for (const Field& part : operators.fields()) {
          one = satisfies(actual, part);
          if (!one || !*one) break;
        }
      } else {
        one = equals(actual, condition);
      }
    }
    if (!one || !*one) return one;
  }
  return true;
}

Result<Doc> apply_update(const Field& update, const Doc& document, bool inserting) {
  const Doc content = update.document();
  Result<Doc> changed = document;
  if (update.is_array()) {
    for (const Field& stage : content.fields()) {
      const Doc step = stage.document();
      if (!step.has("$set")) return fail(Code::kBadValue, "scripted server: an update pipeline knows $set only");
      changed = apply_operators(step, *changed, inserting);
      if (!changed) return changed;
    }
  } else if (const auto first = content.first(); first && first->key().starts_with('$')) {
    changed = apply_operators(content, document, inserting);
  } else {
    changed = content;
  }
  if (!changed) return changed;

  // Neither way may change _id (manual, "Update Methods": _id is immutable).
  const auto before = document.find("_id");
  const auto after = changed->find("_id");
  if (!before) return changed;
  if (after && !after->same(*before)) {
    return fail(Code::kImmutableField, "Performing an update on the path '_id' would modify the immutable field '_id'");
  }
  if (after) return changed;
  Doc with_id;
  with_id.add(*before).add_all(*changed);
  return with_id;
}

Doc upsert_seed(const Doc& filter) {
  Doc seed;
  for (const Field& condition : filter.fields()) {
    if (condition.key().starts_with('$')) continue;
    if (!is_operator_document(condition)) {
      seed = seed.with_path(condition.key(), condition);
      continue;
    }
    const Doc operators = condition.document();
    if (const auto value = operators.find("$eq")) seed = seed.with_path(condition.key(), *value);
  }
  return seed;
}

Result<std::vector<Doc>> run_pipeline(const Doc& pipeline, std::vector<Doc> documents) {
  for (const Field& item : pipeline.fields()) {
    const Doc stage = item.document();
    const auto operation = stage.first();
    const auto name = operation ? operation->key() : std::string_view();
    if (name == "$match") {
      const Doc filter = operation->document();
      std::vector<Doc> kept;
      for (const Doc& document : documents) {
        const auto matched = matches(filter, document);
        if (!matched) return tl::unexpected(matched.error());
        if (*matched) kept.push_back(document);
      }
      documents = std::move(kept);
    } else if (name == "$limit") {
      documents.resize(std::min(documents.size(), static_cast<std::size_t>(operation->integer())));
    } else if (name == "$group") {
      auto grouped = group(operation->document(), documents);
      if (!grouped) return grouped;
      documents = std::move(*grouped);
    } else {
      return fail(Code::kBadValue, "scripted server: unknown pipeline stage: " + std::string(name));
    }
  }
  return documents;
}

}  // namespace readygate::scripted
