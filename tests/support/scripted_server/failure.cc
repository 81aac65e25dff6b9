// See failure.h.
#include "scripted_server/failure.h"

namespace readygate::scripted {

std::string code_name(int code) {
  switch (static_cast<Code>(code)) {
    case Code::kBadValue: return "BadValue";
    case Code::kFailedToParse: return "FailedToParse";
    case Code::kAuthenticationFailed: return "AuthenticationFailed";
    case Code::kIllegalOperation: return "IllegalOperation";
    case Code::kNamespaceNotFound: return "NamespaceNotFound";
    case Code::kIndexNotFound: return "IndexNotFound";
    case Code::kCursorNotFound: return "CursorNotFound";
    case Code::kNamespaceExists: return "NamespaceExists";
    case Code::kCommandNotFound: return "CommandNotFound";
    case Code::kImmutableField: return "ImmutableField";
    case Code::kCannotCreateIndex: return "CannotCreateIndex";
    case Code::kInvalidOptions: return "InvalidOptions";
    case Code::kInvalidNamespace: return "InvalidNamespace";
    case Code::kIndexOptionsConflict: return "IndexOptionsConflict";
    case Code::kIndexKeySpecsConflict: return "IndexKeySpecsConflict";
    case Code::kUnsatisfiableWriteConcern: return "UnsatisfiableWriteConcern";
    case Code::kCommandNotSupportedOnView: return "CommandNotSupportedOnView";
    case Code::kInvalidIndexSpecificationOption: return "InvalidIndexSpecificationOption";
    case Code::kCannotConvertIndexToUnique: return "CannotConvertIndexToUnique";
    case Code::kNotWritablePrimary: return "NotWritablePrimary";
    case Code::kDuplicateKey: return "DuplicateKey";
    case Code::kInterruptedDueToReplStateChange: return "InterruptedDueToReplStateChange";
    case Code::kNotPrimaryNoSecondaryOk: return "NotPrimaryNoSecondaryOk";
    case Code::kUnknownCommandField:  // "Location40415", really
    case Code::kEncryptedFieldWithoutPath:
    case Code::kEncryptedId:
    case Code::kEncryptedKeyTwice:
    case Code::kEncryptedPathTwice:
    case Code::kEncryptedPathsOverlap:
    case Code::kEncryptedEqualityType:
    case Code::kEncryptedType:
    case Code::kEncryptedView:
    case Code::kEncryptedStandalone:
    case Code::kEncryptedTtl:
    case Code::kEncryptedIndex:
    case Code::kEncryptedCapped:
    case Code::kEncryptedWithoutType:
    case Code::kEncryptedRangeType:
    case Code::kEncryptedMin:
    case Code::kEncryptedMax:
    case Code::kConstraintViolated:
    case Code::kEncryptedState: break;
  }
  return "Location" + std::to_string(code);
}

Doc error_reply(int code, std::string_view message, const Doc& details) {
  Doc reply;
  reply.add("ok", 0.0).add("errmsg", message).add("code", code).add("codeName", code_name(code));
  return reply.merged(details);
}

Doc error_reply(const Failure& failure) {
  return error_reply(static_cast<int>(failure.code), failure.message, failure.details);
}

Doc error_reply(Code code, std::string_view message) { return error_reply(static_cast<int>(code), message); }

}  // namespace readygate::scripted
