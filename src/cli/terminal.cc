#include "cli/terminal.h"

#include <cstdlib>

#include <unistd.h>

namespace readygate::cli {

bool colour_wanted() {
  const char* refused = std::getenv("NO_COLOR");  // NOLINT(concurrency-mt-unsafe): nobody sets it here
  return ::isatty(STDOUT_FILENO) == 1 && (refused == nullptr || *refused == '\0');
}

}  // namespace readygate::cli
