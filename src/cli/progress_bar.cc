#include "cli/progress_bar.h"

#include <algorithm>
#include <cstddef>

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace readygate::cli {
namespace {

constexpr int kCells = 20;
constexpr int kUsualColumns = 80;
constexpr Millis kLogFirst{200};

int columns_of(int fd) {
  winsize size{};
  return ::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : kUsualColumns;
}

// Cut between characters, not in one.
std::string cut(std::string text, int columns) {
  int width = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const bool starts = (static_cast<unsigned char>(text[at]) & 0xC0U) != 0x80U;
    if (starts && ++width > columns) {
      text.resize(at);
      break;
    }
  }
  return text;
}

}  // namespace

std::string render_bar(const core::Snapshot& snapshot, int columns) {
  const core::Snapshot::Phase& phase = snapshot.phase;
  const std::string what = phase.what.empty() ? std::string(name(snapshot.state)) : phase.what;
  if (phase.of == 0) return cut(what, columns);
  const double done = std::max(0, phase.step - 1) + phase.percent.value_or(0) / 100.0;
  const int full = std::clamp(static_cast<int>(done / phase.of * kCells), 0, kCells);
  const std::string percent = phase.percent ? fmt::format("{:3} %", *phase.percent) : "     ";
  return cut(
      fmt::format("[{:#<{}}{:-<{}}] {}/{} {}  {}", "", full, "", kCells - full, phase.step, phase.of, percent, what),
      columns);
}

void ProgressBar::write(LogLevel level, const LogContext& context, std::string_view message, std::string_view fields) {
  if (!shown_.empty()) put("\r\x1b[K");
  log_.write(level, context, message, fields);
  log_.flush(kLogFirst);
  put(shown_);
}

void ProgressBar::draw(const core::Snapshot& snapshot) {
  // The last column stays free: writing into it would wrap on some terminals.
  shown_ = render_bar(snapshot, columns_of(fd_) - 1);
  put("\r\x1b[K" + shown_);
}

void ProgressBar::clear() {
  if (!shown_.empty()) put("\r\x1b[K");
  shown_.clear();
}

// What a terminal does not take is not worth waiting for.
void ProgressBar::put(const std::string& text) const {
  [[maybe_unused]] const auto n = ::write(fd_, text.data(), text.size());
}

}  // namespace readygate::cli
