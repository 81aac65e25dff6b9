// Golden transcripts: text files of short exchanges that say what a client sends and what the gate answers, byte for
// byte. docs/protocol.md shows every one of them and explains their notation (section "How to read the examples"), so
// a file has nothing that its reader does not see, but lines that begin with # and empty lines.
//
//   === NAME: TITLE           begins an exchange, with a gate of its own
//   > BYTES                   the client sends; no line end but the \n and \r that are written (also \\ and \xNN)
//   < BYTES                   the gate answers exactly this. {full}: the newest full snapshot
//   -- over TCP | over the socket | over the socket, as a user who may not change anything
//   -- at most one client waits | at most one client watches
//   -- the gate is STATE[: WORD[, WORD…]]   of initialized, reachable, drained; right behind a POST: what it leads to
//   -- nothing comes          nothing has come, and the connection is open
//   -- the client closes its writing half
//   -- the gate closes
//   -- 31s pass
//
// A letter before > or <, and behind the sentences that are about one connection, names one of several clients.
#pragma once

#include <string>
#include <vector>

namespace readygate::server::testing {

struct Exchange {
  std::string name;
  std::string wrong;  // "" or where and how the transcript and the server differ
};

// Plays every exchange of the file.
std::vector<Exchange> play(const std::string& file);

}  // namespace readygate::server::testing
