#include "base/log.h"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include <fmt/format.h>
#include <pthread.h>
#include <unistd.h>

#include "base/json.h"

namespace readygate {
namespace {

constexpr std::size_t kMostLines = 1024;

std::string render(LogFormat format, std::string_view ts, LogLevel level, const LogContext& context,
                   std::string_view message, std::string_view fields) {
  if (format == LogFormat::kText) {
    return fmt::format("{} {:<5} {:<12} {}{}{}\n", ts, name(level), context.state, message, fields.empty() ? "" : "  ",
                       fields);
  }
  return fmt::format(R"({{"ts":"{}","level":"{}","state":"{}","attempt":{},"elapsed_ms":{},"msg":{}{}{}}})"
                     "\n",
                     ts, name(level), context.state, context.attempt, context.elapsed.count(), json_quote(message),
                     fields.empty() ? "" : ",", fields);
}

void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;  // nobody reads it any more
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

}  // namespace

std::string_view name(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug: return "debug";
    case LogLevel::kInfo: return "info";
    case LogLevel::kWarn: return "warn";
    case LogLevel::kError: return "error";
  }
  return "error";
}

struct QueuedLog::Queue {
  Queue(int fd_in, LogFormat format_in, LogLevel least_in, const Clock& clock_in)
      : fd(fd_in), format(format_in), least(least_in), clock(clock_in) {}

  const int fd;
  const LogFormat format;
  std::atomic<LogLevel> least;
  const Clock& clock;
  std::atomic<std::uint64_t> dropped{0};

  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::string> lines;
  std::uint64_t unsaid_drops = 0;
  bool writing = false;
  bool closed = false;

  void run() {
    std::unique_lock lock(mutex);
    for (;;) {
      changed.wait(lock, [&] { return closed || !lines.empty() || unsaid_drops > 0; });
      if (lines.empty() && unsaid_drops == 0) return;
      std::string batch;
      for (const std::string& line : lines) batch += line;
      lines.clear();
      if (unsaid_drops > 0) {
        batch += render(format, rfc3339(clock.wall()), LogLevel::kWarn, {}, "log lines were dropped",
                        fmt::format("\"count\":{}", unsaid_drops));
        unsaid_drops = 0;
      }
      writing = true;
      lock.unlock();
      write_all(fd, batch);
      lock.lock();
      writing = false;
      changed.notify_all();
    }
  }
};

QueuedLog::QueuedLog(int fd, LogFormat format, LogLevel least, const Clock& clock)
    : queue_(std::make_shared<Queue>(fd, format, least, clock)) {
  std::thread writer([queue = queue_] {
    pthread_setname_np(pthread_self(), "log");
    queue->run();
  });
  writer.detach();  // never joined: it may be stuck in write()
}

QueuedLog::~QueuedLog() {
  flush(Millis(200));
  const std::lock_guard lock(queue_->mutex);
  queue_->closed = true;
  queue_->changed.notify_all();
}

void QueuedLog::write(LogLevel level, const LogContext& context, std::string_view message, std::string_view fields) {
  if (level < queue_->least.load(std::memory_order_relaxed)) return;
  std::string line = render(queue_->format, rfc3339(queue_->clock.wall()), level, context, message, fields);
  const std::lock_guard lock(queue_->mutex);
  if (queue_->lines.size() >= kMostLines) {
    ++queue_->unsaid_drops;
    queue_->dropped.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  queue_->lines.push_back(std::move(line));
  queue_->changed.notify_all();
}

void QueuedLog::set_level(LogLevel least) { queue_->least.store(least, std::memory_order_relaxed); }

std::uint64_t QueuedLog::dropped() const { return queue_->dropped.load(std::memory_order_relaxed); }

void QueuedLog::flush(Millis limit) {
  std::unique_lock lock(queue_->mutex);
  queue_->changed.wait_for(lock, limit, [&] { return queue_->lines.empty() && !queue_->writing; });
}

}  // namespace readygate
