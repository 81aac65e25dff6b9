#include "mongo/driver.h"

#include <utility>

#include <fmt/format.h>
#include <mongoc/mongoc.h>
#include <sys/mman.h>
#include <unistd.h>

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
  mongoc_init();
  unlink_counters();
}

Driver::~Driver() {
  mongoc_cleanup();
  mongoc_log_set_handler(nullptr, nullptr);
}

void Driver::unlink_counters() { ::shm_unlink(fmt::format("/mongoc-{}", ::getpid()).c_str()); }

std::string Driver::version() { return mongoc_get_version(); }

CapturedLog::CapturedLog() : outer_(std::exchange(captured, this)) {}
CapturedLog::~CapturedLog() { captured = outer_; }

}  // namespace readygate::mongo
