// What the codes of a server's answers mean, as one table. It is data: judge() of core/failure.h reads it.
#pragma once

#include <span>
#include <string_view>

#include "core/failure.h"

namespace readygate::core {

// Where a rule holds. The same code has other causes in a step that works on documents than in a reading.
enum class Where {
  kAnywhere,
  kDeclaring,  // declares(): create, collMod, createIndexes, drop…, seeds, migrations
  kDocuments,  // a build, a collMod that looks at documents, a migration: documents that are stored are looked at
  kMigrating,
  kSeeding,
};

struct ServerRule {
  std::span<const int> codes;
  std::string_view words;  // must be in the message, in any case; "": any message
  Where where;
  Verdict verdict;
  Reason reason;
  std::string_view advice;  // what to do, one or two sentences
};

// In order: the first that fits counts.
std::span<const ServerRule> server_rules();

// None: a code that the table does not know there.
const ServerRule* rule_for(const Failure& failure);

// Whether one document that is stored is the cause, which can be looked for (Reason::kDocumentRefused).
bool refuses_document(const Failure& failure);

}  // namespace readygate::core
