// The commands that a commands_file may hold: those that change documents, and no others. What changes collections,
// indexes or views is declared, so that it is compared and verified; what takes a collection away, or touches more than
// this database, is nothing that a service's start should do.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "schema/document.h"

namespace readygate::schema {

struct MigrationCommand {
  std::string_view name;
  bool in_transaction;    // the server takes it in one
  std::string_view help;  // a clause
};
std::span<const MigrationCommand> migration_commands();

// The same for those that are refused, with what to do instead.
struct RefusedCommand {
  std::string_view name;
  std::string_view instead;
};
std::span<const RefusedCommand> refused_commands();

// What is wrong with one command, as the end of a sentence that begins with its place ("must …"), or "".
std::string command_mistake(const Document& command, std::span<const std::string_view> collections);

// Of a command that has no mistake.
const MigrationCommand& migration_command(const Document& command);
std::string collection_of(const Document& command);
std::string merged_into(const Document& command);  // of an aggregation; else ""

// " (did you mean …?)" included; "" when it is declared.
std::string undeclared(std::string_view collection, std::span<const std::string_view> collections);

}  // namespace readygate::schema
