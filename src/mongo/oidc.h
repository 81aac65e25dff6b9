// Whether the driver that is loaded can do what authMechanism=MONGODB-OIDC in a URI asks for. libmongoc 1.x accepts
// such a URI and then ends each connection with a sentence about an unknown mechanism; 2.x calls the URI invalid.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/failure.h"

namespace readygate::mongo {

// What of a URI is about OIDC.
struct OidcWanted {
  std::string environment;  // of authMechanismProperties, as it is written; "": none
  bool token_resource = false;
  bool password = false;
};

// None: the URI does not ask for MONGODB-OIDC. It need not be one that the driver can read.
std::optional<OidcWanted> oidc_wanted(std::string_view uri);

// Why that cannot work with this version of libmongoc ("1.23.1"), or with any; none when it may.
// Domain::kConfiguration, with advice.
std::optional<core::Failure> oidc_problem(const OidcWanted& wanted, std::string_view version);

}  // namespace readygate::mongo
