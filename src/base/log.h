// The log: one line per message, JSON or text, through a bounded queue to a thread that writes. A stderr that blocks
// (a full pipe) therefore blocks nothing else; what did not fit is counted, and said when there is room again.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace readygate {

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarn, kError };
std::string_view name(LogLevel level);

enum class LogFormat : std::uint8_t { kJson, kText };

// What every line says beside its message.
struct LogContext {
  std::string_view state;    // the gate's state
  std::int64_t attempt = 0;  // of initialization, from 1
  Millis elapsed{0};         // since the daemon started
};

// Where lines go. Any thread.
class LogSink {
 public:
  virtual ~LogSink() = default;
  // `fields` is "" or more members of the JSON object: "\"code\":\"x\"" (JsonWriter writes them).
  virtual void write(LogLevel level, const LogContext& context, std::string_view message, std::string_view fields) = 0;
};

// Writes to a descriptor that stays open longer than the log lives. At most 1,024 lines wait.
class QueuedLog final : public LogSink {
 public:
  QueuedLog(int fd, LogFormat format, LogLevel least, const Clock& clock);
  ~QueuedLog() override;
  QueuedLog(const QueuedLog&) = delete;
  QueuedLog& operator=(const QueuedLog&) = delete;

  void write(LogLevel level, const LogContext& context, std::string_view message, std::string_view fields) override;
  void set_level(LogLevel least);
  std::uint64_t dropped() const;
  // Waits until what was written so far is out, at most `limit`. For the end of the process.
  void flush(Millis limit);

 private:
  struct Queue;
  std::shared_ptr<Queue> queue_;  // shared with the thread, which may be stuck in write() when we go
};

}  // namespace readygate
