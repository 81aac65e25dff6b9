#include <algorithm>
#include <filesystem>
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
  CHECK(files.size() >= 10);
  for (const std::string& file : files) {
    const std::string wrong = readygate::server::testing::play(file);
    CHECK_MESSAGE(wrong.empty(), wrong);
  }
}
