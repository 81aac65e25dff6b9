// readygate.h for C++17: waits throw, a page and a watch close themselves. Header only; link with the C library.
#ifndef READYGATE_HPP
#define READYGATE_HPP

#include <readygate.h>

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

namespace readygate::client {

struct Error : std::runtime_error {
  Error(int result_given, const readygate_why& why)
      : std::runtime_error(why.message), result(result_given), state(why.state), code(why.code) {}
  int result;  // a readygate_result
  std::string state;
  std::string code;
};

struct Wait {
  const char* fact = "open";
  std::optional<std::chrono::milliseconds> timeout;  // none: for ever
  bool fail_fast = false;
  const char* socket = nullptr;
};

// Returns once the fact is true; throws Error.
inline void wait(const Wait& what = {}) {
  readygate_why why{};
  const std::int64_t limit = what.timeout ? what.timeout->count() : READYGATE_NO_LIMIT;
  const int result = readygate_wait(what.socket, what.fact, limit, what.fail_fast ? READYGATE_FAIL_FAST : 0, &why);
  if (result != READYGATE_OK) throw Error(result, why);
}

inline bool is_open() noexcept { return readygate_is_open() == 1; }

struct Closer {
  void operator()(readygate_page* page) const noexcept { readygate_page_close(page); }
  void operator()(readygate_watch* watch) const noexcept { readygate_watch_close(watch); }
};
using Page = std::unique_ptr<readygate_page, Closer>;
using Watch = std::unique_ptr<readygate_watch, Closer>;

}  // namespace readygate::client
#endif
