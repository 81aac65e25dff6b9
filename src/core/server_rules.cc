// The names in the comments are those of the server's src/mongo/base/error_codes.yml; numbers without a name there are
// its Location codes, which every release adds to. So the table names what has to be told apart, and what is not here
// is judged by what was asked (core/failure.cc).
#include "core/server_rules.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace readygate::core {
namespace {

// HostUnreachable, HostNotFound, NetworkTimeout, PooledConnectionsDropped, NetworkInterfaceExceededTimeLimit,
// ConnectionPoolExpired, ConnectionError, PooledConnectionAcquisitionExceededTimeLimit, SocketException
constexpr int kMemberLost[] = {6, 7, 89, 145, 202, 317, 384, 407, 9001};
// NotWritablePrimary, PrimarySteppedDown, NotPrimaryNoSecondaryOk, NotPrimaryOrSecondary, ElectionInProgress
constexpr int kElection[] = {10107, 189, 13435, 13436, 216};
// ShutdownInProgress, InterruptedAtShutdown, InterruptedDueToReplStateChange, TransactionCoordinatorSteppingDown,
// InterruptedDueToStorageChange, CloseConnectionForShutdownCommand
constexpr int kShutdown[] = {91, 11600, 11602, 281, 355, 372};
// LockTimeout, CursorNotFound, LockBusy, MaxTimeMSExpired, StaleShardVersion, LockFailed, WriteConflict,
// ConflictingOperationInProgress, FailedToSatisfyReadPreference, ReadConcernMajorityNotAvailableYet,
// CappedPositionLost, CursorInUse, StaleEpoch, QueryPlanKilled, DatabaseDropPending, TransactionTooOld,
// RetryChangeStream, CursorKilled, SnapshotTooOld, SnapshotUnavailable, StaleDbVersion, StaleChunkHistory,
// NoSuchTransaction, ExceededTimeLimit, TooManyFilesOpen, PreparedTransactionInProgress, MigrationConflict,
// IndexBuildAborted, ClientDisconnect, TransactionCoordinatorReachedAbortDecision, IndexBuildAlreadyInProgress,
// TransactionExceededLifetimeLimitSeconds, ObjectIsBusy, MovePrimaryInProgress, ReshardCollectionInProgress,
// ReshardingCriticalSectionTimeout, ShardCannotRefreshDueToLocksHeld, InternalTransactionNotSupported,
// RetryableTransactionInProgress, TemporarilyUnavailable, ResourceExhausted,
// MigrationBlockingOperationCoordinatorCleaningUp, UpdatesStillPending, AddOrRemoveShardInProgress, Interrupted,
// BackgroundOperationInProgressForNamespace, StaleConfig; 16500 of Azure Cosmos DB (TooManyRequests)
constexpr int kBusy[] = {24,  43,  46,  50,  63,  107, 112, 117, 133, 134, 136, 143, 150,   175,   215,   225,
                         234, 237, 239, 246, 249, 250, 251, 262, 264, 267, 272, 276, 279,   282,   285,   290,
                         314, 319, 338, 342, 343, 358, 363, 365, 402, 406, 412, 414, 11601, 12587, 13388, 16500};
constexpr int kWriteConcernTimeout[] = {64};
// UnsatisfiableWriteConcern, UnsatisfiableCommitQuorum
constexpr int kTooFewMembers[] = {100, 278};
constexpr int kOutOfDiskSpace[] = {14031};
constexpr int kUserWritesBlocked[] = {371};
// IndexNotFound, NamespaceExists, IndexAlreadyExists
constexpr int kCatalogChanged[] = {27, 48, 68};

constexpr int kUserNotFound[] = {11};
constexpr int kAuthenticationFailed[] = {18};
constexpr int kUnauthorized[] = {13};
// ReadConcernMajorityNotEnabled, APIVersionError, APIStrictError, APIDeprecationError, SearchNotEnabled
constexpr int kNotHere[] = {148, 322, 323, 324, 31082};
// Atlas answers with one code for everything that it decides itself: https://www.mongodb.com/docs/atlas/ (limits,
// unsupported commands). Only its words tell what.
constexpr int kAtlas[] = {8000};

// DuplicateKey, CannotConvertIndexToUnique
constexpr int kDuplicateKey[] = {11000, 359};
constexpr int kCannotConvertIndexToUnique[] = {359};
// What is found only by looking at documents, whatever was sent: GeoKeyExtractionFailed and …Timeseries (9.0; 16755,
// 16756 and 183493, 183934 before), CannotIndexParallelArrays, CannotBuildIndexKeys; 13022 to 13027, 13067, 13068: a 2d
// index over what is no point; 16572: as SecantusDB says 16755; 16766: an array in a hashed index; 17261, 17262: a
// language of a text index; 12370902: a validator that becomes a constraint (9.0)
constexpr int kDocumentRefused[] = {171,   201,   510,   511,   13022, 13023, 13024, 13025,  13026,  13027,   13067,
                                    13068, 16572, 16755, 16756, 16766, 17261, 17262, 183493, 183934, 12370902};
// BadValue, as FerretDB 2.7 says 17262; a language that the index declares has another code there
constexpr int kBadValue[] = {2};
// What an update meets in a document: TypeMismatch, PathNotViable, CannotBackfillArray, ConversionFailure,
// BSONObjectTooLarge, 17419 (a document that grows too large); 84148253: as FerretDB 2.7 says ConversionFailure
constexpr int kDocumentNotChanged[] = {14, 28, 34, 241, 10334, 17419, 84'148'253};
// DocumentValidationFailure, and as FerretDB 2.7 passes it on
constexpr int kValidationFailure[] = {121, 525'074'461};

// IndexOptionsConflict, IndexKeySpecsConflict
constexpr int kIndexConflict[] = {85, 86};
constexpr int kNotOnView[] = {166};
// BadValue, NoSuchKey, GraphContainsCycle, FailedToParse, TypeMismatch, Overflow, InvalidLength, IllegalOperation,
// ConflictingUpdateOperators, DollarPrefixedFieldName, InvalidIdField, EmptyFieldName, DottedFieldName,
// ImmutableField, CannotCreateIndex, InvalidOptions, InvalidNamespace, CommandNotSupported,
// IncompatibleCollationVersion, ViewDepthLimitExceeded, OptionNotSupportedOnView, InvalidPipelineOperator,
// AmbiguousIndexKeyPattern, InvalidViewDefinition, ViewPipelineMaxSizeExceeded, InvalidIndexSpecificationOption,
// InvalidUUID, QueryFeatureNotAllowed, MaxSubPipelineDepthExceeded, NotImplemented, CannotCreateCollection,
// OperationNotSupportedInTransaction; 31249 to 31254 (projections), 40324 (a stage that the server does not know),
// 40414 and 40415 (a field that is missing, or not known)
constexpr int kRefused[] = {2,   4,   5,   9,   14,    15,    16,    20,    40,    52,    53,    56,   57,  66,
                            67,  72,  73,  115, 161,   165,   167,   168,   181,   182,   195,   197,  207, 224,
                            232, 238, 242, 263, 31249, 31250, 31252, 31253, 31254, 40324, 40414, 40415};
constexpr int kCommandNotFound[] = {59};

constexpr std::string_view kPermit = "Grant the user the privileges that docs/mongodb.md lists, then retry.";
constexpr std::string_view kCorrectSecret =
    "Correct the user, password and authSource of the URI. A changed secret is picked up without a restart.";
constexpr std::string_view kRoom = "Free some, or raise the deployment's limit, then retry.";
constexpr std::string_view kAllowed =
    "The deployment does not allow it to anyone: use one that does, or leave out of the schema what needs it.";
constexpr std::string_view kCorrectSchema =
    "The server refuses the declaration, or does not know it; correct the schema file.";

constexpr std::array kRules = {
    ServerRule{kMemberLost, "", Where::kAnywhere, Verdict::kTransient, Reason::kNetwork,
               "The server lost another member; this is retried."},
    ServerRule{kElection, "", Where::kAnywhere, Verdict::kTransient, Reason::kNoPrimary,
               "Another member is being elected; this is retried. If it lasts, look at the replica set's status."},
    ServerRule{kShutdown, "", Where::kAnywhere, Verdict::kTransient, Reason::kNoPrimary,
               "The member is shutting down or changing its role; this is retried."},
    ServerRule{kBusy, "", Where::kAnywhere, Verdict::kTransient, Reason::kServerBusy,
               "The server is busy with it; this is retried."},
    ServerRule{
        kWriteConcernTimeout, "", Where::kAnywhere, Verdict::kTransient, Reason::kWriteConcern,
        "A majority of the members did not acknowledge in time; this is retried. Look at the replica set's status."},
    ServerRule{kTooFewMembers, "", Where::kAnywhere, Verdict::kSlow, Reason::kWriteConcern,
               "The replica set has too few members for a majority; add members, or bring them back."},
    ServerRule{kOutOfDiskSpace, "", Where::kAnywhere, Verdict::kSlow, Reason::kServerBusy,
               "The server is out of disk space; free some."},
    ServerRule{
        kUserWritesBlocked, "", Where::kAnywhere, Verdict::kSlow, Reason::kWritesBlocked,
        "The server blocks writes, as an operator told it to or because its disk is nearly full: free disk space, "
        "or end the block."},
    ServerRule{kCatalogChanged, "", Where::kAnywhere, Verdict::kReread, Reason::kInitializing,
               "The catalog changed meanwhile; it is read again."},

    // Users are often made after the service.
    ServerRule{kUserNotFound, "", Where::kAnywhere, Verdict::kSlow, Reason::kAuth,
               "The user of the URI does not exist yet; create it, or correct the URI."},
    ServerRule{kAuthenticationFailed, "", Where::kAnywhere, Verdict::kAuthGrace, Reason::kAuth, kCorrectSecret},
    ServerRule{kUnauthorized, "", Where::kAnywhere, Verdict::kPermanent, Reason::kNotAuthorized, kPermit},
    ServerRule{kNotHere, "", Where::kAnywhere, Verdict::kPermanent, Reason::kNotAllowed, kAllowed},
    ServerRule{kAtlas, "bad auth", Where::kAnywhere, Verdict::kAuthGrace, Reason::kAuth, kCorrectSecret},
    ServerRule{kAtlas, "authentication failed", Where::kAnywhere, Verdict::kAuthGrace, Reason::kAuth, kCorrectSecret},
    ServerRule{kAtlas, "quota", Where::kAnywhere, Verdict::kPermanent, Reason::kQuotaExceeded, kRoom},
    ServerRule{kAtlas, "collections of", Where::kAnywhere, Verdict::kPermanent, Reason::kQuotaExceeded, kRoom},
    ServerRule{kAtlas, "user is not allowed", Where::kAnywhere, Verdict::kPermanent, Reason::kNotAuthorized, kPermit},
    ServerRule{kAtlas, "not authorized", Where::kAnywhere, Verdict::kPermanent, Reason::kNotAuthorized, kPermit},
    ServerRule{kAtlas, "", Where::kDeclaring, Verdict::kPermanent, Reason::kNotAllowed, kAllowed},

    ServerRule{kDuplicateKey, "", Where::kSeeding, Verdict::kPermanent, Reason::kMigrationRefused,
               "A document that is there has a key of a unique index that the seed has, too."},
    ServerRule{kDuplicateKey, "", Where::kDocuments, Verdict::kPermanent, Reason::kDuplicates,
               "Documents share a key of a unique index; remove the duplicates, then retry."},
    ServerRule{kCannotConvertIndexToUnique, "", Where::kDeclaring, Verdict::kPermanent, Reason::kDuplicates,
               "Documents share a key of a unique index; remove the duplicates, then retry."},
    ServerRule{kDocumentRefused, "", Where::kDocuments, Verdict::kPermanent, Reason::kDocumentRefused,
               "Correct or remove that document, then retry."},
    ServerRule{kBadValue, "unsupported language", Where::kDocuments, Verdict::kPermanent, Reason::kDocumentRefused,
               "Correct or remove that document, then retry."},
    ServerRule{kDocumentNotChanged, "", Where::kMigrating, Verdict::kPermanent, Reason::kDocumentRefused,
               "The update cannot be applied to a document; correct the document, or the migration."},
    ServerRule{kValidationFailure, "", Where::kMigrating, Verdict::kPermanent, Reason::kDocumentRefused,
               "The validator refuses a document as the update makes it; correct the document, or the migration."},

    ServerRule{kIndexConflict, "", Where::kAnywhere, Verdict::kPermanent, Reason::kConflict,
               "An index of that name or definition exists with other options; `readygate plan` shows both."},
    ServerRule{kNotOnView, "", Where::kAnywhere, Verdict::kPermanent, Reason::kConflict,
               "The name is taken by something that is not a collection; choose another, or remove it by hand."},
    ServerRule{kCommandNotFound, "", Where::kAnywhere, Verdict::kPermanent, Reason::kRefused, kCorrectSchema},
    ServerRule{kValidationFailure, "", Where::kDeclaring, Verdict::kPermanent, Reason::kRefused,
               "The validator of the collection refuses the document."},
    ServerRule{kRefused, "", Where::kAnywhere, Verdict::kPermanent, Reason::kRefused, kCorrectSchema},
};

bool holds(Where where, Doing doing) {
  switch (where) {
    case Where::kAnywhere: return true;
    case Where::kDeclaring: return declares(doing);
    case Where::kDocuments:
      return doing == Doing::kCreateIndexes || doing == Doing::kModify || doing == Doing::kMigrate;
    case Where::kMigrating: return doing == Doing::kMigrate;
    case Where::kSeeding: return doing == Doing::kSeed;
  }
  return false;
}

bool says(std::string_view message, std::string_view words) {
  if (words.empty()) return true;
  const auto same = [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); };
  return std::search(message.begin(), message.end(), words.begin(), words.end(), same) != message.end();
}

}  // namespace

std::span<const ServerRule> server_rules() { return kRules; }

const ServerRule* rule_for(const Failure& failure) {
  for (const ServerRule& rule : kRules) {
    if (std::find(rule.codes.begin(), rule.codes.end(), failure.code) == rule.codes.end()) continue;
    if (holds(rule.where, failure.doing) && says(failure.message, rule.words)) return &rule;
  }
  return nullptr;
}

bool refuses_document(const Failure& failure) {
  const ServerRule* rule = failure.domain == Domain::kServer ? rule_for(failure) : nullptr;
  return rule != nullptr && rule->reason == Reason::kDocumentRefused;
}

}  // namespace readygate::core
