// What asks over the socket, and what reads an answer: the exported functions around waiting.h and json.h.
#include "environment.h"
#include "exported.h"
#include "waiting.h"

static const int64_t longest_ms = 10000 * (int64_t)3600000;

EXPORTED const char* readygate_result_name(int result) {
  static const char* const names[] = {"ok",       "timeout", "failed",      "draining", "forbidden",
                                      "protocol", "usage",   "unreachable", "too_long", "no_memory"};
  return result >= 0 && (size_t)result < sizeof names / sizeof names[0] ? names[result] : "unknown";
}

static int usage(struct readygate_why* why, const char* wrong, struct rg_span what) {
  struct rg_text text = rg_text_in(why->message, sizeof why->message);
  rg_set_why(why, "unknown", "usage");
  rg_put(&text, wrong);
  rg_put_span(&text, what);
  return READYGATE_USAGE;
}

EXPORTED int readygate_wait(const char* socket, const char* fact, int64_t timeout_ms, unsigned flags,
                            struct readygate_why* why) {
  struct readygate_why unwanted;
  if (why == NULL) why = &unwanted;
  struct rg_waiting what = {
      .socket = rg_socket(socket),
      .fact = fact != NULL ? fact : "open",
      .timeout_ms = timeout_ms < longest_ms ? timeout_ms : longest_ms,
      .fail_fast = (flags & READYGATE_FAIL_FAST) != 0,
      .signal_fd = -1,
  };
  if (!rg_is_fact(what.fact)) return usage(why, "there is no such fact: ", rg_span_of(what.fact));
  if (!rg_is_path(what.socket)) return usage(why, "1 to 107 bytes, and no socket's path: ", what.socket);
  return readygate_disabled() ? READYGATE_OK : rg_wait(&what, why);
}

EXPORTED int readygate_status(const char* socket, int timeout_ms, char* json, size_t size) {
  char ignored[256];
  const struct rg_span path = rg_socket(socket);
  if (size == 0) return READYGATE_TOO_LONG;
  struct rg_text buffer = rg_text_in(json, size);
  struct rg_text problem = rg_text_in(ignored, sizeof ignored);
  if (!rg_is_path(path)) return READYGATE_USAGE;
  const int result = rg_ask_status(path, timeout_ms, &buffer, &problem);
  if (result == READYGATE_OK && buffer.cut) return READYGATE_TOO_LONG;
  if (result == READYGATE_OK && !rg_json_is_object((struct rg_span){buffer.at, buffer.length})) {
    return READYGATE_UNREACHABLE;
  }
  return result;
}

EXPORTED long readygate_member(const char* json, const char* path, char* value, size_t size) {
  struct rg_span found;
  if (size == 0) return -1;
  struct rg_text text = rg_text_in(value, size);
  if (!rg_json_find(rg_span_of(json), path, &found)) return -1;
  rg_put_json(&text, found);
  return text.cut ? -1 : (long)text.length;
}
