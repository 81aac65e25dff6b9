/* Waits until the gate of a service is open, and tells on each request whether it still is.
 *
 * The gate is the sidecar `readygate run`: it makes the database match its schema before the service starts, and keeps
 * telling whether it can be used. What it says is docs/protocol.md of the project.
 *
 * Every function may be called from any thread at any time; a readygate_page also by many threads at once, a
 * readygate_watch by one at a time. Where `socket` is NULL, the environment's READYGATE_GATE_SOCKET names the socket,
 * else it is /run/readygate/gate.sock. With READYGATE_DISABLE=1 nothing waits and the gate counts as open.
 */
#ifndef READYGATE_H
#define READYGATE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a call ends with. The numbers stay what they are. */
enum readygate_result {
  READYGATE_OK = 0,
  READYGATE_TIMEOUT = 1,     /* not in time */
  READYGATE_FAILED = 2,      /* the gate failed, and READYGATE_FAIL_FAST was given; it tries again by itself */
  READYGATE_DRAINING = 3,    /* the gate closes for good: what is not true now will not be */
  READYGATE_FORBIDDEN = 4,   /* the gate does not answer this user */
  READYGATE_PROTOCOL = 5,    /* what answers on the socket is not understood: another program, or another version */
  READYGATE_USAGE = 6,       /* no such fact, or a path that no socket can have */
  READYGATE_UNREACHABLE = 7, /* nobody answers, or there is no page that can be believed */
  READYGATE_TOO_LONG = 8,    /* the buffer is too small for the answer */
  READYGATE_NO_MEMORY = 9
};

/* The name of a result: "timeout", "failed", ... */
const char* readygate_result_name(int result);

/* What the gate says of itself when a wait ends without its fact. All texts are terminated, and cut where they must be.
 */
struct readygate_why {
  char state[24];    /* "initializing", ...; "unknown" when nobody answered */
  char code[64];     /* a reason code; "gate_unreachable" when nobody answered */
  char message[512]; /* a sentence for a person */
};

#define READYGATE_NO_LIMIT (-1) /* as a timeout: for ever */
#define READYGATE_FAIL_FAST 1u  /* a gate that says failed ends the wait */

/* Blocks until the gate says that `fact` is true: "open" (also NULL), "ready", "initialized" or "healthy". No socket, a
 * refused connection, no permission, an end of stream before the answer all mean that it is not, and are tried again:
 * once a second, and when something happens in the socket's folder. `timeout_ms` is at most 10,000 hours; to ask
 * without waiting there is readygate_is_open(). `why` may be NULL; it is written unless the result is READYGATE_OK.
 * Signals do not end it. */
int readygate_wait(const char* socket, const char* fact, int64_t timeout_ms, unsigned flags, struct readygate_why* why);

/* 1 when the gate of the environment is open now, else 0: by one load from a mapped page and one look at a clock, for
 * every request. Never blocks for long, never allocates. After a daemon was killed it may say 1 for three seconds. */
int readygate_is_open(void);

/* 1 when READYGATE_DISABLE=1 is set: the kill switch, for the day on which the gate itself is what is broken. The first
 * time, a line on stderr says so. */
int readygate_disabled(void);

/* The page of another gate than the environment's. NULL: no memory, or a path that no socket can have. That there is no
 * gate yet is no error: the page is looked for again, at most every 100 ms. */
typedef struct readygate_page readygate_page;
readygate_page* readygate_page_open(const char* socket);
int readygate_page_is_open(readygate_page* page); /* as readygate_is_open() */
void readygate_page_close(readygate_page* page);  /* once nobody uses it; NULL is allowed */

/* The facts on the page (NULL: that of the environment's gate) as READYGATE_FACT_... bits, or -1 when there is no page
 * that can be believed. The kill switch does not change them. */
enum readygate_fact {
  READYGATE_FACT_OPEN = 1,
  READYGATE_FACT_READY = 2,
  READYGATE_FACT_INITIALIZED = 4,
  READYGATE_FACT_HEALTHY = 8,
  READYGATE_FACT_REACHABLE = 16,
  READYGATE_FACT_LIVE = 32
};
int readygate_facts(readygate_page* page);

/* The gate's account of itself, a JSON object, copied from the page (NULL: as above) without asking anybody. 4096 bytes
 * are always enough. READYGATE_UNREACHABLE: no page, an old one, or one that has no room for it: then ask. */
int readygate_snapshot(readygate_page* page, char* json, size_t size);

/* The same asked over the socket; `timeout_ms` bounds it. It may be longer than a page. */
int readygate_status(const char* socket, int timeout_ms, char* json, size_t size);

/* The value of a member of such an object: a string's text, else its JSON. `path` is like "phase.what". Returns its
 * length in bytes, which is at most size - 1, or -1: there is no such member, or it does not fit. */
long readygate_member(const char* json, const char* path, char* value, size_t size);

/* Every change of the gate, across the ends of its daemons. readygate_watch_next() gives the snapshot of now, then each
 * newer one; a reader that is slow gets the newest and not each. `*json` is valid until the next call with this watch.
 * READYGATE_TIMEOUT: nothing new; while no daemon answers it waits. */
typedef struct readygate_watch readygate_watch;
int readygate_watch_open(readygate_watch** watch, const char* socket);
int readygate_watch_next(readygate_watch* watch, int64_t timeout_ms, const char** json);
void readygate_watch_close(readygate_watch* watch); /* NULL is allowed */

#ifdef __cplusplus
}
#endif
#endif
