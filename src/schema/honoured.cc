// Each line was observed, with the version in which. A product or version that is not here is taken at its word.
#include "schema/honoured.h"

#include <algorithm>
#include <array>

namespace readygate::schema {
namespace {

struct Known {
  std::string_view product;
  std::string_view option;
  std::string_view sentence;
};

constexpr std::array kKnown = {
    // FerretDB 2.7.0 on DocumentDB 1.0: create answers ok to each, and listCollections shows a plain collection without
    // it.
    Known{"ferretdb", "viewOn", "makes an empty collection of a view"},
    Known{"ferretdb", "timeseries", "makes a plain collection of a time series"},
    Known{"ferretdb", "capped", "makes a plain collection of a capped one"},
    Known{"ferretdb", "clusteredIndex", "makes a plain collection of a clustered one"},
    Known{"ferretdb", "collation", "forgets the collation of a collection"},
    Known{"ferretdb", "expireAfterSeconds", "forgets expireAfterSeconds of a collection"},
    Known{"ferretdb", "changeStreamPreAndPostImages", "forgets changeStreamPreAndPostImages"},
    Known{"ferretdb", "storageEngine", "forgets options of a storage engine"},
    Known{"ferretdb", "indexOptionDefaults", "forgets options of a storage engine for indexes"},
    Known{"ferretdb", "encryptedFields", "forgets encryptedFields, and takes documents that nobody encrypted"},
};

}  // namespace

std::string_view not_honoured(const Server& server, std::string_view option) {
  const auto it = std::find_if(kKnown.begin(), kKnown.end(), [&](const Known& known) {
    return known.product == server.product && known.option == option;
  });
  return it == kKnown.end() ? std::string_view() : it->sentence;
}

bool hides_only_later(const Server& server) { return server.product == "ferretdb"; }

bool create_forgets_validator(const Server& server) { return server.product == "ferretdb"; }

}  // namespace readygate::schema
