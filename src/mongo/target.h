// What of a URI decides how a failure to reach its database is explained.
#pragma once

#include <string>
#include <vector>

#include "mongo/tls_look.h"

namespace readygate::mongo {

struct Target {
  std::vector<std::string> hosts;  // "a:27017"; none where the URI names a service (SRV)
  std::string replica_set;         // that the URI asks for; ""
  TlsOptions tls;
};

}  // namespace readygate::mongo
