#include <array>
#include <cstring>

#include "expect.h"
#include "targets.h"

extern "C" {
#include "protocol.h"
}

namespace readygate::fuzz {

// What the C client and readygate-wait read from the socket.
void answer(std::string_view input) {
  const rg_span line{input.data(), input.size()};
  std::array<char, 64> buffer;
  rg_text text = rg_text_in(buffer.data(), buffer.size());
  readygate_why why{};
  const int result = rg_judge(line, &why);
  expect(result >= RG_TRY_AGAIN && result <= READYGATE_PROTOCOL, "an answer means one of the things that it can");
  expect(rg_json_is_object(line) || result == READYGATE_PROTOCOL, "what is no object means nothing");
  expect((result == READYGATE_OK) == (std::strlen(why.message) == 0), "what is not open says why", why.message);
  if (rg_describe(&text, line)) expect(text.length == std::strlen(buffer.data()), "a sentence is whole text");
  expect(text.length < buffer.size(), "and stays in its buffer");
  for (std::size_t i = 0; i < text.length; ++i) {
    const auto byte = static_cast<unsigned char>(buffer[i]);
    expect(byte != 0 && byte != 0x1B, "nothing in it moves a terminal");
  }
}

}  // namespace readygate::fuzz
