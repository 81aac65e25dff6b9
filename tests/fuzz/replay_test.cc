// The kept corpus once through every target, in every build: what a fuzzer found stays found.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "targets.h"

TEST_CASE("the kept corpus runs through its targets") {
  namespace fs = std::filesystem;
  for (const readygate::fuzz::Target& target : readygate::fuzz::kTargets) {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(fs::path(READYGATE_CORPUS) / target.name)) {
      files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    CAPTURE(std::string(target.name));
    CHECK(files.size() >= 5);
    for (const fs::path& path : files) {
      CAPTURE(path.string());
      std::ifstream file(path, std::ios::binary);
      const std::string input((std::istreambuf_iterator<char>(file)), {});
      target.run(input);
    }
  }
}
