// `readygate fmt`: schema files in their canonical form.
#include <cstdio>
#include <iostream>
#include <iterator>
#include <string>

#include <fmt/format.h>

#include "base/file.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/inputs.h"
#include "cli/output_file.h"
#include "config/settings.h"
#include "schema/options.h"
#include "toml/format.h"

namespace readygate::cli {
namespace {

constexpr std::string_view kStandardInput = "-";

struct Formatted {
  std::string before;
  std::string after;
};

tl::expected<Formatted, toml::Mistakes> formatted(const std::string& file) {
  Formatted texts;
  const bool standard = file == kStandardInput;
  if (standard) {
    texts.before.assign(std::istreambuf_iterator<char>(std::cin), {});
  } else {
    auto text = read_file(file);
    if (!text) {
      return tl::unexpected(toml::Mistakes{{toml::Place{file, 0, 0}, text.error().reason, text.error().message}});
    }
    texts.before = std::move(*text);
  }
  auto after = toml::format(texts.before, standard ? "standard input" : file, schema::kSchemaKeys);
  if (!after) {
    for (toml::Mistake& mistake : after.error()) {
      if (mistake.reason == Reason::kConfigInvalid) mistake.reason = Reason::kSchemaInvalid;
    }
    return tl::unexpected(std::move(after.error()));
  }
  texts.after = std::move(*after);
  return texts;
}

}  // namespace

int format_files(const CommandLine& line) {
  toml::Mistakes mistakes;
  int code = kExitOk;
  for (const std::string& file : line.files) {
    const auto texts = formatted(file);
    if (!texts) {
      mistakes.insert(mistakes.end(), texts.error().begin(), texts.error().end());
      continue;
    }
    const bool differs = texts->before != texts->after;
    if (line.check) {
      if (differs) {
        fmt::print("{}\n", file);
        code = kExitError;
      }
    } else if (file == kStandardInput) {
      std::fwrite(texts->after.data(), 1, texts->after.size(), stdout);
    } else if (differs) {
      if (const auto written = write_file(file, texts->after, Existing::kReplace); !written) {
        fmt::print(stderr, "readygate: {}\n", written.error().message);
        code = exit_code(written.error().reason);
        continue;
      }
      fmt::print("{}\n", file);
    }
  }
  return mistakes.empty() ? code : report(mistakes, OutputFormat::kText);
}

}  // namespace readygate::cli
