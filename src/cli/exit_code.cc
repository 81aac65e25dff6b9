#include "cli/exit_code.h"

namespace readygate::cli {

ExitCode exit_code(Reason reason) {
  switch (reason) {
    case Reason::kNone: return kExitOk;
    case Reason::kUsage: return kExitUsage;
    case Reason::kInternal: return kExitInternal;
    case Reason::kDraining: return kExitTryAgain;
    case Reason::kForbidden:
    case Reason::kNotAuthorized:
    case Reason::kNotAllowed: return kExitNotAllowed;
    case Reason::kInitTimeout:
    case Reason::kTimeout: return kExitTimeout;
    case Reason::kConfigInvalid:
    case Reason::kSchemaInvalid:
    case Reason::kFileUnreadable:
    case Reason::kCaFile:
    case Reason::kSocketPath:
    case Reason::kVersionNotRaised: return kExitConfig;
    case Reason::kFileUnwritable:
    case Reason::kBadRequest: return kExitError;
    default: return kExitUnavailable;
  }
}

}  // namespace readygate::cli
