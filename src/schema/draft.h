// The plan of one collection or view in the making: what the parts of diff() write to and share.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schema/catalog.h"
#include "schema/commands.h"
#include "schema/owns.h"
#include "schema/plan.h"
#include "schema/schema.h"

namespace readygate::schema {

struct Draft {
  std::string collection;
  const Policy& policy;
  const Server& server;
  const CatalogCollection* live = nullptr;  // none: it is not there
  const Owns* owns = nullptr;               // none: this schema made nothing of it
  // In the order of the plan. A step is contract as soon as it only makes sense after one that is.
  std::vector<Step> additive = {};
  std::vector<Step> destructive = {};
  std::vector<Step> unproven = {};
  std::vector<Finding> findings = {};

  // Nothing that exists can contradict, and nobody can depend on it.
  bool known_empty() const { return live == nullptr || live->documents == 0; }
  std::optional<std::int64_t> documents() const { return live == nullptr ? 0 : live->documents; }

  Step step(StepKind kind, std::string what, Document command) const;
  void conflict(std::string object, std::string option, std::string asked, std::string reported, std::string message);
  void finding(FindingKind kind, std::string object, std::string option, std::string asked, std::string reported,
               std::string message);

  // Whether there is a conflict about this option of the collection.
  bool contradicts(std::string_view option) const;

  // Moves all to `plan`, contract steps where the policy wants them.
  void finish(Plan& plan);
};

// Parts of diff(), each in its own file. The options of a collection, or of the view.
void diff_options(const Document& wanted, Draft& draft);
void diff_validator(const Collection& declared, const Document& wanted, Draft& draft);
void set_validator(const Document& wanted, Draft& draft);  // on a collection that is new
// Whether the server knows the level and the action that are declared. If not, that is a conflict.
bool can_be_validated(const Collection& declared, Draft& draft);
void diff_indexes(const std::vector<Index>& wanted, Collated collated, Draft& draft);
void diff_view(const Document& wanted, Draft& draft);
// Of a collection that is new: whether the server can encrypt its fields. If not, that is a conflict.
bool can_be_encrypted(const Document& wanted, Draft& draft);
// Of one that is there: a conflict where the server has given up queries that are declared, or with which it was made.
void find_dropped_queries(const Document& wanted, Draft& draft);
// A state collection of `served`.
void diff_state(const std::string& served, Draft& draft);

// "\"x\" of \"orders\""
std::string index_of(const std::string& index, const Draft& draft);
// Relaxed Extended JSON of the value of an option, or "".
std::string json_of(const Document& options, std::string_view option);
Change change_of(std::string_view option, const Document& from, const Document& to);

}  // namespace readygate::schema
