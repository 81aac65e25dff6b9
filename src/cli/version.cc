// `readygate version`: of the program, and of the libraries that it runs with.
#include <cstdio>

#include <event2/event.h>
#include <fmt/format.h>

#include "base/json.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "mongo/driver.h"

namespace readygate::cli {

int version(const CommandLine& line) {
  const std::string driver = mongo::Driver::version();
  const char* const loop = event_get_version();
  if (line.format == OutputFormat::kJson) {
    JsonWriter json;
    json.begin_object()
        .field("v", 1)
        .field("readygate", READYGATE_VERSION)
        .field("mongo-c-driver", std::string_view(driver));
    json.field("libevent", loop).end_object();
    fmt::print("{}\n", json.text());
  } else {
    fmt::print("readygate {}\nmongo-c-driver {}\nlibevent {}\n", READYGATE_VERSION, driver, loop);
  }
  return kExitOk;
}

}  // namespace readygate::cli
