#include "cli/exit_code.h"

#include <array>

namespace readygate::cli {
namespace {

constexpr std::array kMeanings = {
    ExitMeaning{"0", "done"},
    ExitMeaning{"1", "any other error"},
    ExitMeaning{"2", "`plan` found changes, or something in their way"},
    ExitMeaning{"64", "the command line is not valid"},
    ExitMeaning{"69", "the gate has failed, or cannot be reached"},
    ExitMeaning{"70", "a bug in readygate"},
    ExitMeaning{"75", "the gate is draining, or not open now: try again later"},
    ExitMeaning{"77", "not allowed"},
    ExitMeaning{"78", "the configuration or the schema file is not valid"},
    ExitMeaning{"124", "a time limit was reached"},
    ExitMeaning{"126", "the wrapped command cannot be executed"},
    ExitMeaning{"127", "the wrapped command was not found"},
    ExitMeaning{"128+n", "ended by signal n"},
};

}  // namespace

std::span<const ExitMeaning> exit_meanings() { return kMeanings; }

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
