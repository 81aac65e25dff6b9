// The one list of reason codes. Status, probes, logs, exit codes and docs/operations.md take their names, meanings and
// advice from here (a test holds the document against this list).
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace readygate {

// Where the cause is: what has to change before it can work.
enum class Origin : std::uint8_t {
  kNone,         // not an answer of the database: readygate itself, its configuration, another replica
  kDocuments,    // what is stored stops the step
  kDeclaration,  // the schema file asks for what this server, or this database, does not do
  kAccount,      // credentials, privileges, quota, tier, blocked writes, API version
  kServer,       // network, election, overload, shutdown: it may pass
};

// "none", "documents", "declaration", "account", "server".
std::string_view name(Origin origin);

// X(enumerator, name, origin of what is wrong, what it means, what to do)
#define READYGATE_REASONS(X)                                                                                          \
  X(kNone, "none", kNone, "nothing is wrong", "nothing")                                                              \
  X(kStarting, "starting", kNone, "the daemon is starting", "wait")                                                   \
  X(kInitializing, "initializing", kNone, "the database is being made ready",                                         \
    "wait; `readygate status` shows the phase")                                                                       \
  X(kLeaseHeld, "lease_held", kNone, "another replica is initializing the database", "wait for it")                   \
  X(kLeaseLost, "lease_lost", kNone, "the right to change the database was lost before the work was done",            \
    "wait, it is taken again; if it recurs, look at the latency and majority of the database")                        \
  X(kNameResolution, "name_resolution", kServer, "the database host name does not resolve",                           \
    "check the host in the URI, and the cluster's DNS")                                                               \
  X(kConnectionRefused, "connection_refused", kServer, "the host answers, but nothing listens on the port",           \
    "start the database, or correct the port in the URI")                                                             \
  X(kNetwork, "network_error", kServer, "the connection to the database broke",                                       \
    "check the network path and the server's log")                                                                    \
  X(kTimeout, "timeout", kServer, "no answer within the time allowed",                                                \
    "check that the address is right, that no firewall drops packets, and that the server is not overloaded")         \
  X(kNoPrimary, "no_primary", kServer, "no writable primary is known",                                                \
    "wait for an election to end; if it lasts, look at the replica set's status and the addresses it advertises")     \
  X(kTls, "tls_failed", kServer, "the TLS handshake failed",                                                          \
    "the message says what was found; docs/operations.md lists what each means and mends it")                         \
  X(kCaFile, "ca_file_invalid", kNone, "a TLS file of the URI cannot be used",                                        \
    "mount a readable PEM file at the path that the URI's tlsCAFile or tlsCertificateKeyFile names")                  \
  X(kAuth, "auth_failed", kAccount, "the server refuses the user name or password, or the URI has none",              \
    "correct the user, password and authSource of the URI; a changed secret is picked up without a restart")          \
  X(kNotAuthorized, "not_authorized", kAccount, "the user may not do what is needed",                                 \
    "grant the privileges that the documentation lists, then `readygate status --retry`")                             \
  X(kNotAllowed, "not_allowed", kAccount, "this deployment does not allow what is needed, whoever asks",              \
    "use a deployment or plan that allows it, or leave out of the schema what needs it")                              \
  X(kQuotaExceeded, "quota_exceeded", kAccount,                                                                       \
    "the deployment has no room for it: its limit of storage or collections is reached",                              \
    "free some, or raise the limit, then `readygate status --retry`")                                                 \
  X(kWritesBlocked, "writes_blocked", kAccount, "the server blocks writes of users",                                  \
    "free disk space, or end what blocks them; readygate goes on by itself")                                          \
  X(kServerTooOld, "server_too_old", kAccount, "the server speaks a protocol older than this program supports",       \
    "upgrade the server to MongoDB 4.2 or later")                                                                     \
  X(kServerBusy, "server_busy", kServer, "the server asks to come back later", "wait; the operation is retried")      \
  X(kOverloaded, "overloaded", kServer, "the server is overloaded and refuses work",                                  \
    "wait; readygate asks ever more rarely; if it lasts, look at what loads the server")                              \
  X(kWriteConcern, "write_concern", kServer, "a majority of the members did not acknowledge a write",                 \
    "look at the replica set's status; readygate retries")                                                            \
  X(kConflict, "schema_conflict", kDeclaration, "the database holds something that contradicts the schema",           \
    "`readygate plan` shows both sides; change the schema, or the database by hand")                                  \
  X(kOwnedElsewhere, "owned_elsewhere", kDeclaration,                                                                 \
    "a declared collection was made by another schema of the same database",                                          \
    "declare it in one of the two schemas; the message names the other")                                              \
  X(kRefused, "refused_by_server", kDeclaration, "the server refuses a step of the schema as invalid",                \
    "correct what the message names in the schema file")                                                              \
  X(kDocumentRefused, "document_refused", kDocuments, "a document that is stored stops a step of the schema",         \
    "correct or remove the document that the message names, then `readygate status --retry`")                         \
  X(kDuplicates, "duplicate_keys", kDocuments, "a unique index cannot be built: documents share a key",               \
    "remove the duplicates, then retry")                                                                              \
  X(kNotHonoured, "not_honoured", kDeclaration, "the server accepts a declaration and does not honour it",            \
    "use a server that does, drop the declaration, or set policy.not_honoured = \"report\"")                          \
  X(kVersionNotRaised, "version_not_raised", kDeclaration, "the schema changed but its version did not",              \
    "raise `version` in the schema file with every change")                                                           \
  X(kSchemaNewer, "schema_newer", kDeclaration, "the database holds a newer version of this schema",                  \
    "roll forward, or roll back with a schema that the newer one allows (min_open)")                                  \
  X(kLedgerDamaged, "ledger_damaged", kDocuments, "readygate's own record in the database cannot be read",            \
    "restore the document that the message names, or remove it when nothing else is running: it is made anew")        \
  X(kBuildStalled, "build_stalled", kServer, "an index build stands still",                                           \
    "look at the server's log and free disk; the build goes on and is joined, or raise init.stall_timeout")           \
  X(kWaitingForMembers, "waiting_for_members", kServer,                                                               \
    "an index build is done on the primary and waits for other members",                                              \
    "look at the members that lag behind; init.commit_quorum says how many must be done")                             \
  X(kMigrationEdited, "migration_edited", kDeclaration, "a migration that was applied has been edited",               \
    "restore it in the schema file, and write what is new as a migration of its own")                                 \
  X(kMigrationInterrupted, "migration_interrupted", kDeclaration,                                                     \
    "a migration was interrupted and may not go on by itself",                                                        \
    "look at what it did, then say how it goes on: docs/migrations.md")                                               \
  X(kMigrationNotConvergent, "migration_not_convergent", kDeclaration,                                                \
    "a migration's update leaves documents matching its filter",                                                      \
    "write an update after which the filter matches no more: docs/migrations.md")                                     \
  X(kMigrationRefused, "migration_refused", kDeclaration, "the server refuses a seed or migration",                   \
    "correct what the message names in the schema file, or in the documents")                                         \
  X(kDrift, "drift", kDeclaration, "the database no longer matches the schema", "it is repaired by the next attempt") \
  X(kInitTimeout, "init_timeout", kNone, "initialization did not end within init.timeout",                            \
    "raise init.timeout, or find out what is slow: `readygate status`")                                               \
  X(kDatabaseLost, "database_lost", kServer, "the database was reachable and is not any more",                        \
    "look at the database; the gate recovers by itself")                                                              \
  X(kDraining, "draining", kNone, "the gate is closing", "try again at another replica")                              \
  X(kSchemaFileChanged, "schema_file_changed", kNone, "the schema file changed in a way that needs a restart",        \
    "restart the pod to apply it")                                                                                    \
  X(kCheckPending, "check_pending", kNone, "a [[check]] of the configuration has not passed yet",                     \
    "wait; it is asked once the gate is open")                                                                        \
  X(kCheckFailed, "check_failed", kNone, "a [[check]] of the configuration does not pass",                            \
    "look at what it asks: `readygate status` says why")                                                              \
  X(kConfigInvalid, "config_invalid", kNone, "the configuration is not valid", "correct what the message names")      \
  X(kSchemaInvalid, "schema_invalid", kNone, "the schema file is not valid", "correct what the message names")        \
  X(kFileUnreadable, "file_unreadable", kNone, "a file cannot be read",                                               \
    "check the path, the mount and the permissions")                                                                  \
  X(kFileUnwritable, "file_unwritable", kNone, "a file cannot be written",                                            \
    "check the path, its folder and the permissions")                                                                 \
  X(kPortTaken, "port_taken", kNone, "another process listens on the probe address",                                  \
    "free the port, or set gate.listen")                                                                              \
  X(kSocketTaken, "socket_taken", kNone, "another daemon serves this socket", "stop it, or set gate.socket")          \
  X(kSocketPath, "socket_path", kNone, "the socket cannot be created at its path",                                    \
    "make the folder exist and writable, and keep the path under 108 bytes")                                          \
  X(kGateUnreachable, "gate_unreachable", kNone, "no daemon answers on the socket",                                   \
    "start `readygate run`, or correct the socket path")                                                              \
  X(kBusy, "busy", kNone, "more waiters than the daemon accepts", "try again")                                        \
  X(kForbidden, "forbidden", kNone, "this user may not do that", "add the uid to gate.allow_uids")                    \
  X(kBadRequest, "bad_request", kNone, "the request is not understood", "see docs/protocol.md")                       \
  X(kUsage, "usage", kNone, "the command line is not valid", "see --help")                                            \
  X(kInternal, "internal", kNone, "a bug in readygate", "report it, with the log")

enum class Reason : std::uint8_t {
#define READYGATE_REASON_ENUM(enumerator, name, origin, meaning, advice) enumerator,
  READYGATE_REASONS(READYGATE_REASON_ENUM)
#undef READYGATE_REASON_ENUM
};

struct ReasonText {
  std::string_view name;  // snake_case, stable: part of the protocol
  Origin origin;
  std::string_view meaning;  // a clause, no full stop
  std::string_view advice;   // a clause, no full stop
};

const ReasonText& text(Reason reason);
inline std::string_view name(Reason reason) { return text(reason).name; }
inline Origin origin(Reason reason) { return text(reason).origin; }

// Every reason, in the order of the list.
std::vector<Reason> all_reasons();

}  // namespace readygate
