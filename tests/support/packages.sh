# Whether a Debian package is needed at all: what it is wanted for may be there without it. A library that pkg-config or
# the compiler finds, a program on the PATH: it does not matter who installed it. `./dev` sources this.

# there NAME: whether this machine has what the package of this name is for.
there() {
  local compiler=${CXX:-}
  [ -n "$compiler" ] || compiler=$(command -v c++ || command -v g++ || command -v clang++) || compiler=false
  case $1 in
  g++) command -v c++ g++ clang++ >/dev/null || [ -n "${CXX:-}" ] ;;
  ninja-build) command -v ninja >/dev/null ;;
  pkg-config) command -v pkg-config pkgconf >/dev/null ;;
  # `command -v` is content with any of its names.
  util-linux) command -v unshare >/dev/null && command -v setpriv >/dev/null && command -v flock >/dev/null ;;
  python3) [ -x "$python" ] ;;
  python3-venv) "$python" -c 'import ensurepip, venv' 2>/dev/null ;;
  nodejs) command -v node >/dev/null ;;
  golang-go) command -v go >/dev/null ;;
  iproute2) command -v ip >/dev/null ;;
  llvm) command -v llvm-symbolizer >/dev/null ;;
  libclang-rt-dev) runtime_of_clang ;;
  libmongoc-dev) library 'libmongoc-1.0 >= 1.23' || library mongoc2 ;;
  libbson-dev) library 'libbson-1.0 >= 1.23' || library bson2 ;;
  libcurl4-openssl-dev) library 'libcurl >= 7.87' ;;
  libssl-dev) library openssl ;;
  libcli11-dev) library CLI11 ;;
  libtomlplusplus-dev) library tomlplusplus ;;
  libfmt-dev) library 'fmt >= 9' ;;
  libevent-dev) library libevent_core ;;
  libexpected-dev) header tl/expected.hpp ;;
  doctest-dev) header doctest/doctest.h ;;
  ca-certificates) [ -e /etc/ssl/certs/ca-certificates.crt ] || [ -e /etc/pki/tls/certs/ca-bundle.crt ] ;;
  debian-archive-keyring) [ -e /usr/share/keyrings/debian-archive-keyring.gpg ] ;;
  libseccomp2) installed "$1" ;;
  # What is left is called as its program: meson, ccache, clang, podman ...
  *) command -v "$1" >/dev/null || installed "$1" ;;
  esac
}

installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

library() { pkg-config --exists "$1" 2>/dev/null; }

header() { $compiler -x c++ -std=c++20 -fsyntax-only -include "$1" /dev/null 2>/dev/null; }

# The sanitizers' libraries, of the clang that is there.
runtime_of_clang() {
  local folder
  folder=$(clang -print-runtime-dir 2>/dev/null) && [ -n "$folder" ] &&
    compgen -G "$folder/libclang_rt.asan*" >/dev/null ||
    compgen -G "$(clang -print-resource-dir 2>/dev/null)/lib/linux/libclang_rt.asan*" >/dev/null
}
