// Golden transcripts: text files that say what a client sends and what the server answers, byte for byte.
//
//   # a comment
//   via tcp | via unix                    which of the two the connections of this file use
//   ! state NAME [initialized] [reachable] [drained]   publishes the snapshot of a gate in that state
//   ! on VERB state NAME … [drained]      what POST /v1/VERB leads to
//   ! advance 60s                         time passes
//   > text                                the client sends the line, ended by CRLF (by LF after `eol lf`)
//   < text                                the server answers it: CRLF in a head of HTTP, LF elsewhere
//   >= text, <= text                      the same, with the escapes \r \n \xNN written out and no line end added
//   <eof                                  the server closes
//   <nothing                              nothing has come
//   {full}, {public}                      in an answer: the newest snapshot in that rendering; {seq}: its number;
//                                         {chunk}: the length of {full} and its LF, in hex
//   {len:TEXT}                            the length in bytes of TEXT and one LF
//
// A letter before > or < names one of several connections; without one it is the first.
#pragma once

#include <string>

namespace readygate::server::testing {

// "" or where and how the transcript and the server differ.
std::string play(const std::string& file);

}  // namespace readygate::server::testing
