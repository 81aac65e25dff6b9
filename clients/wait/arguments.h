// The command line and the environment of readygate-wait, as plain data. Pure: also built with the C library, for the
// unit tests.
#pragma once

#include "text.h"

enum verb { VERB_WAIT, VERB_SLEEP, VERB_HELP, VERB_VERSION, VERB_USAGE };

struct arguments {
  enum verb verb;
  struct rg_span socket;  // checked
  const char* fact;       // checked
  int64_t timeout_ms;     // of a sleep, its length; of a wait, 0 for ever
  bool fail_fast;
  int command;  // index in argv; argc: none
};

// VERB_USAGE: what is wrong is in `problem`.
struct arguments read_arguments(int argc, char* const* argv, char* const* environment, struct rg_text* problem);

// The value of a variable; NULL: not set.
const char* from_environment(char* const* environment, const char* name);

// Where execvp(3) looks for a command, place by place. A name with a slash is its own only place.
struct places {
  const char* name;
  const char* rest;  // of PATH; NULL: no further place
};
struct places places_of(const char* name, char* const* environment);
// False: no further place, or (skipped) one whose path does not fit.
bool next_place(struct places* places, struct rg_text* path);
