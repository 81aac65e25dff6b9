// Files and folders. A folder is read as Kubernetes mounts one: its *.toml are links, and names that begin with a dot
// are the volume's own.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/unique_fd.h"
#include "schema/schema.h"
#include "schema/sources.h"

namespace readygate::schema {
namespace {

constexpr std::size_t kMaxFile = 16U << 20U;

tl::unexpected<toml::Mistake> unreadable(const toml::Place& place, const std::string& what, const std::string& path,
                                         std::string_view why) {
  return tl::unexpected(
      toml::Mistake{place, Reason::kFileUnreadable, fmt::format("{} \"{}\" cannot be read: {}", what, path, why)});
}

// Parses one file into `sources`; what is wrong with it goes to `mistakes`.
void add(std::string_view text, const std::string& file, const std::string& folder, std::vector<Source>& sources,
         toml::Mistakes& mistakes) {
  auto table = toml::parse(text, file);
  if (table) {
    sources.push_back(Source{file, folder, std::move(*table)});
    return;
  }
  for (toml::Mistake& mistake : table.error()) {
    mistake.reason = Reason::kSchemaInvalid;
    mistakes.push_back(std::move(mistake));
  }
}

}  // namespace

tl::expected<std::string, toml::Mistake> read_file(const std::string& path, const std::string& what,
                                                   const toml::Place& place) {
  // O_NONBLOCK: a pipe in the place of a file must not hold the program.
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat info {};
  if (!fd || ::fstat(fd.get(), &info) != 0) return unreadable(place, what, path, std::strerror(errno));
  if (!S_ISREG(info.st_mode)) return unreadable(place, what, path, "it is not a file");
  std::string text;
  char buffer[16384];
  for (;;) {
    const ssize_t got = ::read(fd.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return unreadable(place, what, path, std::strerror(errno));
    if (got == 0) return text;
    text.append(buffer, static_cast<std::size_t>(got));
    if (text.size() > kMaxFile) return unreadable(place, what, path, "it is larger than 16 MiB");
  }
}

tl::expected<Schema, toml::Mistakes> load(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code error;
  std::vector<std::string> files;
  std::string folder = fs::path(path).parent_path().string();
  if (fs::is_directory(path, error)) {
    folder = path;
    for (fs::directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
      const fs::path& file = it->path();
      if (file.extension() == ".toml" && file.filename().string().front() != '.') files.push_back(file.string());
    }
    const toml::Place place{path, 0, 0};
    if (error) return tl::unexpected(toml::Mistakes{unreadable(place, "the folder", path, error.message()).value()});
    if (files.empty()) {
      return tl::unexpected(toml::Mistakes{{place, Reason::kSchemaInvalid, "the folder holds no *.toml file"}});
    }
    std::sort(files.begin(), files.end());
  } else {
    files.push_back(path);
  }
  std::vector<Source> sources;
  toml::Mistakes mistakes;
  for (const std::string& file : files) {
    auto text = read_file(file, "the schema file", toml::Place{file, 0, 0});
    if (text) {
      add(*text, file, folder, sources, mistakes);
    } else {
      mistakes.push_back(std::move(text.error()));
    }
  }
  return schema_from(sources, std::move(mistakes));
}

tl::expected<Schema, toml::Mistakes> parse(std::string_view text, const std::string& file, const std::string& folder) {
  std::vector<Source> sources;
  toml::Mistakes mistakes;
  add(text, file, folder, sources, mistakes);
  return schema_from(sources, std::move(mistakes));
}

}  // namespace readygate::schema
