// Transactions, as far as a client can tell them from the real thing alone on the server: what is in one is taken back
// when it is aborted, fails, or is left behind by the next one. Nothing is isolated.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "scripted_server/catalog_model.h"

namespace readygate::scripted {

struct Transactions {
  struct Open {
    std::string key;  // session and txnNumber
    CatalogModel before;
  };
  std::optional<Open> open;
  std::string committed;  // the last one: committing it again is fine
};

/// The reply to a command with `autocommit`; `run` carries out what is in it.
Doc in_transaction(Transactions& transactions, CatalogModel& model, const Doc& command,
                   const std::function<Doc()>& run);

/// What is open is taken back. A write beside a transaction that its client has left finds it expired.
void take_back(Transactions& transactions, CatalogModel& model);

}  // namespace readygate::scripted
