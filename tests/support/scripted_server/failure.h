// How a command fails: the server's code and sentence, or a value.
//
// Names and numbers are those of the manual, "Error Codes"; only the ones that some rule here answers are listed.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

#include "scripted_server/document.h"

namespace readygate::scripted {

enum class Code : int {
  kBadValue = 2,
  kFailedToParse = 9,
  kAuthenticationFailed = 18,
  kIllegalOperation = 20,
  kNamespaceNotFound = 26,
  kIndexNotFound = 27,
  kCursorNotFound = 43,
  kNamespaceExists = 48,
  kCommandNotFound = 59,
  kImmutableField = 66,
  kCannotCreateIndex = 67,
  kInvalidOptions = 72,
  kInvalidNamespace = 73,
  kIndexOptionsConflict = 85,
  kIndexKeySpecsConflict = 86,
  kUnsatisfiableWriteConcern = 100,
  kCommandNotSupportedOnView = 166,
  kInvalidIndexSpecificationOption = 197,
  kCannotConvertIndexToUnique = 359,
  kNotWritablePrimary = 10107,
  kDuplicateKey = 11000,
  kInterruptedDueToReplStateChange = 11602,
  kNotPrimaryNoSecondaryOk = 13435,
  kUnknownCommandField = 40415,
  kConstraintViolated = 12370902,  // a number without a name
  // Of encrypted fields: numbers without a name.
  kEncryptedFieldWithoutPath = 6316402,
  kEncryptedId = 6316403,
  kEncryptedKeyTwice = 6338401,
  kEncryptedPathTwice = 6338402,
  kEncryptedPathsOverlap = 6338403,
  kEncryptedEqualityType = 6338405,
  kEncryptedType = 6338406,
  kEncryptedView = 6346401,
  kEncryptedStandalone = 6346402,
  kEncryptedTtl = 6346501,
  kEncryptedIndex = 6346502,
  kEncryptedCapped = 6367301,
  kEncryptedWithoutType = 6412601,
  kEncryptedRangeType = 6775201,
  kEncryptedMin = 7018200,
  kEncryptedMax = 7018201,
  kEncryptedState = 7406900,
};

/// "NamespaceExists" and so on; "Location<code>" for a number without a name, as the server does.
std::string code_name(int code);

struct Failure {
  Code code;
  std::string message;
  Doc details;  // extra reply fields, such as keyPattern and keyValue of a duplicate
};

template <typename T>
using Result = tl::expected<T, Failure>;

inline tl::unexpected<Failure> fail(Code code, std::string message, Doc details = {}) {
  return tl::unexpected(Failure{code, std::move(message), std::move(details)});
}

/// {ok: 0, errmsg, code, codeName}: manual, "Command Response".
Doc error_reply(int code, std::string_view message, const Doc& details = {});
Doc error_reply(const Failure& failure);
Doc error_reply(Code code, std::string_view message);

}  // namespace readygate::scripted
