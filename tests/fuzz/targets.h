// What is fuzzed: everything that reads bytes which somebody else wrote. Each target must end, in bounded time and
// memory, with a value or a mistake; what it knows beyond that about the answer it checks itself, and aborts where it
// does not hold.
#pragma once

#include <array>
#include <string_view>

namespace readygate::fuzz {

void schema(std::string_view input);         // a schema file: parsed, laid out anew, planned, rendered
void configuration(std::string_view input);  // readygate.toml: parsed, checked, settled
void json(std::string_view input);           // Extended JSON: to BSON and back
void catalog(std::string_view input);        // BSON as a server sends it: read, compared, imported, planned, rendered
void answer(std::string_view input);         // a line from the gate's socket, as the C client reads it

struct Target {
  std::string_view name;  // of the program, and of its folder in tests/fuzz/corpus
  void (*run)(std::string_view input);
};
inline constexpr std::array kTargets = {Target{"schema", &schema}, Target{"configuration", &configuration},
                                        Target{"json", &json}, Target{"catalog", &catalog}, Target{"answer", &answer}};

}  // namespace readygate::fuzz
