// One program per target, with libFuzzer around it: https://llvm.org/docs/LibFuzzer.html
#include <cstddef>
#include <cstdint>

#include "targets.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it by this name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  readygate::fuzz::READYGATE_FUZZ_TARGET({reinterpret_cast<const char*>(data), size});
  return 0;
}
