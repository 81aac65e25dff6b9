// One line that shows how far the gate is, for a terminal.
#pragma once

#include <string>

#include "base/log.h"
#include "core/snapshot.h"

namespace readygate::cli {

// At most `columns` wide, no line end: "[######--------------] 4/12  33 %  orders: create index customer".
std::string render_bar(const core::Snapshot& snapshot, int columns);

// Draws on a descriptor that is a terminal, and passes the log on above the bar. One thread.
class ProgressBar final : public LogSink {
 public:
  // `log` writes to the same terminal and outlives this object.
  ProgressBar(int fd, QueuedLog& log) : fd_(fd), log_(log) {}

  void write(LogLevel level, const LogContext& context, std::string_view message, std::string_view fields) override;
  void draw(const core::Snapshot& snapshot);
  void clear();

 private:
  void put(const std::string& text) const;

  const int fd_;
  QueuedLog& log_;
  std::string shown_;
};

}  // namespace readygate::cli
