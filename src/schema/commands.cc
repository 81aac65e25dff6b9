// Nothing is left to a server's default that the declaration decides: level and action go along with each validator.
#include "schema/commands.h"

namespace readygate::schema {

Document create_command(const std::string& name, const Document& options) {
  Document command;
  append(command, "create", name);
  for (const Field& option : fields(options)) append(command, option);
  return command;
}

Document create_indexes_command(const std::string& collection, const std::vector<Index>& indexes, Collated collated) {
  Document simple;
  append(simple, "locale", "simple");
  std::vector<Document> specs;
  for (const Index& index : indexes) {
    Document spec;
    append(spec, "key", index.key);
    append(spec, "name", index.name);
    for (const Field& option : fields(index.options)) append(spec, option);
    if (collated == Collated::kYes && !index.options.has("collation")) append(spec, "collation", simple);
    specs.push_back(std::move(spec));
  }
  Document command;
  append(command, "createIndexes", collection);
  append(command, "indexes", specs);
  return command;
}

Document modify_command(const std::string& name, const Document& options) {
  Document command;
  append(command, "collMod", name);
  for (const Field& option : fields(options)) append(command, option);
  return command;
}

Document drop_index_command(const std::string& collection, const std::string& index) {
  Document command;
  append(command, "dropIndexes", collection);
  append(command, "index", index);
  return command;
}

}  // namespace readygate::schema
