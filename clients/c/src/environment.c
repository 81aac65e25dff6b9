#include "environment.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "exported.h"
#include "protocol.h"

struct rg_span rg_socket(const char* given) {
  const char* path = given != NULL ? given : getenv("READYGATE_GATE_SOCKET");
  if (path == NULL || (given == NULL && *path == '\0')) path = RG_DEFAULT_SOCKET;
  return rg_span_of(path);
}

EXPORTED int readygate_disabled(void) {
  static const char line[] = "readygate: READYGATE_DISABLE=1 is set: the gate is not waited for\n";
  static atomic_flag said = ATOMIC_FLAG_INIT;
  const char* const value = getenv("READYGATE_DISABLE");
  if (value == NULL || !rg_same(rg_span_of(value), "1")) return 0;
  if (!atomic_flag_test_and_set(&said) && write(STDERR_FILENO, line, sizeof line - 1) < 0) return 1;  // said to nobody
  return 1;
}
