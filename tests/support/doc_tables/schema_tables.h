// The tables of docs/schema.md: every key of the schema file with its type, default, the server that has it, what a
// later change of it does, and an example.
#pragma once

#include <string>

namespace readygate::test {

std::string head_table();
std::string policy_table();
std::string collection_table();
std::string index_table();
std::string view_table();
std::string collation_table();

}  // namespace readygate::test
