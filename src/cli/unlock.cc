// `readygate unlock`: takes the lease from whoever holds it, for good, and gives it back at once. The raised token
// keeps out what the former holder still sends.
#include <cstdio>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include "base/json.h"
#include "base/random.h"
#include "cli/commands.h"
#include "cli/database.h"
#include "cli/exit_code.h"
#include "cli/inputs.h"
#include "core/ledger.h"
#include "mongo/catalog_reader.h"
#include "mongo/commands.h"
#include "mongo/ledger_store.h"
#include "schema/commands.h"
#include "schema/fields.h"

namespace readygate::cli {
namespace {

using core::Failure;
using core::LedgerField;

struct Unlocked {
  bool won = false;                // false: the ledger moved meanwhile
  std::vector<std::string> reset;  // "collection.index" made ready to become unique, "collection" a constraint
};

class Unlocking {
 public:
  Unlocking(const Inputs& inputs, mongo::Client& client)
      : place_{inputs.schema.database, inputs.schema.name}, schema_(inputs.schema), client_(client) {}

  tl::expected<std::optional<core::Ledger>, Failure> read() {
    auto read = mongo::read_ledger(client_, place_);
    if (!read) return tl::unexpected(std::move(read.error()));
    return std::move(read->ledger);
  }

  tl::expected<Unlocked, Failure> take(const core::Ledger& seen, bool abandon_target) {
    core::Ledger next;
    next.id = place_.schema_name;
    next.token = seen.token + 1;
    next.owner = random_id(random_);
    next.rev = random_id(random_);
    // A holder that lives renews, which changes `rev`: where there is one, it is the holder that is expected.
    core::LedgerMatch match = core::LedgerRev{seen.token, seen.rev};
    if (seen.owner) match = core::LedgerHold{seen.token, *seen.owner};
    auto taken = change(match, LedgerField::kToken | LedgerField::kOwner, next);
    if (!taken || !taken->won) return taken;
    Unlocked done{true, {}};
    if (abandon_target) {
      auto reset = take_back_preparations(seen, next.token);
      if (!reset) return tl::unexpected(std::move(reset.error()));
      done.reset = std::move(*reset);
    }
    core::Ledger free;
    free.id = place_.schema_name;
    free.rev = random_id(random_);
    const core::LedgerFields fields = LedgerField::kOwner | LedgerField::kStep;
    const auto given_back = change(core::LedgerHold{next.token, *next.owner},
                                   abandon_target ? fields | LedgerField::kTarget : fields, free);
    if (!given_back) return tl::unexpected(given_back.error());
    return done;
  }

 private:
  tl::expected<Unlocked, Failure> change(const core::LedgerMatch& match, core::LedgerFields fields,
                                         const core::Ledger& next) {
    return mongo::change_ledger(client_, place_, {match, fields, next}).map([](const core::LedgerWritten& written) {
      return Unlocked{written.won, {}};
    });
  }

  // An index that was to become unique refuses the application's duplicates from then on, and a collection whose
  // validator was to become a constraint what bypasses it, until they are told not to.
  tl::expected<std::vector<std::string>, Failure> take_back_preparations(const core::Ledger& seen, std::int64_t token) {
    std::vector<std::string> names = schema::declared_names(schema_);
    for (const core::Owns& owns : seen.owns) names.push_back(owns.collection);
    const auto read = mongo::read_catalog(client_, place_.database, {names, false, false});
    if (!read) return tl::unexpected(read.error());
    std::vector<std::string> reset;
    const auto take_back = [&](schema::Document command, std::string name) -> tl::expected<void, Failure> {
      schema::append(command, "comment", fmt::format("readygate:{}", token));
      const auto reply =
          mongo::run(client_, mongo::Sort::kWrite, place_.database, command.get(), nullptr, core::Doing::kModify);
      if (!reply) return tl::unexpected(reply.error());
      reset.push_back(std::move(name));
      return {};
    };
    for (const schema::CatalogCollection& collection : read->catalog.collections) {
      constexpr std::string_view kConstraint = "prepareConstraintValidationLevel";
      if (const auto prepared = schema::field(collection.options, kConstraint); prepared && prepared->truthy()) {
        schema::Document off;
        schema::append(off, kConstraint, false);
        if (auto done = take_back(schema::modify_command(collection.name, off), collection.name); !done) {
          return tl::unexpected(std::move(done.error()));
        }
      }
      for (const schema::CatalogIndex& each : collection.indexes) {
        const auto prepared = schema::field(each.index.options, "prepareUnique");
        if (!prepared || !prepared->truthy()) continue;
        auto done = take_back(schema::modify_index_command(collection.name, each.index.name, "prepareUnique", false),
                              fmt::format("{}.{}", collection.name, each.index.name));
        if (!done) return tl::unexpected(std::move(done.error()));
      }
    }
    return reset;
  }

