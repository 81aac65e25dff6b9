// Completion scripts, made from the same table of options as the parser and the help.
#pragma once

#include <string>

namespace readygate::cli {

// `shell` is "bash", "zsh" or "fish".
std::string completion_script(const std::string& shell);

}  // namespace readygate::cli
