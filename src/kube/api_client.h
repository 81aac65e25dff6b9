// The one place of this folder that talks to the network. Blocks: for a worker.
#pragma once

#include <string>

#include "http/client.h"
#include "kube/call.h"

namespace readygate::kube {

struct ApiServer {
  std::string url;         // "https://10.96.0.1:443"
  std::string token_file;  // read for each request: the kubelet replaces it long before it expires
  std::string ca_file;
};

// Sends the call. A token that cannot be read is an answer that never came.
Answer carry_out(const ApiServer& server, const Call& call, http::Client& client);

}  // namespace readygate::kube
