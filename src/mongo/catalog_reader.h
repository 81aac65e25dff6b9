// One reading of what the database holds of the declared collections, and of who answers.
#pragma once

#include <string>
#include <vector>

#include "core/work.h"
#include "mongo/pool.h"

namespace readygate::mongo {

// A collection that is not there, or is dropped while we read, is absent from the result. A count that the server
// refuses is left out, and the reading goes on.
tl::expected<core::CatalogRead, core::Failure> read_catalog(Client& client, const std::string& database,
                                                            const core::ReadCatalog& work);

// The names of all collections and views of the database.
tl::expected<std::vector<std::string>, core::Failure> collection_names(Client& client, const std::string& database);

// The product, from the answer to buildInfo (FerretDB and others say so there, in words that are then printable and at
// most 64 bytes long) and the names of the hosts (Amazon's and Microsoft's services say nothing; their host names do).
schema::Server server_from(const bson_t& build_info, const std::string& hosts, const std::string& topology);

}  // namespace readygate::mongo
