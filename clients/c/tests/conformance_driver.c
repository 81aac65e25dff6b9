// The C client's driver of tests/protocol/clients: questions on standard input, answers on standard output, a line
// each.
#include <readygate.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t limit_ms(const char* text) {
  char* unit = NULL;
  const long long count = strtoll(text, &unit, 10);
  if (strcmp(text, "-") == 0) return READYGATE_NO_LIMIT;
  return strcmp(unit, "s") == 0 ? count * 1000 : count;
}

static void wait_for(const char* fact, const char* limit, const char* flag) {
  struct readygate_why why;
  const unsigned flags = flag != NULL && strcmp(flag, "fail-fast") == 0 ? READYGATE_FAIL_FAST : 0;
  const int result = readygate_wait(NULL, fact, limit_ms(limit), flags, &why);
  const int with_words = result != READYGATE_OK && result != READYGATE_USAGE && result != READYGATE_PROTOCOL;
  printf("%s", readygate_result_name(result));
  if (with_words) printf(" %s %s", why.state, why.code);
  printf("\n");
}

static void account(const char* json) {
  char state[32];
  char seq[32];
  if (readygate_member(json, "state", state, sizeof state) < 0 || readygate_member(json, "seq", seq, sizeof seq) < 0) {
    printf("none\n");
  } else {
    printf("%s %s\n", state, seq);
  }
  fflush(stdout);
}

static void watch(int count) {
  readygate_watch* made = NULL;
  const char* json = NULL;
  if (readygate_watch_open(&made, NULL) != READYGATE_OK) exit(1);
  while (count-- > 0 && readygate_watch_next(made, READYGATE_NO_LIMIT, &json) == READYGATE_OK) account(json);
  readygate_watch_close(made);
}

int main(void) {
  char line[256];
  while (fgets(line, sizeof line, stdin) != NULL) {
    char* rest = NULL;
    char* words[4];
    for (int i = 0; i < 4; ++i) words[i] = strtok_r(i == 0 ? line : NULL, " \n", &rest);
    if (words[0] == NULL) continue;
    if (strcmp(words[0], "wait") == 0 && words[2] != NULL) {
      wait_for(words[1], words[2], words[3]);
    } else if (strcmp(words[0], "watch") == 0 && words[1] != NULL) {
      watch((int)strtol(words[1], NULL, 10));
    } else if (strcmp(words[0], "is_open") == 0) {
      printf("%s\n", readygate_is_open() == 1 ? "true" : "false");
    } else if (strcmp(words[0], "snapshot") == 0) {
      char json[4096];
      account(readygate_snapshot(NULL, json, sizeof json) == READYGATE_OK ? json : "{}");
    } else {
      printf("no such question: %s\n", words[0]);
    }
    fflush(stdout);
  }
  return 0;
}
