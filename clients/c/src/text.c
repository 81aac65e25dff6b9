#include "text.h"

static const struct {
  const char* suffix;
  int64_t ms;
} units[] = {{"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};  // largest first
enum { UNITS = sizeof units / sizeof units[0] };
static const int64_t longest_ms = 10000 * (int64_t)3600000;

struct rg_span rg_span_of(const char* text) {
  size_t length = 0;
  while (text[length] != '\0') ++length;
  return (struct rg_span){text, length};
}

bool rg_same(struct rg_span a, const char* b) {
  size_t i = 0;
  while (i < a.length && b[i] != '\0' && a.at[i] == b[i]) ++i;
  return i == a.length && b[i] == '\0';
}

struct rg_text rg_text_in(char* buffer, size_t size) {
  buffer[0] = '\0';
  return (struct rg_text){buffer, size, 0, false};
}

void rg_put_span(struct rg_text* text, struct rg_span more) {
  for (size_t i = 0; i < more.length; ++i) {
    if (text->length + 1 >= text->size) {
      text->cut = true;
      break;
    }
    text->at[text->length++] = more.at[i];
  }
  text->at[text->length] = '\0';
}

void rg_put(struct rg_text* text, const char* more) { rg_put_span(text, rg_span_of(more)); }

void rg_put_number(struct rg_text* text, int64_t number) {
  char digits[24];
  size_t at = sizeof digits;
  uint64_t left = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
  do {
    digits[--at] = (char)('0' + left % 10);
    left /= 10;
  } while (left != 0);
  if (number < 0) digits[--at] = '-';
  rg_put_span(text, (struct rg_span){digits + at, sizeof digits - at});
}

int64_t rg_duration_ms(struct rg_span text) {
  int64_t count = 0;
  size_t i = 0;
  for (; i < text.length && text.at[i] >= '0' && text.at[i] <= '9'; ++i) {
    count = count * 10 + (text.at[i] - '0');
    if (count > longest_ms) return -1;
  }
  if (i == 0) return -1;
  const struct rg_span suffix = {text.at + i, text.length - i};
  for (int u = 0; u < UNITS; ++u) {
    if (rg_same(suffix, units[u].suffix)) return count > longest_ms / units[u].ms ? -1 : count * units[u].ms;
  }
  return -1;
}

void rg_put_duration(struct rg_text* text, int64_t ms) {
  int u = ms == 0 ? 2 : 0;  // nothing is "0s"
  while (ms % units[u].ms != 0) ++u;
  rg_put_number(text, ms / units[u].ms);
  rg_put(text, units[u].suffix);
}
