// The manual pages, in roff: every command, option, setting, reason and exit code, from the tables that the parser, the
// help and the daemon use.
#pragma once

#include <string>

namespace readygate::test {

std::string readygate_1();
std::string readygate_wait_1();
std::string readygate_toml_5();

}  // namespace readygate::test
