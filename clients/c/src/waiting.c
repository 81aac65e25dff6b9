#include "waiting.h"

#if __STDC_HOSTED__
#include <errno.h>
#else
#include <asm-generic/errno.h>
#endif

enum {
  TRY_AGAIN_MS = 1000,
  STATUS_LIMIT_MS = 200,  // to learn why
  STATUS_SIZE = 16384     // what is told of it stands at its beginning
};
static const int64_t longest_sleep_ms = 24 * 3600 * (int64_t)1000;  // poll(2) takes an int

void rg_pause_begin(struct rg_pause* pause, struct rg_span socket) {
  struct rg_text folder = rg_text_in(pause->folder, sizeof pause->folder);
  size_t slash = socket.length;
  while (slash > 0 && socket.at[slash - 1] != '/') --slash;
  if (slash == 0) rg_put(&folder, ".");
  if (slash == 1) rg_put(&folder, "/");
  if (slash > 1) rg_put_span(&folder, (struct rg_span){socket.at, slash - 1});
  pause->notify_fd = rg_os_notify();
  pause->tried_ms = pause->next_try_ms = rg_os_now_ms();
}

void rg_pause_end(struct rg_pause* pause) {
  if (pause->notify_fd >= 0) rg_os_close(pause->notify_fd);
}

void rg_pause_before_try(struct rg_pause* pause) {
  if (pause->notify_fd >= 0) rg_os_notify_add(pause->notify_fd, pause->folder);
  pause->tried_ms = rg_os_now_ms();
  pause->next_try_ms = pause->tried_ms + TRY_AGAIN_MS;
}

void rg_pause_lost(struct rg_pause* pause) {
  const int64_t now = rg_os_now_ms();
  pause->next_try_ms = pause->tried_ms + TRY_AGAIN_MS;
  if (pause->next_try_ms < now) pause->next_try_ms = now;
}

void rg_pause_hint(struct rg_pause* pause) {
  rg_os_drain(pause->notify_fd);
  pause->next_try_ms = rg_os_now_ms();
}

static int unreachable(struct rg_text* message, struct rg_span socket, const char* why) {
  rg_put(message, "no answer from the gate at ");
  rg_put_span(message, socket);
  rg_put(message, ": ");
  rg_put(message, why);
  return READYGATE_UNREACHABLE;
}

int rg_ask_status(struct rg_span socket, int64_t limit_ms, struct rg_text* buffer, struct rg_text* message) {
  static const struct rg_span request = {"STATUS\n", 7};
  const int64_t deadline = rg_os_now_ms() + limit_ms;
  const int fd = rg_os_connect(socket);
  if (fd < 0) return unreachable(message, socket, rg_why_not_connected(-fd));
  const char* wrong = NULL;
  if (rg_os_send(fd, request.at, request.length) != (long)request.length) wrong = "the daemon closed the connection";
  while (wrong == NULL) {
    char piece[2048];
    const int64_t left = deadline - rg_os_now_ms();
    if (left <= 0) {
      wrong = "the daemon did not answer in time";
      break;
    }
    if (rg_os_poll(&fd, 1, left < longest_sleep_ms ? left : longest_sleep_ms) == 0) continue;
    const long got = rg_os_recv(fd, piece, sizeof piece);
    if (got == -EAGAIN || got == -EINTR) continue;
    if (got < 0) wrong = rg_error_text((int)-got);
    if (got == 0) break;
    if (got > 0) rg_put_span(buffer, (struct rg_span){piece, (size_t)got});
    if (buffer->cut) break;
  }
  rg_os_close(fd);
  struct rg_span state;
  const struct rg_span said = {buffer->at, buffer->length};
  if (wrong == NULL && said.length == 0) wrong = "the daemon ended before it answered";
  if (wrong == NULL && !rg_json_find(said, "state", &state)) wrong = "what answers there is not a gate";
  return wrong == NULL ? READYGATE_OK : unreachable(message, socket, wrong);
}

struct attempt {
  const struct rg_waiting* what;
  struct readygate_why* why;
  struct rg_pause pause;
  int64_t started_ms;
  int64_t next_say_ms;
  int fd;  // negative: not connected
  char answer[RG_LONGEST_ANSWER];
  size_t answered;
  char cause[sizeof((struct readygate_why*)NULL)->message];  // of the last try that led nowhere
};

static void set_cause(struct attempt* a, const char* cause) {
  struct rg_text text = rg_text_in(a->cause, sizeof a->cause);
  rg_put(&text, cause);
}

static void disconnect(struct attempt* a, const char* cause) {
  rg_os_close(a->fd);
  a->fd = -1;
  set_cause(a, cause);
  rg_pause_lost(&a->pause);
}

static void try_once(struct attempt* a) {
  rg_pause_before_try(&a->pause);
  a->fd = rg_os_connect(a->what->socket);
  if (a->fd < 0) {
    struct rg_text text = rg_text_in(a->cause, sizeof a->cause);
    unreachable(&text, a->what->socket, rg_why_not_connected(-a->fd));
    return;
  }
  char line[64];
  struct rg_text request = rg_text_in(line, sizeof line);
  rg_put_wait_request(&request, a->what->fact, a->what->fail_fast);
  a->answered = 0;
  // A request is far smaller than a new socket's buffer, so it goes at once or never.
  if (rg_os_send(a->fd, line, request.length) != (long)request.length) {
    disconnect(a, "the daemon closed the connection");
  }
}

