// Why a document of a seed cannot be written: a unique index has its key for another document. The server names the
// index, and at most the values of the key, which are nobody's business here. So the documents are asked.
#pragma once

#include <optional>
#include <vector>

#include "core/failure.h"
#include "core/migration_work.h"
#include "mongo/fenced.h"
#include "schema/document.h"

namespace readygate::mongo {

// A duplicate key, in whichever way a server says it.
bool is_duplicate_key(const core::Failure& failure);
// Of the _id: another writer inserted the same document meanwhile. To look again settles it.
bool is_race_for_id(const core::Failure& failure);

// What `failure`, a duplicate key, is about: one of `documents`, which this seed was to write. None where it cannot be
// found out, or is over. Blocks.
std::optional<core::SeedCollision> find_collision(Fenced& fenced, const core::RunSeed& work,
                                                  const std::vector<schema::Document>& documents,
                                                  const core::Failure& failure);

}  // namespace readygate::mongo
