// For what must hold whatever the input is. Not assert(): the fuzzer stops at an abort, and so does a plain test run.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>

namespace readygate::fuzz {

inline void expect(bool holds, const char* what, const std::string& shown = "") {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n%s\n", what, shown.c_str());
  std::abort();
}

}  // namespace readygate::fuzz
