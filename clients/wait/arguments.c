#include "arguments.h"

#include "protocol.h"

const char* from_environment(char* const* environment, const char* name) {
  const size_t length = rg_span_of(name).length;
  for (; *environment != NULL; ++environment) {
    size_t i = 0;
    while (i < length && (*environment)[i] == name[i]) ++i;
    if (i == length && (*environment)[length] == '=') return *environment + length + 1;
  }
  return NULL;
}

static struct arguments usage(struct rg_text* problem, const char* option, const char* value, const char* wrong) {
  rg_put(problem, option);
  if (value != NULL) {
    rg_put(problem, ": \"");
    rg_put(problem, value);
    rg_put(problem, "\"");
  }
  rg_put(problem, wrong);
  return (struct arguments){.verb = VERB_USAGE};
}

// `sleep 5`: in seconds, or with a unit.
static struct arguments read_sleep(int argc, char* const* argv, struct rg_text* problem) {
  if (argc != 3) return usage(problem, "sleep", NULL, " takes one duration, like 5 or 500ms");
  const struct rg_span text = rg_span_of(argv[2]);
  char with_unit[32];
  struct rg_text seconds = rg_text_in(with_unit, sizeof with_unit);
  rg_put_span(&seconds, text);
  rg_put(&seconds, "s");
  int64_t ms = rg_duration_ms(text);
  if (ms < 0) ms = rg_duration_ms((struct rg_span){seconds.at, seconds.length});
  if (ms < 0) return usage(problem, "sleep", argv[2], " is not a duration like 5 or 500ms");
  return (struct arguments){.verb = VERB_SLEEP, .timeout_ms = ms, .command = argc};
}

// Is this word the option, alone or as `--option=value`? Its value is then in `value`: NULL when none follows.
static bool takes(const char* option, char* const* argv, int* at, const char** value) {
  const char* const word = argv[*at];
  size_t i = 0;
  while (option[i] != '\0' && word[i] == option[i]) ++i;
  if (option[i] != '\0' || (word[i] != '\0' && word[i] != '=')) return false;
  *value = word[i] == '=' ? word + i + 1 : argv[*at + 1];
  *at += word[i] == '=' ? 1 : 2;
  return true;
}

struct arguments read_arguments(int argc, char* const* argv, char* const* environment, struct rg_text* problem) {
  if (argc > 1 && rg_same(rg_span_of(argv[1]), "sleep")) return read_sleep(argc, argv, problem);
  struct arguments out = {.verb = VERB_WAIT, .fact = "open"};
  const char* socket = NULL;
  int at = 1;
  while (at < argc && argv[at][0] == '-') {
    const char* const word = argv[at];
    const struct rg_span span = rg_span_of(word);
    const char* value = "";
    if (rg_same(span, "--")) {
      ++at;
      break;
    }
    if (rg_same(span, "--fail-fast")) {
      out.fail_fast = true;
      ++at;
    } else if (rg_same(span, "-h") || rg_same(span, "--help")) {
      return (struct arguments){.verb = VERB_HELP};
    } else if (rg_same(span, "--version")) {
      return (struct arguments){.verb = VERB_VERSION};
    } else if (takes("--socket", argv, &at, &value) || takes("--gate-socket", argv, &at, &value)) {
      socket = value;
    } else if (takes("--for", argv, &at, &value)) {
      out.fact = value;
      if (value != NULL && !rg_is_fact(value)) {
        return usage(problem, "--for", value, " is not one of open, ready, initialized, healthy");
      }
    } else if (takes("--timeout", argv, &at, &value)) {
      out.timeout_ms = value == NULL ? 0 : rg_duration_ms(rg_span_of(value));
      if (out.timeout_ms < 0) return usage(problem, "--timeout", value, " is not a duration like 60s");
    } else {
      return usage(problem, word, NULL, ": there is no such option; a command that begins with - goes behind --");
    }
    if (value == NULL) return usage(problem, word, NULL, ": a value is missing");
  }
  out.command = at;
  if (socket == NULL || *socket == '\0') socket = from_environment(environment, "READYGATE_GATE_SOCKET");
  if (socket == NULL || *socket == '\0') socket = RG_DEFAULT_SOCKET;
  out.socket = rg_span_of(socket);
  if (!rg_is_path(out.socket)) {
    rg_put(problem, "\"");
    rg_put(problem, socket);
    rg_put(problem, "\" cannot be a socket's path: it has ");
    rg_put_number(problem, (int64_t)out.socket.length);
    rg_put(problem, " bytes, and 1 to 107 are allowed");
    out.verb = VERB_USAGE;
  }
  return out;
}

struct places places_of(const char* name, char* const* environment) {
  for (size_t i = 0; name[i] != '\0'; ++i) {
    if (name[i] == '/') return (struct places){name, ""};
  }
  const char* const path = from_environment(environment, "PATH");
  return (struct places){name, *name == '\0' ? NULL : path == NULL ? "/bin:/usr/bin" : path};
}

static bool has_slash(const char* name) {
  while (*name != '\0' && *name != '/') ++name;
  return *name == '/';
}

bool next_place(struct places* places, struct rg_text* path) {
  while (places->rest != NULL) {
    struct rg_span folder = {places->rest, 0};
    while (folder.at[folder.length] != '\0' && folder.at[folder.length] != ':') ++folder.length;
    places->rest = folder.at[folder.length] == ':' ? folder.at + folder.length + 1 : NULL;
    *path = rg_text_in(path->at, path->size);
    if (!has_slash(places->name) && folder.length > 0) {  // an empty one is the current folder
      rg_put_span(path, folder);
      rg_put(path, "/");
    }
    rg_put(path, places->name);
    if (!path->cut) return true;
  }
  return false;
}
