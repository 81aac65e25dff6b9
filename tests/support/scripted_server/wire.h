// The MongoDB wire protocol, as far as a server needs it to satisfy a driver: bytes in, requests out; replies in, bytes
// out.
//
// Two dialects are spoken. OP_MSG carries every command. OP_QUERY, answered with OP_REPLY, is still what a driver opens
// with when it does not know the server yet (Handshake specification: legacy hello until helloOk is seen). Everything
// else is a protocol error, on which a server closes the connection. No sockets here.
// Sources: MongoDB manual, "MongoDB Wire Protocol"; MongoDB specifications, "OP_MSG" and "MongoDB Handshake".
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "scripted_server/document.h"

namespace readygate::scripted {

using Bytes = std::vector<std::uint8_t>;

inline constexpr std::int32_t kMaxMessageBytes = 48'000'000;  // hello.maxMessageSizeBytes, the manual's default

struct Request {
  enum class Dialect { kMessage, kQuery };
  Dialect dialect = Dialect::kMessage;
  std::int32_t id = 0;
  Doc command;  // document sequences are already put back as arrays
  std::string database;
  bool wants_reply = true;       // moreToCome was not set
  bool exhaust_allowed = false;  // the client accepts a stream of replies
};

/// Collects bytes and hands out whole requests.
class RequestReader {
 public:
  enum class State { kIncomplete, kRequest, kBroken };
  void feed(std::span<const std::uint8_t> bytes) { buffer_.insert(buffer_.end(), bytes.begin(), bytes.end()); }
  /// kRequest: `out` was filled and its bytes are gone. kBroken: nothing more can be read from this connection.
  State next(Request& out);

 private:
  Bytes buffer_;
};

/// `more_to_come`: the client shall expect another reply after this one, without asking (only to exhaust_allowed).
Bytes encode_reply(const Request& request, const Doc& reply, std::int32_t id, bool more_to_come = false);

}  // namespace readygate::scripted
