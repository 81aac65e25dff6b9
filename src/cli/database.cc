#include "cli/database.h"

#include <cstdio>

#include <fmt/format.h>

#include "cli/exit_code.h"
#include "mongo/driver.h"

namespace readygate::cli {

tl::expected<std::shared_ptr<mongo::Pool>, core::Failure> open_database(const config::Settings& settings) {
  mongo::Settings wanted;
  wanted.uri = settings.mongodb.uri;
  wanted.connect_timeout = settings.mongodb.connect_timeout;
  return mongo::Pool::open(mongo::Driver::start([](LogLevel, std::string_view) {}), wanted, {});
}

int report(const core::Failure& failure) {
  const core::Judgement judgement = core::judge(failure);
  fmt::print(stderr, "readygate: {}: {}\n", name(judgement.reason), judgement.sentence);
  return exit_code(judgement.reason);
}

}  // namespace readygate::cli
