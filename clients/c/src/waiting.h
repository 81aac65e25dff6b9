// The wait itself, for the library and for readygate-wait: connect, ask, and hear the answer, however often it takes.
//
// It fails closed: no socket, a refused connection, a full backlog, no permission yet, an end of stream before an
// answer all mean "not open", and are tried again: at once when something happens in the socket's folder, and once a
// second in any case, since inotify instances run out and some sandboxes deliver no events.
#pragma once

#include "os.h"
#include "protocol.h"

// How the pauses between two connections are spent. Also for watching.
struct rg_pause {
  char folder[RG_LONGEST_PATH + 1];
  int notify_fd;  // negative: none
  int64_t tried_ms;
  int64_t next_try_ms;
};
void rg_pause_begin(struct rg_pause* pause, struct rg_span socket);
void rg_pause_end(struct rg_pause* pause);
// Before each try: between the look and the sleep nothing may be missed. A folder that was replaced is found again.
void rg_pause_before_try(struct rg_pause* pause);
// A connection ended: when to try again. At once if it had lasted; never in a tight circle.
void rg_pause_lost(struct rg_pause* pause);
// Something happened in the folder.
void rg_pause_hint(struct rg_pause* pause);

struct rg_waiting {
  struct rg_span socket;  // rg_is_path() is true of it
  const char* fact;       // rg_is_fact() is true of it
  int64_t timeout_ms;     // negative: for ever
  bool fail_fast;
  int signal_fd;         // a signalfd(2) that ends the wait; negative: none
  int64_t say_every_ms;  // 0: nothing is said
  void (*say)(void* context, const char* progress);
  void* context;
};

// A readygate_result, or 128 + the number of a signal.
int rg_wait(const struct rg_waiting* what, struct readygate_why* why);

// The full snapshot of now, into `buffer`; cut when it does not fit. READYGATE_OK, or why not as a sentence in
// `message`.
int rg_ask_status(struct rg_span socket, int64_t limit_ms, struct rg_text* buffer, struct rg_text* message);
