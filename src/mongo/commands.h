// One database command, sent and judged.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "core/failure.h"
#include "mongo/pool.h"
#include "schema/document.h"

namespace readygate::mongo {

enum class Sort {
  kRead,   // repeated once by the driver when a connection turns out to be dead
  kWrite,  // with the client's write concern (majority); never repeated
  kPlain,  // as it stands: ping, buildInfo
};

// The reply, which has ok: 1 and neither write errors nor a write-concern error. Blocks. `options` may be null.
tl::expected<schema::Document, core::Failure> run(Client& client, Sort sort, const std::string& database,
                                                  const bson_t* command, const bson_t* options, core::Doing doing);

// What a cursor's first reply holds.
struct Batch {
  std::vector<schema::Document> documents;
  bool last = false;  // the server has no more of it
};
// None: the reply has no cursor.
std::optional<Batch> first_batch(const schema::Document& reply);

// Is there a connection, is it authenticated, and is there a primary that answers? For both kinds of client.
tl::expected<void, core::Failure> ping(Client& client, core::Doing doing);

}  // namespace readygate::mongo
