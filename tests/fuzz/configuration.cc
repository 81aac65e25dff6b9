#include <cstddef>
#include <string>

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/unique_fd.h"
#include "config/options.h"
#include "config/settings.h"
#include "expect.h"
#include "targets.h"

namespace readygate::fuzz {

// The file goes through the same door as in the program: by its path. Its keys go in as variables, too.
void configuration(std::string_view input) {
  if (input.find("uri_file") != std::string_view::npos) return;  // would be read from this machine
  const UniqueFd fd(::memfd_create("configuration", MFD_CLOEXEC));
  expect(fd && ::write(fd.get(), input.data(), input.size()) == static_cast<ssize_t>(input.size()), "memory");
  config::Given given;
  given.file = fmt::format("/proc/self/fd/{}", fd.get());
  const auto settled = config::settle(given, config::NeedUri::kNo);
  if (settled) {
    expect(settled->effective.size() >= 20, "every setting is in force");
  } else {
    expect(!toml::to_string(settled.error()).empty(), "a refusal says why");
  }

  const std::string text(input.substr(0, 4096));
  for (const config::Option& option : config::options()) {
    if (option.key->type == toml::Type::kString) continue;
    config::Given variable;
    variable.variables.emplace_back(option.variable(), text);
    const auto one = config::settle(variable, config::NeedUri::kNo);
    expect(one || !toml::to_string(one.error()).empty(), "a refusal says why", option.variable());
  }
}

}  // namespace readygate::fuzz