// What the gate says of itself now: its sentence, state and code. False: it does not.
static bool ask_why(struct attempt* a, struct readygate_why* why) {
  char json[STATUS_SIZE];
  char ignored[256];
  struct rg_text buffer = rg_text_in(json, sizeof json);
  struct rg_text problem = rg_text_in(ignored, sizeof ignored);
  if (rg_ask_status(a->what->socket, STATUS_LIMIT_MS, &buffer, &problem) != READYGATE_OK) return false;
  const struct rg_span said = {buffer.at, buffer.length};
  struct rg_text text = rg_text_in(why->message, sizeof why->message);
  rg_describe(&text, said);
  text = rg_text_in(why->state, sizeof why->state);
  rg_put_member(&text, said, "state");
  text = rg_text_in(why->code, sizeof why->code);
  if (!rg_put_member(&text, said, "code")) rg_put(&text, "unknown");
  return true;
}

static void explain(struct attempt* a, struct readygate_why* why) {
  if (a->fd >= 0 && ask_why(a, why)) return;
  struct rg_text text = rg_text_in(why->message, sizeof why->message);
  rg_put(&text, a->fd >= 0 ? "the gate does not say why" : a->cause);
  rg_set_why(why, "unknown", "gate_unreachable");
}

// The line that came; RG_TRY_AGAIN when it decides nothing.
static int decide(struct attempt* a, size_t length) {
  struct readygate_why* const why = a->why;
  const int result = rg_judge((struct rg_span){a->answer, length}, why);
  if (result == RG_TRY_AGAIN) {
    disconnect(a, why->message);
  } else if (result == READYGATE_FAILED) {
    struct readygate_why now;
    // The gate's own sentence, if it still says that it failed.
    if (ask_why(a, &now) && rg_same(rg_span_of(now.state), why->state)) {
      struct rg_text text = rg_text_in(why->message, sizeof why->message);
      rg_put(&text, now.message);
    }
  }
  return result;
}

static int hear(struct attempt* a) {
  const long got = rg_os_recv(a->fd, a->answer + a->answered, sizeof a->answer - a->answered);
  if (got == -EAGAIN || got == -EINTR) return RG_TRY_AGAIN;
  const size_t before = a->answered;
  if (got > 0) a->answered += (size_t)got;
  for (size_t i = before; i < a->answered; ++i) {
    if (a->answer[i] == '\n') return decide(a, i);
  }
  if (got <= 0 || a->answered == sizeof a->answer) disconnect(a, "the daemon ended before it answered");
  return RG_TRY_AGAIN;
}

static int64_t deadline(const struct attempt* a) {
  return a->what->timeout_ms < 0 ? INT64_MAX : a->started_ms + a->what->timeout_ms;
}

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

// Until something comes or is due.
static int sleep_until_due(struct attempt* a) {
  int64_t until = deadline(a);
  if (a->fd < 0) until = least(until, a->pause.next_try_ms);
  if (a->what->say_every_ms > 0) until = least(until, a->next_say_ms);
  const int64_t left = until - rg_os_now_ms();
  const int fds[3] = {a->what->signal_fd, a->fd < 0 ? a->pause.notify_fd : -1, a->fd};
  const unsigned ready = rg_os_poll(fds, 3, left < 0 ? 0 : least(left, longest_sleep_ms));
  if ((ready & 1U) != 0) {
    const int signal = rg_os_signal(a->what->signal_fd);
    if (signal > 0) return 128 + signal;
  }
  if ((ready & 2U) != 0) rg_pause_hint(&a->pause);
  return (ready & 4U) != 0 ? hear(a) : RG_TRY_AGAIN;
}

static int time_is_up(struct attempt* a) {
  struct readygate_why now;
  explain(a, &now);
  rg_set_why(a->why, now.state, now.code);
  struct rg_text text = rg_text_in(a->why->message, sizeof a->why->message);
  rg_put(&text, "not ");
  rg_put(&text, a->what->fact);
  rg_put(&text, " after ");
  rg_put_duration(&text, a->what->timeout_ms);
  rg_put(&text, ": ");
  rg_put(&text, now.message);
  return READYGATE_TIMEOUT;
}

static void report(struct attempt* a) {
  struct readygate_why now;
  char line[640];
  struct rg_text text = rg_text_in(line, sizeof line);
  explain(a, &now);
  rg_put(&text, "waiting for ");
  rg_put(&text, a->what->fact);
  rg_put(&text, " (");
  rg_put_number(&text, (rg_os_now_ms() - a->started_ms) / 1000);
  rg_put(&text, "s): ");
  rg_put(&text, now.message);
  a->what->say(a->what->context, line);
  a->next_say_ms = rg_os_now_ms() + a->what->say_every_ms;
}

int rg_wait(const struct rg_waiting* what, struct readygate_why* why) {
  struct attempt a;
  a.what = what;
  a.why = why;
  a.fd = -1;
  a.answered = 0;
  set_cause(&a, "the socket was not tried yet");
  rg_pause_begin(&a.pause, what->socket);
  a.started_ms = rg_os_now_ms();
  a.next_say_ms = a.started_ms + what->say_every_ms;
  int result = RG_TRY_AGAIN;
  while (result == RG_TRY_AGAIN) {
    const int64_t now = rg_os_now_ms();
    if (a.fd < 0 && now >= a.pause.next_try_ms) try_once(&a);
    if (now >= deadline(&a)) {
      result = time_is_up(&a);
      break;
    }
    if (what->say_every_ms > 0 && now >= a.next_say_ms) report(&a);
    result = sleep_until_due(&a);
  }
  if (a.fd >= 0) rg_os_close(a.fd);
  rg_pause_end(&a.pause);
  return result;
}
