#include "json.h"

enum { DEEPEST = 32 };

// Each of these takes a place and gives the one behind what stands there, or NULL: nothing of that kind, or cut off.

static const char* spaces(const char* at, const char* end) {
  while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r')) ++at;
  return at;
}

static const char* string(const char* at, const char* end) {
  if (at >= end || *at != '"') return NULL;
  for (++at; at < end; ++at) {
    if (*at == '"') return at + 1;
    if (*at == '\\' && ++at >= end) return NULL;
  }
  return NULL;
}

// A number, true, false or null: its letters. That they are in order is for whoever uses the value.
static const char* word(const char* at, const char* end) {
  const char* const begin = at;
  while (at < end && ((*at >= '0' && *at <= '9') || (*at >= 'a' && *at <= 'z') || *at == '-' || *at == '+' ||
                      *at == '.' || *at == 'E')) {
    ++at;
  }
  return at == begin || at == end ? NULL : at;  // at the end it may be cut off
}

static const char* value(const char* at, const char* end, int depth);

// NOLINTNEXTLINE(misc-no-recursion): DEEPEST bounds it
static const char* container(const char* at, const char* end, int depth) {
  const char close = *at == '{' ? '}' : ']';
  const bool names = *at == '{';
  if (depth >= DEEPEST) return NULL;
  at = spaces(at + 1, end);
  if (at < end && *at == close) return at + 1;
  while (at != NULL && at < end) {
    if (names) {
      at = string(spaces(at, end), end);
      if (at == NULL) return NULL;
      at = spaces(at, end);
      if (at >= end || *at != ':') return NULL;
      ++at;
    }
    at = value(at, end, depth + 1);
    if (at == NULL) return NULL;
    at = spaces(at, end);
    if (at >= end) return NULL;
    if (*at == close) return at + 1;
    if (*at != ',') return NULL;
    ++at;
  }
  return NULL;
}

static const char* value(const char* at, const char* end, int depth) {
  at = spaces(at, end);
  if (at >= end) return NULL;
  if (*at == '{' || *at == '[') return container(at, end, depth);
  return *at == '"' ? string(at, end) : word(at, end);
}

bool rg_json_is_object(struct rg_span json) {
  const char* const end = json.at + json.length;
  const char* at = spaces(json.at, end);
  if (at >= end || *at != '{') return false;
  at = value(at, end, 0);
  return at != NULL && spaces(at, end) == end;
}

// The member of this name in the object, by itself.
static bool member(struct rg_span json, struct rg_span name, struct rg_span* found) {
  const char* const end = json.at + json.length;
  const char* at = spaces(json.at, end);
  if (at >= end || *at != '{') return false;
  for (++at;;) {
    const char* const key = spaces(at, end);
    at = string(key, end);
    if (at == NULL) return false;
    const struct rg_span text = {key + 1, (size_t)(at - key) - 2};
    at = spaces(at, end);
    if (at >= end || *at != ':') return false;
    const char* const begin = spaces(at + 1, end);
    at = value(begin, end, 1);
    if (at == NULL) return false;
    bool same = text.length == name.length;
    for (size_t i = 0; same && i < name.length; ++i) same = text.at[i] == name.at[i];
    if (same) {
      *found = (struct rg_span){begin, (size_t)(at - begin)};
      return true;
    }
    at = spaces(at, end);
    if (at >= end || *at != ',') return false;
    ++at;
  }
}

bool rg_json_find(struct rg_span json, const char* path, struct rg_span* found) {
  struct rg_span here = json;
  for (;;) {
    struct rg_span name = {path, 0};
    while (path[name.length] != '\0' && path[name.length] != '.') ++name.length;
    if (!member(here, name, &here)) return false;
    path += name.length;
    if (*path == '\0') break;
    ++path;
  }
  *found = here;
  return true;
}

static int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static void put_byte(struct rg_text* text, unsigned byte) {
  const char c = (char)(byte < 0x20 || byte == 0x7F ? '?' : byte);
  rg_put_span(text, (struct rg_span){&c, 1});
}

// \uXXXX as UTF-8; half of a surrogate pair becomes '?'.
static void put_code(struct rg_text* text, unsigned code) {
  if (code < 0x80 || (code >= 0xD800 && code < 0xE000)) {
    put_byte(text, code < 0x80 ? code : '?');
    return;
  }
  if (code >= 0x800) {
    put_byte(text, 0xE0U | code >> 12U);
    put_byte(text, 0x80U | (code >> 6U & 0x3FU));
  } else {
    put_byte(text, 0xC0U | code >> 6U);
  }
  put_byte(text, 0x80U | (code & 0x3FU));
}

void rg_put_json(struct rg_text* text, struct rg_span json) {
  if (json.length < 2 || json.at[0] != '"') {
    for (size_t i = 0; i < json.length; ++i) {  // a space in its place is the same JSON
      const char c = json.at[i];
      rg_put_span(text, (struct rg_span){(unsigned char)c < 0x20 || c == 0x7F ? " " : &c, 1});
    }
    return;
  }
  const char* const end = json.at + json.length - 1;
  for (const char* at = json.at + 1; at < end; ++at) {
    if (*at != '\\' || at + 1 >= end) {
      put_byte(text, (unsigned char)*at);
      continue;
    }
    ++at;
    if (*at != 'u') {
      const bool control = *at == 'n' || *at == 't' || *at == 'r' || *at == 'b' || *at == 'f';
      put_byte(text, control ? ' ' : (unsigned char)*at);
      continue;
    }
    unsigned code = 0;
    int digits = 0;
    while (digits < 4 && at + 1 < end && hex(at[1]) >= 0) {
      code = code * 16 + (unsigned)hex(*++at);
      ++digits;
    }
    put_code(text, digits == 4 ? code : '?');
  }
}

bool rg_put_member(struct rg_text* text, struct rg_span json, const char* path) {
  struct rg_span found;
  if (!rg_json_find(json, path, &found)) return false;
  rg_put_json(text, found);
  return true;
}
