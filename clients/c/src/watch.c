// Every change of the gate, across the ends of its daemons. The daemon sends the newest snapshot and then each change,
// and a heartbeat every 15 s: silence for longer than two of them and a bit means that nobody is there any more.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "environment.h"
#include "exported.h"
#include "waiting.h"

enum { SILENCE_MS = 35000, CHUNK = 16384, LONGEST = 1024 * 1024 };

struct readygate_watch {
  char path[RG_LONGEST_PATH + 1];
  struct rg_pause pause;
  int fd;  // negative: not connected
  int64_t heard_ms;
  char* bytes;  // what came; the line that was handed out is at its beginning
  size_t size;
  size_t length;
  size_t taken;      // of `bytes`: given out already
  char newest[128];  // instance and number of the last one: a new connection begins with it once more
};

EXPORTED int readygate_watch_open(readygate_watch** watch, const char* socket) {
  const struct rg_span path = rg_socket(socket);
  *watch = NULL;
  if (!rg_is_path(path)) return READYGATE_USAGE;
  struct readygate_watch* const made = calloc(1, sizeof *made);
  if (made == NULL) return READYGATE_NO_MEMORY;
  struct rg_text text = rg_text_in(made->path, sizeof made->path);
  rg_put_span(&text, path);
  rg_pause_begin(&made->pause, path);
  made->fd = -1;
  *watch = made;
  return READYGATE_OK;
}

EXPORTED void readygate_watch_close(readygate_watch* watch) {
  if (watch == NULL) return;
  if (watch->fd >= 0) rg_os_close(watch->fd);
  rg_pause_end(&watch->pause);
  free(watch->bytes);
  free(watch);
}

static void lose(struct readygate_watch* watch) {
  if (watch->fd >= 0) rg_os_close(watch->fd);
  watch->fd = -1;
  rg_pause_lost(&watch->pause);
}

static void connect_again(struct readygate_watch* watch) {
  rg_pause_before_try(&watch->pause);
  watch->fd = rg_os_connect(rg_span_of(watch->path));
  watch->length = watch->taken = 0;
  watch->heard_ms = rg_os_now_ms();
  if (watch->fd >= 0 && rg_os_send(watch->fd, "WATCH\n", 6) != 6) lose(watch);
}

// A snapshot that was not handed out yet? Not a heartbeat, and not `busy`.
static bool is_news(struct readygate_watch* watch, struct rg_span line) {
  struct rg_span ignored;
  if (!rg_json_is_object(line) || !rg_json_find(line, "state", &ignored) || rg_json_find(line, "ok", &ignored)) {
    return false;
  }
  char newest[sizeof watch->newest];
  struct rg_text text = rg_text_in(newest, sizeof newest);
  rg_put_member(&text, line, "instance_id");
  rg_put(&text, " ");
  rg_put_member(&text, line, "seq");
  if (strcmp(newest, watch->newest) == 0) return false;
  memcpy(watch->newest, newest, sizeof newest);
  return true;
}

// The next line that is news, of what came already. NULL: none yet.
static const char* next_line(struct readygate_watch* watch) {
  for (;;) {
    char* const begin = watch->bytes + watch->taken;
    char* const end = watch->length > watch->taken ? memchr(begin, '\n', watch->length - watch->taken) : NULL;
    if (end == NULL) return NULL;
    *end = '\0';
    watch->taken = (size_t)(end - watch->bytes) + 1;
    if (is_news(watch, (struct rg_span){begin, (size_t)(end - begin)})) return begin;
  }
}

static int make_room(struct readygate_watch* watch) {
  if (watch->taken > 0) {
    memmove(watch->bytes, watch->bytes + watch->taken, watch->length - watch->taken);
    watch->length -= watch->taken;
    watch->taken = 0;
  }
  if (watch->size - watch->length >= CHUNK) return READYGATE_OK;
  char* const bytes = realloc(watch->bytes, watch->length + CHUNK);
  if (bytes == NULL) return READYGATE_NO_MEMORY;
  watch->bytes = bytes;
  watch->size = watch->length + CHUNK;
  return READYGATE_OK;
}

static int hear(struct readygate_watch* watch) {
  if (watch->length - watch->taken > LONGEST) {
    lose(watch);
    return READYGATE_OK;
  }
  const int room = make_room(watch);
  if (room != READYGATE_OK) return room;
  const long got = rg_os_recv(watch->fd, watch->bytes + watch->length, watch->size - watch->length);
  if (got == -EAGAIN || got == -EINTR) return READYGATE_OK;
  if (got <= 0) {
    lose(watch);
    return READYGATE_OK;
  }
  watch->length += (size_t)got;
  watch->heard_ms = rg_os_now_ms();
  return READYGATE_OK;
}

EXPORTED int readygate_watch_next(readygate_watch* watch, int64_t timeout_ms, const char** json) {
  const int64_t deadline = timeout_ms < 0 || timeout_ms > INT32_MAX ? INT64_MAX : rg_os_now_ms() + timeout_ms;
  *json = NULL;
  for (;;) {
    if (watch->bytes != NULL && (*json = next_line(watch)) != NULL) return READYGATE_OK;
    const int64_t now = rg_os_now_ms();
    if (watch->fd >= 0 && now - watch->heard_ms >= SILENCE_MS) lose(watch);
    if (watch->fd < 0 && now >= watch->pause.next_try_ms) connect_again(watch);
    if (now >= deadline) return READYGATE_TIMEOUT;
    int64_t until = watch->fd < 0 ? watch->pause.next_try_ms : watch->heard_ms + SILENCE_MS;
    if (deadline < until) until = deadline;
    const int fds[2] = {watch->fd < 0 ? watch->pause.notify_fd : -1, watch->fd};
    const unsigned ready = rg_os_poll(fds, 2, until > now ? until - now : 0);
    if ((ready & 1U) != 0) rg_pause_hint(&watch->pause);
    if ((ready & 2U) != 0) {
      const int heard = hear(watch);
      if (heard != READYGATE_OK) return heard;
    }
  }
}
