#include "kube/call.h"

namespace readygate::kube {

std::string kube_time(WallTime time) {
  std::string text = rfc3339(time);
  text.resize(text.size() - 5);  // ".678Z"
  return text + "Z";
}

}  // namespace readygate::kube
