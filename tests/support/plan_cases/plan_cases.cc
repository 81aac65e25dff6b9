#include "support/plan_cases/plan_cases.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "toml/tree.h"

namespace readygate::test {
namespace {

[[noreturn]] void wrong(const std::string& where, const std::string& what) {
  throw std::runtime_error(fmt::format("{}: {}", where, what));
}

const std::string& text_of(const toml::Value& value, const std::string& where) {
  const auto* text = std::get_if<std::string>(&value.data);
  if (text == nullptr) wrong(where, "must be a string");
  return *text;
}

std::vector<std::string> texts_of(const toml::Value& value, const std::string& where) {
  const auto* items = std::get_if<toml::Array>(&value.data);
  if (items == nullptr) wrong(where, "must be an array");
  std::vector<std::string> all;
  for (const toml::Value& item : *items) all.push_back(text_of(item, where));
  return all;
}

// "c.x" -> the index x of c
void add_owned(std::vector<schema::Owns>& owns, const std::string& path, const std::string& where) {
  const std::size_t dot = path.find('.');
  if (dot == std::string::npos) wrong(where, "must be \"collection.index\"");
  const std::string collection = path.substr(0, dot);
  auto it = std::find_if(owns.begin(), owns.end(), [&](const schema::Owns& o) { return o.collection == collection; });
  if (it == owns.end()) it = owns.insert(owns.end(), schema::Owns{collection, {}, true});
  it->indexes.push_back(path.substr(dot + 1));
}

PlanCase case_of(const toml::Table& table, const std::string& file) {
  PlanCase made;
  made.file = file;
  for (const auto& [key, value] : table.entries) {
    const std::string where = fmt::format("{}:{}: {}", file, value.place.line, key);
    if (key == "name")
      made.name = text_of(value, where);
    else if (key == "from")
      made.from = text_of(value, where);
    else if (key == "to")
      made.to = text_of(value, where);
    else if (key == "prepare")
      made.prepare = texts_of(value, where);
    else if (key == "steps")
      made.steps = texts_of(value, where);
    else if (key == "withheld")
      made.withheld = texts_of(value, where);
    else if (key == "findings")
      made.findings = texts_of(value, where);
    else if (key == "fails")
      made.fails = text_of(value, where);
    else if (key == "left")
      made.left = text_of(value, where);
    else if (key == "needs")
      made.needs = texts_of(value, where);
    else if (key == "server") {
      const std::string& server = text_of(value, where);
      made.product = server.substr(0, server.find(' '));
      made.version = server.substr(server.find(' ') + 1);
    } else if (key == "owns") {
      for (const std::string& path : texts_of(value, where)) add_owned(made.owns, path, where);
    } else {
      wrong(where, "is not known");
    }
  }
  return made;
}

}  // namespace

std::vector<PlanCase> plan_cases() {
  namespace fs = std::filesystem;
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(READYGATE_PLAN_CASES)) {
    if (entry.path().extension() == ".toml") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::vector<PlanCase> all;
  for (const fs::path& path : files) {
    std::stringstream text;
    text << std::ifstream(path).rdbuf();
    const std::string file = path.filename().string();
    const auto table = toml::parse(text.str(), file);
    if (!table) wrong(file, toml::to_string(table.error()));
    const toml::Value* cases = table->find("case");
    const auto* items = cases != nullptr ? std::get_if<toml::Array>(&cases->data) : nullptr;
    if (items == nullptr) wrong(file, "has no [[case]]");
    for (const toml::Value& item : *items) all.push_back(case_of(std::get<toml::Table>(item.data), file));
  }
  return all;
}

std::vector<std::string> for_each_plan_case(const std::function<void(const PlanCase&)>& run) {
  std::vector<std::string> ended;
  for (const PlanCase& each : plan_cases()) {
    CAPTURE(each.file);
    CAPTURE(each.name);
    const std::string where = fmt::format("{}, \"{}\": ", each.file, each.name);
    try {
      run(each);
    } catch (const doctest::detail::TestFailureException&) {
      ended.push_back(where + "the failure above");
    } catch (const std::exception& error) {
      ended.push_back(where + error.what());
    }
  }
  return ended;
}

schema::Schema schema_of_case(const PlanCase& each, const std::string& body, const std::string& database) {
  const std::string head = fmt::format("schema = 'case'\ndatabase = '{}'\nversion = 3\n", database);
  const auto schema = schema::parse(head + body, each.file, "");
  if (!schema) wrong(fmt::format("{}, \"{}\"", each.file, each.name), toml::to_string(schema.error()));
  return *schema;
}

std::string described(const schema::Step& step) {
  std::vector<std::string_view> marks;
  if (step.effect == schema::Effect::kContract) marks.emplace_back("contract");
  if (step.destructive) marks.emplace_back("destructive");
  if (step.cost != schema::Cost::kInstant) marks.push_back(name(step.cost));
  return fmt::format("{}: {}{}", step.collection, step.what,
                     marks.empty() ? "" : fmt::format(" ({})", fmt::join(marks, ", ")));
}

std::string described(const schema::Finding& finding) {
  std::string text = fmt::format("{} {}", name(finding.kind), finding.collection);
  for (const std::string& part : {finding.object, finding.option}) {
    if (!part.empty()) text += " " + part;
  }
  return text;
}

}  // namespace readygate::test
