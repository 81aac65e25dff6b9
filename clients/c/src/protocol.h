// The line dialect, without sockets: what is asked, and what an answer means. One place for the library and for
// readygate-wait, and for the rule that everything depends on: what is not a whole answer that says `ok` is not open.
#pragma once

#include "json.h"
#include "readygate.h"

#define RG_DEFAULT_SOCKET "/run/readygate/gate.sock"
enum {
  RG_LONGEST_PATH = 107,     // bytes of a Unix socket's address (unix(7))
  RG_LONGEST_ANSWER = 4096,  // to WAIT; it has a few hundred
  RG_TRY_AGAIN = -1          // beside the results: not decided
};

bool rg_is_fact(const char* name);
bool rg_is_path(struct rg_span socket);
void rg_put_wait_request(struct rg_text* request, const char* fact, bool fail_fast);

// What the line says. RG_TRY_AGAIN, with the cause as the message; READYGATE_OK; or what ends the wait.
int rg_judge(struct rg_span line, struct readygate_why* why);

// The gate's account in a sentence. False: it is none.
bool rg_describe(struct rg_text* text, struct rg_span snapshot);

// Both for a positive errno.
const char* rg_why_not_connected(int error);
const char* rg_error_text(int error);

void rg_set_why(struct readygate_why* why, const char* state, const char* code);
