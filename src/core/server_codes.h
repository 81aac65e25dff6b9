// Error codes of the server that are asked for by name, as in MongoDB's src/mongo/base/error_codes.yml. What each
// means for the gate is the table of failure.cc.
#pragma once

#include "core/failure.h"

namespace readygate::core {

namespace code {
inline constexpr int kUnauthorized = 13;
inline constexpr int kNamespaceNotFound = 26;
inline constexpr int kCommandNotFound = 59;
inline constexpr int kWriteConcernFailed = 64;
inline constexpr int kInvalidOptions = 72;
inline constexpr int kWriteConflict = 112;
inline constexpr int kDocumentValidationFailure = 121;
inline constexpr int kCannotConvertIndexToUnique = 359;
inline constexpr int kNotWritablePrimary = 10107;
inline constexpr int kDuplicateKey = 11000;
// Of a collMod to validationLevel "constraint" (constraint_validation_level_upgrade.cpp): it has no name.
inline constexpr int kConstraintViolated = 12'370'902;
// FerretDB 2.7.0 passes on the code of its engine for DocumentValidationFailure.
inline constexpr int kFerretValidationFailure = 525'074'461;
}  // namespace code

// The server itself said so, not the driver or the network.
inline bool said(const Failure& failure, int code) { return failure.domain == Domain::kServer && failure.code == code; }

}  // namespace readygate::core
