// Nothing is left to a server's default that the declaration decides: level and action go along with each validator.
#include "schema/commands.h"

#include "schema/fields.h"

namespace readygate::schema {

Document create_command(const std::string& collection, const Document& options) {
  Document command;
  append(command, "create", collection);
  for (const Field& option : fields(options)) append(command, option);
  return command;
}

Document create_indexes_command(const std::string& collection, const std::vector<Index>& indexes) {
  std::vector<Document> specs;
  for (const Index& index : indexes) {
    Document spec;
    append(spec, "key", index.key);
    append(spec, "name", index.name);
    for (const Field& option : fields(index.options)) append(spec, option);
    specs.push_back(std::move(spec));
  }
  Document command;
  append(command, "createIndexes", collection);
  append(command, "indexes", specs);
  return command;
}

Document expire_command(const std::string& collection, const std::string& index, std::int64_t seconds) {
  Document target;
  append(target, "name", index);
  append(target, "expireAfterSeconds", seconds);
  Document command;
  append(command, "collMod", collection);
  append(command, "index", target);
  return command;
}

Document validator_command(const std::string& collection, const Document& options) {
  Document command;
  append(command, "collMod", collection);
  for (const Field& option : fields(options)) append(command, option);
  return command;
}

}  // namespace readygate::schema
