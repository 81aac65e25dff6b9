// How a wait ends, decided and rendered without a socket. One rendering serves every waiter that ends the same way.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/snapshot.h"
#include "server/line_parser.h"

namespace readygate::server {

// The words of `why`. kTrue is written as the fact that was waited for.
enum class Why : std::uint8_t { kTrue, kTimeout, kFailed, kDraining, kBusy, kForbidden, kBadRequest };
inline constexpr std::size_t kWhyCount = 7;
std::string_view name(Why why, core::Fact fact);

// How the client is spoken to.
enum class Speech : std::uint8_t { kLine, kHttp, kHttpWithSnapshot };
inline constexpr std::size_t kSpeechCount = 3;

// None: it is neither true nor hopeless, so the client waits. Draining is final, so what is not true then never will
// be.
std::optional<Why> end_of_wait(const core::Published& now, const WaitRequest& asked);

// The JSON object, without a line end.
std::string wait_json(Why why, core::Fact fact, const core::Published& now, Speech speech);
int http_status(Why why);
// All bytes of the answer; the connection closes behind it.
std::string wait_answer(Why why, core::Fact fact, const core::Published& now, Speech speech);

// wait_answer() of one snapshot, each made once when it is first wanted.
class WaitAnswers {
 public:
  void forget();  // a new snapshot was published
  std::string_view get(Why why, core::Fact fact, const core::Published& now, Speech speech);

 private:
  static constexpr std::size_t kFacts = 4;
  std::array<std::string, kWhyCount * kFacts * kSpeechCount> made_;
};

}  // namespace readygate::server
