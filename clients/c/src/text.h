// Text without a heap and without printf: a span that is read, and a buffer that is written to its end and no further.
// Shared with readygate-wait, which has no C library; so it needs nothing but what a compiler itself brings.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rg_span {
  const char* at;
  size_t length;
};

struct rg_span rg_span_of(const char* text);
bool rg_same(struct rg_span a, const char* b);

// Always terminated; what does not fit is left out, and `cut` says so.
struct rg_text {
  char* at;
  size_t size;  // at least 1
  size_t length;
  bool cut;
};

struct rg_text rg_text_in(char* buffer, size_t size);
void rg_put(struct rg_text* text, const char* more);
void rg_put_span(struct rg_text* text, struct rg_span more);
void rg_put_number(struct rg_text* text, int64_t number);

// As people write durations: "250ms", "30s", "10m", "2h", up to 10,000 h. -1: not one.
int64_t rg_duration_ms(struct rg_span text);
// The shortest exact form.
void rg_put_duration(struct rg_text* text, int64_t ms);
