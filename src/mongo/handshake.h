// Connects and authenticates, so that nothing but a command itself is left to be sent, and says who answers.
#pragma once

#include <cstdint>

#include <tl/expected.hpp>

#include "core/failure.h"
#include "mongo/pool.h"

namespace readygate::mongo {

// Wire version of MongoDB 4.4: every command takes a comment.
inline constexpr std::int32_t kCommentsEverywhere = 9;

struct Handshake {
  std::int32_t wire_version = 0;
  bool transactions = false;  // a member of a replica set, or a mongos (MongoDB 4.2 and later has them in both)
};
tl::expected<Handshake, core::Failure> shake_hands(Client& client);

}  // namespace readygate::mongo
