// libmongoc's process-wide state: its initialization, and where its own log goes. Whoever uses the driver shares the
// one Driver; the last owner ends it. A process that ends by _exit() while calls are still blocked never ends it, which
// is allowed.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"

namespace readygate::mongo {

class Driver {
 public:
  // Receives the driver's warnings and errors (its lesser lines are dropped); called from any thread.
  using Log = std::function<void(LogLevel, std::string_view message)>;

  // At most once in a process: libmongoc cannot be started again after its end.
  static std::shared_ptr<Driver> start(Log log);

  ~Driver();
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;

  // Removes the name of the file in /dev/shm that holds the driver's counters. libmongoc 1.x makes it when it is
  // loaded, before main(); a process that ends by _exit() or exec() would leave it behind, and the next one with the
  // same id (always 1 in a container) would stumble over it. The counters themselves go on.
  static void unlink_counters();

  // "1.23.1", of the library that is loaded.
  static std::string version();

 private:
  explicit Driver(Log log);

  Log log_;
};

// While it lives, what the driver logs on this thread is kept here and goes nowhere else: the lines about a URI that is
// being parsed may quote parts of a password.
class CapturedLog {
 public:
  CapturedLog();
  ~CapturedLog();
  CapturedLog(const CapturedLog&) = delete;
  CapturedLog& operator=(const CapturedLog&) = delete;

  const std::vector<std::string>& lines() const { return lines_; }

 private:
  friend class Driver;
  std::vector<std::string> lines_;
  CapturedLog* outer_;
};

}  // namespace readygate::mongo
