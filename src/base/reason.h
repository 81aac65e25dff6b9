// The one list of reason codes. Status, probes, logs, exit codes and docs/operations.md take their names, meanings and
// advice from here (a test holds the document against this list).
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace readygate {

// X(enumerator, name, what it means, what to do)
#define READYGATE_REASONS(X)                                                                                          \
  X(kNone, "none", "nothing is wrong", "nothing")                                                                     \
  X(kStarting, "starting", "the daemon is starting", "wait")                                                          \
  X(kInitializing, "initializing", "the database is being made ready", "wait; `readygate status` shows the phase")    \
  X(kLeaseHeld, "lease_held", "another replica is initializing the database", "wait for it")                          \
  X(kLeaseLost, "lease_lost", "the right to change the database was lost before the work was done",                   \
    "wait, it is taken again; if it recurs, look at the latency and majority of the database")                        \
  X(kNameResolution, "name_resolution", "the database host name does not resolve",                                    \
    "check the host in the URI, and the cluster's DNS")                                                               \
  X(kConnectionRefused, "connection_refused", "the host answers, but nothing listens on the port",                    \
    "start the database, or correct the port in the URI")                                                             \
  X(kNetwork, "network_error", "the connection to the database broke", "check the network path and the server's log") \
  X(kTimeout, "timeout", "no answer within the time allowed",                                                         \
    "check that the address is right, that no firewall drops packets, and that the server is not overloaded")         \
  X(kNoPrimary, "no_primary", "no writable primary is known",                                                         \
    "wait for an election to end; if it lasts, look at the replica set's status")                                     \
  X(kTls, "tls_failed", "the TLS handshake failed",                                                                   \
    "make both sides agree: tls=true in the URI exactly when the server wants TLS, and a CA file that signed it")     \
  X(kCaFile, "ca_file_invalid", "a TLS file of the URI cannot be used",                                               \
    "mount a readable PEM file at the path that the URI's tlsCAFile or tlsCertificateKeyFile names")                  \
  X(kAuth, "auth_failed", "the server refuses the user name or password",                                             \
    "correct the user, password and authSource of the URI; a changed secret is picked up without a restart")          \
  X(kNotAuthorized, "not_authorized", "the user may not do what is needed",                                           \
    "grant the privileges that the documentation lists, then `readygate status --retry`")                             \
  X(kServerTooOld, "server_too_old", "the server speaks a protocol older than this program supports",                 \
    "upgrade the server to MongoDB 4.2 or later")                                                                     \
  X(kServerBusy, "server_busy", "the server asks to come back later", "wait; the operation is retried")               \
  X(kWriteConcern, "write_concern", "a majority of the members did not acknowledge a write",                          \
    "look at the replica set's status; readygate retries")                                                            \
  X(kConflict, "schema_conflict", "the database holds something that contradicts the schema",                         \
    "`readygate plan` shows both sides; change the schema, or the database by hand")                                  \
  X(kOwnedElsewhere, "owned_elsewhere", "a declared collection was made by another schema of the same database",      \
    "declare it in one of the two schemas; the message names the other")                                              \
  X(kRefused, "refused_by_server", "the server refuses a step of the schema as invalid",                              \
    "correct what the message names in the schema file")                                                              \
  X(kDuplicates, "duplicate_keys", "a unique index cannot be built: documents share a key",                           \
    "remove the duplicates, then retry")                                                                              \
  X(kNotHonoured, "not_honoured", "the server accepts a declaration and does not honour it",                          \
    "use a server that does, drop the declaration, or set policy.not_honoured = \"report\"")                          \
  X(kVersionNotRaised, "version_not_raised", "the schema changed but its version did not",                            \
    "raise `version` in the schema file with every change")                                                           \
  X(kSchemaNewer, "schema_newer", "the database holds a newer version of this schema",                                \
    "roll forward, or roll back with a schema that the newer one allows (min_open)")                                  \
  X(kBuildStalled, "build_stalled", "an index build stands still",                                                    \
    "look at the server's log and free disk; the build goes on and is joined, or raise init.stall_timeout")           \
  X(kWaitingForMembers, "waiting_for_members", "an index build is done on the primary and waits for other members",   \
    "look at the members that lag behind; init.commit_quorum says how many must be done")                             \
  X(kMigrationEdited, "migration_edited", "a migration that was applied has been edited",                             \
    "restore it in the schema file, and write what is new as a migration of its own")                                 \
  X(kMigrationInterrupted, "migration_interrupted", "a migration was interrupted and may not go on by itself",        \
    "look at what it did, then say how it goes on: docs/migrations.md")                                               \
  X(kMigrationNotConvergent, "migration_not_convergent", "a migration's update leaves documents matching its filter", \
    "write an update after which the filter matches no more: docs/migrations.md")                                     \
  X(kMigrationRefused, "migration_refused", "the server refuses a seed or migration",                                 \
    "correct what the message names in the schema file, or in the documents")                                         \
  X(kDrift, "drift", "the database no longer matches the schema", "it is repaired by the next attempt")               \
  X(kInitTimeout, "init_timeout", "initialization did not end within init.timeout",                                   \
    "raise init.timeout, or find out what is slow: `readygate status`")                                               \
  X(kDatabaseLost, "database_lost", "the database was reachable and is not any more",                                 \
    "look at the database; the gate recovers by itself")                                                              \
  X(kDraining, "draining", "the gate is closing", "try again at another replica")                                     \
  X(kSchemaFileChanged, "schema_file_changed", "the schema file changed while the gate was open",                     \
    "restart the pod to apply it")                                                                                    \
  X(kCheckPending, "check_pending", "a [[check]] of the configuration has not passed yet",                            \
    "wait; it is asked once the gate is open")                                                                        \
  X(kCheckFailed, "check_failed", "a [[check]] of the configuration does not pass",                                   \
    "look at what it asks: `readygate status` says why")                                                              \
  X(kConfigInvalid, "config_invalid", "the configuration is not valid", "correct what the message names")             \
  X(kSchemaInvalid, "schema_invalid", "the schema file is not valid", "correct what the message names")               \
  X(kFileUnreadable, "file_unreadable", "a file cannot be read", "check the path, the mount and the permissions")     \
  X(kFileUnwritable, "file_unwritable", "a file cannot be written", "check the path, its folder and the permissions") \
  X(kPortTaken, "port_taken", "another process listens on the probe address", "free the port, or set gate.listen")    \
  X(kSocketTaken, "socket_taken", "another daemon serves this socket", "stop it, or set gate.socket")                 \
  X(kSocketPath, "socket_path", "the socket cannot be created at its path",                                           \
    "make the folder exist and writable, and keep the path under 108 bytes")                                          \
  X(kGateUnreachable, "gate_unreachable", "no daemon answers on the socket",                                          \
    "start `readygate run`, or correct the socket path")                                                              \
  X(kBusy, "busy", "more waiters than the daemon accepts", "try again")                                               \
  X(kForbidden, "forbidden", "this user may not do that", "add the uid to gate.allow_uids")                           \
  X(kBadRequest, "bad_request", "the request is not understood", "see docs/protocol.md")                              \
  X(kUsage, "usage", "the command line is not valid", "see --help")                                                   \
  X(kInternal, "internal", "a bug in readygate", "report it, with the log")

enum class Reason : std::uint8_t {
#define READYGATE_REASON_ENUM(enumerator, name, meaning, advice) enumerator,
  READYGATE_REASONS(READYGATE_REASON_ENUM)
#undef READYGATE_REASON_ENUM
};

struct ReasonText {
  std::string_view name;     // snake_case, stable: part of the protocol
  std::string_view meaning;  // a clause, no full stop
  std::string_view advice;   // a clause, no full stop
};

const ReasonText& text(Reason reason);
inline std::string_view name(Reason reason) { return text(reason).name; }

// Every reason, in the order of the list.
std::vector<Reason> all_reasons();

}  // namespace readygate
