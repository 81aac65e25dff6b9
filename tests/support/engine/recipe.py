"""What the embedded engines are made of, and where the made parts are kept.

A part's folder is named after a hash of everything that went into it, so that a changed recipe
makes a new part instead of a mixture, and two checkouts with different recipes do not disturb each
other.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from pathlib import Path

from ..parts import cache_dir, key


@dataclass(frozen=True)
class GoProgram:
    """A program that is built from a Go module; it lies under `name` in the folder path()."""

    name: str
    module: str
    version: str
    needs_go: tuple[int, int] = (1, 25)  # the `go` line of FerretDB's go.mod; Toxiproxy asks less
    expected: str = "about 1 min"

    def path(self) -> Path:
        return engine_dir() / f"{self.name}-{self.version}"

    def script(self) -> str:
        """Shell commands for an empty folder that leave the programs in $GOPATH/bin."""
        return f"go install {self.module}@{self.version}"

    def programs(self) -> dict[str, str]:
        """How what was built is called, and how it is called in path()."""
        return {self.module.rpartition("/")[2]: self.name}


@dataclass(frozen=True)
class Kubernetes(GoProgram):
    """The programs of a Kubernetes node and kubectl, of one version, in one folder.

    Kubernetes' own go.mod replaces its parts by folders, which `go install` refuses. A module of
    our own that requires it names the published versions of these parts instead. Helm and the
    kubelet read the version that the linker is told.
    """

    name: str = "kubernetes"
    module: str = "k8s.io/kubernetes"
    version: str = ""
    needs_go: tuple[int, int] = (1, 26)  # of 1.36; 1.34 asks for less
    expected: str = "4 to 10 min, 400 MB on disk"

    def path(self) -> Path:
        """Named after what is built too: another list of programs is another folder."""
        return engine_dir() / f"{self.name}-{self.version}-{key(self.script())}"

    def script(self) -> str:
        _, minor, patch = self.version.split(".")
        parts = f"v0.{minor}.{patch}"
        package = "k8s.io/component-base/version"
        stamps = {
            "gitVersion": self.version,
            "gitMajor": "1",
            "gitMinor": minor,
            "gitTreeState": "clean",
        }
        flags = " ".join(f"-X {package}.{name}={value}" for name, value in stamps.items())
        commands = " ".join(f"{self.module}/cmd/{name}" for name in self.programs())
        return f"""
set -eu
go mod init node
requirements=$(go mod download -json {self.module}@{self.version} |
    sed -n 's/.*"GoMod": "\\(.*\\)".*/\\1/p')
sed -n 's/^[[:space:]]*\\(k8s.io[^ ]*\\) v0.0.0$/\\1/p' "$requirements" | while read -r part; do
    go mod edit "-replace=$part=$part@{parts}"
done
go mod edit -require={self.module}@{self.version}
go install -mod=mod -ldflags '-s -w {flags}' {commands}
"""

    def programs(self) -> dict[str, str]:
        node = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet")
        return {name: name for name in (*node, "kubectl")}


FERRETDB = GoProgram("ferretdb", "github.com/FerretDB/FerretDB/v2/cmd/ferretdb", "v2.7.0")
# A network that misbehaves on command; for the tests of a bad network and the bench.
TOXIPROXY = GoProgram("toxiproxy", "github.com/Shopify/toxiproxy/v2/cmd/server", "v2.12.0")
HELM = GoProgram("helm", "helm.sh/helm/v3/cmd/helm", "v3.20.0", expected="about 2 min")
# The node on which the chart is tested, in an older and in the newest version.
KUBERNETES = {"1.34": Kubernetes(version="v1.34.4"), "1.36": Kubernetes(version="v1.36.3")}
NEWEST = list(KUBERNETES)[-1]

# The rest of that node: packages of this machine's distribution, unpacked and not installed, which
# would start their services, or be in the way of another container engine.
NODE_PACKAGES = ("etcd-server", "containerd", "runc", "containernetworking-plugins")

# Debian unstable carries the DocumentDB extension.
SUITE = "sid"
PACKAGES = ("postgresql-18-documentdb",)


@dataclass(frozen=True)
class Secantus:
    """SecantusDB, a surrogate of MongoDB on WiredTiger: one process, without root. GPL-2.0: it is
    run as a program of its own and linked with nothing of ours.
    """

    name: str
    version: str
    program: str  # in the folder path()
    expected: str
    advice: str

    def path(self) -> Path:
        return engine_dir() / f"{self.name}-{key(self)}"


SECANTUS = Secantus(
    "secantus",
    "0.7.0b3",
    "bin/secantusd-py",
    "about 15 s, 150 MB on disk",
    "check that Python packages can be downloaded, then run the same command again",
)
# The nearest to a MongoDB, for whoever has a Rust. It asks for a newer one than it needs.
SECANTUS_RUST = Secantus(
    "secantus-rust",
    "0.5.3-beta.196",
    "bin/secantusd-rs",
    "9 min of a processor, 22 MB on disk",
    "check that cmake is there and crates can be downloaded, then run the same command again",
)

# Every FerretDB runs on a copy of one template cluster that is thrown away, so nothing has to
# survive a power cut (fsync); what was written does survive a killed PostgreSQL
# (synchronous_commit stays on). It has a Unix socket only (in /srv); the extensions would
# otherwise call it through TCP: pg_cron to build the indexes of filled collections in the
# background, DocumentDB to create collections.
POSTGRES_CONF = """
shared_preload_libraries = 'pg_cron,pg_documentdb_core,pg_documentdb'
cron.database_name = 'postgres'
cron.use_background_workers = on
documentdb.localhost_connection_string = 'host=/srv'
cron.log_run = off
cron.log_statement = off
max_worker_processes = 24
listen_addresses = ''
max_connections = 200
shared_buffers = 64MB
min_wal_size = 16MB
max_wal_size = 512MB
fsync = off
full_page_writes = off
"""

# Whom an engine with authentication knows. In FerretDB a PostgreSQL role is a MongoDB user
# (SCRAM-SHA-256).
USER = "readygate"
PASSWORD = "open-sesame"


def scram_verifier(password: str) -> str:
    """What PostgreSQL keeps of a password (RFC 5803), with a salt of 28 bytes.

    PostgreSQL's own salts have 16 bytes, as RFC 5802 allows, but libmongoc (1.23 to 1.30, "invalid
    salt length of 16 in sasl step2") takes only what a MongoDB sends: 28 for SHA-256.
    """
    salt, iterations = bytes(range(28)), 4096
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    stored_key = hashlib.sha256(client_key).digest()
    b64 = [base64.b64encode(part).decode() for part in (salt, stored_key, server_key)]
    return f"SCRAM-SHA-256${iterations}:{b64[0]}${b64[1]}:{b64[2]}"


CLUSTER_SQL = (
    "CREATE EXTENSION documentdb CASCADE",
    f"CREATE ROLE {USER} SUPERUSER LOGIN PASSWORD '{scram_verifier(PASSWORD)}'",
)


def engine_dir() -> Path:
    return cache_dir() / "engine"


def root_path() -> Path:
    """The root file system, with the template cluster in it."""
    return engine_dir() / f"root-{key(SUITE, PACKAGES, POSTGRES_CONF, CLUSTER_SQL)}"


def node_path() -> Path:
    """A folder with the files of NODE_PACKAGES, as they would lie below /."""
    return engine_dir() / f"node-{key(NODE_PACKAGES)}"
