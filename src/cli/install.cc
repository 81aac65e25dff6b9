// `readygate install`: copies the static readygate-wait into a folder, for an init container: the application's image
// then needs nothing of ours, and starts with the copy from a shared volume.
//
// Whoever runs the program meanwhile keeps the old one, whole: the copy is made aside and renamed into place.
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/unique_fd.h"
#include "cli/commands.h"
#include "cli/exit_code.h"

namespace readygate::cli {
namespace {

namespace fs = std::filesystem;
constexpr const char* kProgram = "readygate-wait";
constexpr mode_t kMode = 0755;

// Beside this program, as packages and images have it, or where programs are that nobody calls by hand.
Result<UniqueFd> open_program() {
  std::error_code error;
  const fs::path folder = fs::read_symlink("/proc/self/exe", error).parent_path();
  std::string looked;
  for (const fs::path& path : {folder / kProgram, folder.parent_path() / "libexec" / "readygate" / kProgram}) {
    UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (fd) return fd;
    looked += fmt::format("{}{}: {}", looked.empty() ? "" : "; ", path.string(), std::strerror(errno));
  }
  return fail(
      Reason::kFileUnreadable,
      fmt::format("the program {} is not there to be copied ({}): it is installed beside readygate", kProgram, looked));
}

// 0, or why not.
int copy(int from, int to) {
  std::array<char, 65536> buffer;
  for (;;) {
    const ssize_t got = ::read(from, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno;
    if (got == 0) return 0;
    for (ssize_t done = 0; done < got;) {
      const ssize_t n = ::write(to, buffer.data() + done, static_cast<std::size_t>(got - done));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return errno;
      done += n;
    }
  }
}

Result<std::string> install_into(const fs::path& folder) {
  Result<UniqueFd> program = open_program();
  if (!program) return tl::unexpected<Error>(program.error());
  const std::string target = (folder / kProgram).string();
  const auto unwritable = [&](int error) {
    return fail(Reason::kFileUnwritable,
                fmt::format("{} cannot be written: {}; does the folder exist, and may this user write to it?", target,
                            std::strerror(error)));
  };
  std::string aside = (folder / fmt::format(".{}.XXXXXX", kProgram)).string();
  UniqueFd fd(::mkostemp(aside.data(), O_CLOEXEC));
  if (!fd) return unwritable(errno);
  int error = copy(program->get(), fd.get());
  if (error == 0 && (::fchmod(fd.get(), kMode) != 0 || ::fsync(fd.get()) != 0)) error = errno;
  fd.reset();  // a program that is open for writing cannot be run
  if (error == 0 && ::rename(aside.c_str(), target.c_str()) != 0) error = errno;
  if (error != 0) {
    ::unlink(aside.c_str());
    return unwritable(error);
  }
  const UniqueFd parent(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (parent) ::fsync(parent.get());  // the name, too; some file systems refuse, and the copy is there all the same
  return target;
}

}  // namespace

int install(const CommandLine& line) {
  const Result<std::string> installed = install_into(line.folder);
  if (!installed) {
    fmt::print(stderr, "readygate: {}\n", installed.error().message);
    return exit_code(installed.error().reason);
  }
  fmt::print("{}\n", *installed);
  return kExitOk;
}

}  // namespace readygate::cli