  const mongo::LedgerPlace place_;
  const schema::Schema& schema_;
  mongo::Client& client_;
  SystemRandom random_;
};

std::string state_of(const core::Ledger& ledger) {
  std::string text = ledger.owner ? fmt::format("held by {} under token {}", *ledger.owner, ledger.token) : "free";
  if (!ledger.step.empty()) text += fmt::format(", at: {}", ledger.step);
  if (ledger.target) text += fmt::format("; being applied: version {}", ledger.target->version);
  return text;
}

// Asks on the terminal; no is the answer to everything but yes.
bool confirmed(const core::Ledger& ledger, const CommandLine& line) {
  if (line.yes) return true;
  if (::isatty(STDIN_FILENO) != 1) {
    fmt::print(stderr, "readygate: this asks before it does anything, and nobody is there to answer: give --yes\n");
    return false;
  }
  fmt::print(stderr, "The lease is {}.\nNothing more of its holder will be accepted{}. Go on? [y/N] ", state_of(ledger),
             line.abandon_target ? ", and the version that it was applying is given up" : "");
  std::fflush(stderr);
  const int answer = std::getchar();
  return answer == 'y' || answer == 'Y';
}

void tell(const CommandLine& line, bool unlocked, const core::Ledger& before, const std::vector<std::string>& reset) {
  if (line.format == OutputFormat::kJson) {
    JsonWriter json;
    json.begin_object().field("v", 1).field("unlocked", unlocked);
    json.field("owner", std::string_view(before.owner.value_or(""))).field("token", before.token);
    json.key("abandoned_version");
    if (unlocked && line.abandon_target && before.target) {
      json.value(static_cast<std::int64_t>(before.target->version));
    } else {
      json.null();
    }
    json.key("reset").begin_array();
    for (const std::string& index : reset) json.value(std::string_view(index));
    json.end_array().end_object();
    fmt::print("{}\n", json.text());
  } else if (!unlocked) {
    fmt::print("Nothing to unlock: the lease is {}.\n", state_of(before));
  } else {
    fmt::print("Unlocked. It was {}.\n", state_of(before));
    if (!reset.empty())
      fmt::print("Not prepared to become unique or a constraint any more: {}.\n", fmt::join(reset, ", "));
  }
}

}  // namespace

int unlock(const CommandLine& line) {
  const auto inputs = load_inputs(line, config::NeedUri::kYes);
  if (!inputs) return report(inputs.error(), line.format);
  auto pool = open_database(inputs->config.settings);
  if (!pool) return report(pool.error());
  mongo::Client client = (*pool)->take();
  Unlocking unlocking(*inputs, client);
  const auto seen = unlocking.read();
  if (!seen) return report(seen.error());
  const core::Ledger ledger = seen->value_or(core::Ledger{});
  const bool needed = *seen && (ledger.owner || (line.abandon_target && ledger.target));
  if (!needed) {
    tell(line, false, ledger, {});
    return kExitOk;
  }
  if (!confirmed(ledger, line)) return kExitError;
  const auto done = unlocking.take(ledger, line.abandon_target);
  if (!done) return report(done.error());
  if (!done->won) {
    fmt::print(stderr,
               "readygate: another replica took or gave back the lease meanwhile; look again with `readygate "
               "unlock`\n");
    return kExitError;
  }
  tell(line, true, ledger, done->reset);
  return kExitOk;
}

}  // namespace readygate::cli
