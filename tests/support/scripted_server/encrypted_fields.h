// Queryable Encryption as far as a catalog shows it: what `create` takes as encryptedFields and gives back, and which
// indexes may stand beside them. Nothing is encrypted, and documents are not looked at.
//
// Sources: manual, "create" (encryptedFields), "Create an Encryption Schema" and "Queryable Encryption Limitations";
// the numbers of the errors and the order of the checks, MongoDB's encryption_fields.idl,
// encryption_fields_validation.cpp, create_command.cpp and create_indexes_cmd.cpp, version 8.
#pragma once

#include <string>

#include "scripted_server/failure.h"

namespace readygate::scripted {

/// Of a whole set of options of `create`: whether they may go with encryptedFields, on a server that is none alone.
Result<void> check_encrypted_collection(const Doc& options, bool standalone);

/// As listCollections shows them: with the names of the state collections, and a contention in each query.
Result<Doc> full_encrypted_fields(const Doc& declared, const std::string& collection);

/// An index of a collection with these encryptedFields.
Result<void> check_index_beside(const Doc& encrypted_fields, const Doc& spec);

}  // namespace readygate::scripted
