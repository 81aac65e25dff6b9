#include "driver.h"

#include <doctest/doctest.h>
#include <mongoc/mongoc.h>

namespace readygate::mongo {

namespace testing {

std::vector<std::string>& logged() {
  static std::vector<std::string> lines;
  return lines;
}

std::shared_ptr<Driver> driver() {
  static const std::shared_ptr<Driver> one =
      Driver::start([](LogLevel, std::string_view message) { logged().emplace_back(message); });
  return one;
}

}  // namespace testing

TEST_CASE("the driver's warnings are passed on, its chatter is not, and a captured one goes nowhere") {
  const auto driver = testing::driver();
  testing::logged().clear();
  mongoc_log(MONGOC_LOG_LEVEL_DEBUG, "test", "chatter");
  mongoc_log(MONGOC_LOG_LEVEL_INFO, "test", "information");
  CHECK(testing::logged().empty());
  mongoc_log(MONGOC_LOG_LEVEL_WARNING, "test", "a warning");
  CHECK(testing::logged() == std::vector<std::string>{"a warning"});
  {
    const CapturedLog outer;
    {
      const CapturedLog inner;
      mongoc_log(MONGOC_LOG_LEVEL_WARNING, "test", "quiet");
      CHECK(inner.lines() == std::vector<std::string>{"quiet"});
    }
    mongoc_log(MONGOC_LOG_LEVEL_ERROR, "test", "also quiet");
    CHECK(outer.lines() == std::vector<std::string>{"also quiet"});
  }
  CHECK(testing::logged().size() == 1);
}

}  // namespace readygate::mongo
