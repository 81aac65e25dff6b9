#include "mongo/driver.h"

#include <cstdlib>
#include <utility>

#include <mongoc/mongoc.h>

namespace readygate::mongo {

namespace {

thread_local CapturedLog* captured = nullptr;

LogLevel level_of(mongoc_log_level_t level) {
  return level <= MONGOC_LOG_LEVEL_CRITICAL ? LogLevel::kError : LogLevel::kWarn;
}

}  // namespace

std::shared_ptr<Driver> Driver::start(Log log) { return std::shared_ptr<Driver>(new Driver(std::move(log))); }

Driver::Driver(Log log) : log_(std::move(log)) {
  mongoc_log_set_handler(
      [](mongoc_log_level_t level, const char*, const char* message, void* self) {
        if (level > MONGOC_LOG_LEVEL_WARNING) return;
        if (captured) {
          captured->lines_.emplace_back(message);
        } else if (const Driver* driver = static_cast<Driver*>(self); driver->log_) {
          driver->log_(level_of(level), message);
        }
      },
      this);
  // The driver's counters are a file in /dev/shm named after the process id. A process that ends by _exit() leaves it
  // behind, and the next one with that id (always 1 in a container) stumbles over it. Nobody reads them.
  ::setenv("MONGOC_DISABLE_SHM", "1", 1);  // NOLINT(concurrency-mt-unsafe): before the driver's threads
  mongoc_init();
}

Driver::~Driver() {
  mongoc_cleanup();
  mongoc_log_set_handler(nullptr, nullptr);
}

std::string Driver::version() { return mongoc_get_version(); }

CapturedLog::CapturedLog() : outer_(std::exchange(captured, this)) {}
CapturedLog::~CapturedLog() { captured = outer_; }

}  // namespace readygate::mongo
