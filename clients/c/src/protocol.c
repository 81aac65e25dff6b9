#include "protocol.h"

#if __STDC_HOSTED__
#include <errno.h>
#else
#include <asm-generic/errno.h>  // x86-64 and arm64 both have these numbers
#endif

bool rg_is_fact(const char* name) {
  static const char* const facts[] = {"open", "ready", "initialized", "healthy"};
  for (size_t i = 0; i < sizeof facts / sizeof facts[0]; ++i) {
    if (rg_same(rg_span_of(name), facts[i])) return true;
  }
  return false;
}

bool rg_is_path(struct rg_span socket) { return socket.length >= 1 && socket.length <= RG_LONGEST_PATH; }

void rg_put_wait_request(struct rg_text* request, const char* fact, bool fail_fast) {
  rg_put(request, "WAIT ");
  rg_put(request, fact);
  rg_put(request, fail_fast ? " fail-fast\n" : "\n");
}

void rg_set_why(struct readygate_why* why, const char* state, const char* code) {
  struct rg_text text = rg_text_in(why->state, sizeof why->state);
  rg_put(&text, state);
  text = rg_text_in(why->code, sizeof why->code);
  rg_put(&text, code);
}

int rg_judge(struct rg_span line, struct readygate_why* why) {
  struct rg_text message = rg_text_in(why->message, sizeof why->message);
  struct rg_span ok;
  rg_set_why(why, "unknown", "unknown");
  if (!rg_json_is_object(line) || !rg_json_find(line, "ok", &ok) || !(rg_same(ok, "true") || rg_same(ok, "false"))) {
    rg_put(&message, "the answer is not understood: is it a gate?");
    return READYGATE_PROTOCOL;
  }
  if (rg_same(ok, "true")) return READYGATE_OK;

  char kind[32];
  struct rg_text said = rg_text_in(kind, sizeof kind);
  rg_put_member(&said, line, "why");
  struct rg_text state = rg_text_in(why->state, sizeof why->state);
  if (!rg_put_member(&state, line, "state")) rg_put(&state, "unknown");
  struct rg_text code = rg_text_in(why->code, sizeof why->code);
  if (!rg_put_member(&code, line, "code")) rg_put(&code, "unknown");

  const struct rg_span named = rg_span_of(kind);
  if (rg_same(named, "failed")) {
    rg_put(&message, "the gate failed (");
    rg_put(&message, why->code);
    rg_put(&message, ")");
    return READYGATE_FAILED;
  }
  if (rg_same(named, "draining")) {
    rg_put(&message, "the gate is draining: it will not open again");
    return READYGATE_DRAINING;
  }
  if (rg_same(named, "forbidden")) {
    rg_put(&message, "the gate does not answer this user");
    return READYGATE_FORBIDDEN;
  }
  rg_put(&message, "the gate answers: ");
  rg_put(&message, kind);
  if (rg_same(named, "busy") || rg_same(named, "timeout")) return RG_TRY_AGAIN;
  rg_put(&message, "; is it of another version?");
  return READYGATE_PROTOCOL;
}

bool rg_describe(struct rg_text* text, struct rg_span snapshot) {
  struct rg_span found;
  if (!rg_json_find(snapshot, "state", &found)) return false;
  rg_put(text, "the gate is ");
  rg_put_json(text, found);
  if (rg_json_find(snapshot, "phase.what", &found) && !rg_same(found, "\"\"")) {
    rg_put(text, " (");
    rg_put_json(text, found);
    rg_put(text, ")");
  }
  if (rg_json_find(snapshot, "code", &found) && !rg_same(found, "\"none\"")) {
    rg_put(text, ", ");
    rg_put_json(text, found);
  }
  if (rg_json_find(snapshot, "reason", &found) && !rg_same(found, "\"\"")) {
    rg_put(text, ": ");
    rg_put_json(text, found);
  }
  return true;
}

const char* rg_why_not_connected(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR: return "the socket does not exist (is `readygate run` started, and the folder mounted?)";
    case ECONNREFUSED: return "nobody listens on the socket";
    case EACCES:
    case EPERM: return "this user may not connect (see gate.socket_mode and gate.socket_group)";
    case EAGAIN: return "too many clients connect at once";
    default: return rg_error_text(error);
  }
}

// In the C library's words. Those that connect and exec give; strerror is not there for all, nor for every thread.
const char* rg_error_text(int error) {
  switch (error) {
    case EPERM: return "Operation not permitted";
    case ENOENT: return "No such file or directory";
    case EIO: return "Input/output error";
    case E2BIG: return "Argument list too long";
    case ENOEXEC: return "Exec format error";
    case ENOMEM: return "Cannot allocate memory";
    case EACCES: return "Permission denied";
    case ENOTDIR: return "Not a directory";
    case EISDIR: return "Is a directory";
    case EINVAL: return "Invalid argument";
    case ENFILE: return "Too many open files in system";
    case EMFILE: return "Too many open files";
    case ETXTBSY: return "Text file busy";
    case ENAMETOOLONG: return "File name too long";
    case ELOOP: return "Too many levels of symbolic links";
    case EPROTOTYPE: return "Protocol wrong type for socket";
    case ETIMEDOUT: return "Connection timed out";
    case EPIPE: return "Broken pipe";
    case ECONNRESET: return "Connection reset by peer";
    default: return "Unknown error";
  }
}
