// https://www.mongodb.com/docs/manual/reference/command/connectionStatus/
#include "mongo/privilege_reader.h"

#include "mongo/commands.h"
#include "schema/fields.h"

namespace readygate::mongo {

std::optional<std::vector<schema::Privilege>> read_privileges(Client& client) {
  schema::Document command;
  schema::append(command, "connectionStatus", 1);
  schema::append(command, "showPrivileges", true);
  const auto reply = run(client, Sort::kPlain, "admin", command.get(), nullptr, core::Doing::kReadCatalog);
  if (!reply || !reply->whole()) return std::nullopt;
  return schema::privileges_from(*reply);
}

}  // namespace readygate::mongo
