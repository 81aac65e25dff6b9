#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "transcript.h"

TEST_CASE("golden transcripts") {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(TRANSCRIPTS)) {
    if (entry.path().extension() == ".txt") files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  std::set<std::string> names;
  for (const std::string& file : files) {
    for (const readygate::server::testing::Exchange& exchange : readygate::server::testing::play(file)) {
      CHECK_MESSAGE(names.insert(exchange.name).second, "two exchanges are called ", exchange.name);
      CHECK_MESSAGE(exchange.wrong.empty(), exchange.wrong);
    }
  }
  CHECK(names.size() >= 40);
}
