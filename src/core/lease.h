// The right to change the database. Steps that take nothing away need none: replicas that race to make the same index
// all succeed. What does take away will ask a lease with a fencing token, a deadline and a takeover, behind this
// interface.
#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "core/ledger.h"

namespace readygate::core {

struct Grant {
  std::int64_t token = 0;            // goes into every filter and into the comment of every command
  std::optional<Instant> not_after;  // no command is sent later than this
};

class Lease {
 public:
  virtual ~Lease() = default;
  // The grant, if the ledger as it was just read lets us have one; none while another replica holds it.
  virtual std::optional<Grant> acquire(const std::optional<Ledger>& seen, Instant now) = 0;
  virtual void release() = 0;
};

// For plans of additive steps alone.
class AdditiveLease final : public Lease {
 public:
  std::optional<Grant> acquire(const std::optional<Ledger>& seen, Instant /*now*/) override {
    return Grant{seen ? seen->token : 0, std::nullopt};
  }
  void release() override {}
};

}  // namespace readygate::core
