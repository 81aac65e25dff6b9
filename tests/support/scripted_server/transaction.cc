// See transaction.h. Sources (manual): "Transactions", "Transactions and Operations"; specifications, "Transactions".
#include "scripted_server/transaction.h"

#include <vector>

namespace readygate::scripted {

namespace {

constexpr int kInvalidOptions = 72;
constexpr int kNoSuchTransaction = 251;
constexpr int kNotInTransaction = 263;  // OperationNotSupportedInTransaction

Doc no_such_transaction() {
  Doc labels;
  labels.add_array("errorLabels", Doc::array_of(std::vector<std::string>{"TransientTransactionError"}));
  return error_reply(kNoSuchTransaction, "the transaction is not in progress", labels);
}

/// A reply when the command must not be in a transaction as it is.
std::optional<Doc> refused(const Doc& command, std::string_view name) {
  const bool ends = name == "commitTransaction" || name == "abortTransaction";
  if (command.has("writeConcern") && !ends) {
    return error_reply(kInvalidOptions, "writeConcern is not allowed within a multi-statement transaction", Doc());
  }
  if (command.has("readConcern") && !command.truthy("startTransaction")) {
    return error_reply(kInvalidOptions, "Only the first command in a transaction may specify a readConcern", Doc());
  }
  if (ends || name == "find" || name == "insert" || name == "update" || name == "delete" || name == "findAndModify") {
    return std::nullopt;
  }
  return error_reply(kNotInTransaction, "cannot run '" + std::string(name) + "' in a multi-document transaction",
                     Doc());
}

}  // namespace

void take_back(Transactions& transactions, CatalogModel& model) {
  if (transactions.open) model = transactions.open->before;
  transactions.open.reset();
}

Doc in_transaction(Transactions& transactions, CatalogModel& model, const Doc& command,
                   const std::function<Doc()>& run) {
  std::optional<Transactions::Open>& open = transactions.open;
  const auto first = command.first();
  const std::string_view name = first ? first->key() : std::string_view();
  const std::string key = command.document("lsid").json() + "/" + std::to_string(command.integer("txnNumber"));
  if (command.truthy("startTransaction")) {
    take_back(transactions, model);
    open = Transactions::Open{key, model};
  }
  if (name == "commitTransaction" && transactions.committed == key) return Doc();
  if (!open || open->key != key) return no_such_transaction();
  if (auto reply = refused(command, name)) {
    take_back(transactions, model);
    return *reply;
  }
  if (name == "commitTransaction") {
    transactions.committed = key;
    open.reset();
    return Doc();
  }
  if (name == "abortTransaction") {
    take_back(transactions, model);
    return Doc();
  }
  Doc reply = run();
  if (reply.integer("ok", 1) != 1 || reply.has("writeErrors")) take_back(transactions, model);
  return reply;
}

}  // namespace readygate::scripted
