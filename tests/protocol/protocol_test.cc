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
    for (const auto& [name, wrong] : readygate::server::testing::play(file)) {
      CHECK_MESSAGE(names.insert(name).second, "two exchanges are called ", name);
      CHECK_MESSAGE(wrong.empty(), wrong);
    }
  }
  CHECK(names.size() >= 40);
}
