"""Builds the container image of readygate without a registry.

    make()                 the OCI archive, built if the sources have changed since
    Image(archive)         what is in one: its configuration, layers and files

The base is Debian 13 with the packages of image/packages, made by mmdebstrap once and kept in the
cache folder; the Containerfile then finds nothing to install. podman builds with
`--isolation=chroot`, which needs neither systemd nor user namespaces, in a storage of its own that
is thrown away.

As a command:  PYTHONPATH=tests python3 -m support.image [--again]
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

from .builds import REPOSITORY
from .debian import Root, build_packages
from .parts import InstallError, cache_dir

SUITE = "trixie"  # Debian 13
NAME = "localhost/readygate:dev"
BUILD = ("build", "--isolation=chroot", "--pull=never", "--layers=false")
# What .containerignore lets through, and how it is used.
INPUTS = ("meson.build", "meson_options.txt", "LICENSE", "src", "clients", "image", "Containerfile")


SBOM = "usr/share/doc/readygate/sbom.spdx.json"
DOCUMENT = REPOSITORY / "docs/image.md"
BEGIN, END = "<!-- generated: ./dev image --table -->\n", "<!-- end -->"


class ImageError(InstallError):
    """The image could not be made; the text says at which step, and what to do."""


def folder() -> Path:
    return cache_dir() / "image"


def archive() -> Path:
    """Where make() leaves the newest image."""
    return folder() / "readygate.oci.tar"


def _say(text: str) -> None:
    print(f"image: {text}", file=sys.stderr, flush=True)


def _run(what: str, command: list[str], advice: str) -> str:
    """Returns standard output. Raises ImageError with the end of what it said."""
    _say(f"{what} ...")
    started = time.monotonic()
    environment = {**os.environ, "TMPDIR": str(folder())}
    done = subprocess.run(
        command, capture_output=True, text=True, errors="replace", env=environment
    )
    if done.returncode != 0:
        said = "\n".join("    " + line for line in (done.stdout + done.stderr).splitlines()[-25:])
        raise ImageError(f"{what} failed with {done.returncode}\n{said}\n  what to do:  {advice}")
    _say(f"{what}: done in {time.monotonic() - started:.0f} s")
    return done.stdout


def base() -> Path:
    """The root file system of the build stage, as a tar file."""
    return Root(SUITE, build_packages(), variant="apt", documents=True).made(".tar")


@contextmanager
def podman() -> Iterator[list[str]]:
    """How podman is called, with a storage that ends with the block."""
    folder().mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="storage-", dir=folder()) as storage:
        yield [
            "podman",
            f"--root={storage}/root",
            f"--runroot={storage}/run",
            "--storage-driver=vfs",
            "--cgroup-manager=cgroupfs",
            "--events-backend=none",
        ]


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(REPOSITORY), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _epoch() -> str:
    """Seconds since 1970 of the last commit of what goes in: the date of all in the image."""
    return _git("log", "-1", "--format=%ct", "--", *INPUTS).strip()


def build(target: Path) -> None:
    """One build, from nothing but the base. Raises ImageError."""
    tar, epoch = base(), _epoch()
    new = target.with_name(f"new-{target.name}")
    new.unlink(missing_ok=True)
    with podman() as command:
        _run(
            "the base into a storage",
            [*command, "import", str(tar), "localhost/base:1"],
            "see above",
        )
        settings = [f"--build-arg=SOURCE_DATE_EPOCH={epoch}", "--build-arg=BASE=localhost/base:1"]
        _run(
            "the image (3 min)",
            [*command, *BUILD, f"--timestamp={epoch}", *settings, f"--tag={NAME}", str(REPOSITORY)],
            "look at the compiler's message above",
        )
        _run(
            "its archive",
            [*command, "save", "--format=oci-archive", f"--output={new}", NAME],
            "see above",
        )
    new.rename(target)


def _sources() -> str:
    """A hash of everything that the build stage sees, and of the date."""
    listed = _git("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *INPUTS)
    digest = hashlib.sha256(_epoch().encode())
    for name in sorted(listed.split("\0")):
        if (REPOSITORY / name).is_file():
            digest.update(name.encode() + b"\0" + (REPOSITORY / name).read_bytes())
    return digest.hexdigest()


def make(*, again: bool = False) -> Path:
    """The archive of the image of these sources."""
    stamp = folder() / "sources"
    wanted = _sources()
    if again or not archive().exists() or not stamp.exists() or stamp.read_text() != wanted:
        build(archive())
        stamp.write_text(wanted)
    return archive()


class Image:
    """An OCI archive. https://github.com/opencontainers/image-spec/blob/main/image-layout.md"""

    def __init__(self, path: Path) -> None:
        self._tar = tarfile.open(path)  # noqa: SIM115 -- it is read for as long as we are
        (entry,) = self._json("index.json")["manifests"]
        self._manifest = self._blob(entry["digest"])

    def _json(self, name: str) -> dict:
        file = self._tar.extractfile(name)
        assert file
        return json.load(file)

    def _blob(self, digest: str) -> dict:
        return self._json(f"blobs/{digest.replace(':', '/')}")

    @cached_property
    def config(self) -> dict:
        return self._blob(self._manifest["config"]["digest"])

    @property
    def layers(self) -> list[str]:
        """Digests of the layers, uncompressed."""
        return self.config["rootfs"]["diff_ids"]

    def sizes(self) -> dict[str, int]:
        """Bytes of each package's files, the largest first; "readygate" are the two programs."""
        content = {member.name: data for member, data in self.files() if member.isfile()}
        listed = json.loads(content[SBOM])["packages"]
        sizes = {
            package["name"]: sum(len(content[path[1:]]) for path in files_of(package))
            for package in listed
        }
        sizes["copyrights and the SBOM"] = sum(
            len(data) for name, data in content.items() if name.startswith("usr/share/doc/")
        )
        return dict(sorted(sizes.items(), key=lambda item: -item[1]))

    def files(self) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
        """Every member of every layer, with its content."""
        for layer in self._manifest["layers"]:
            blob = self._tar.extractfile(f"blobs/{layer['digest'].replace(':', '/')}")
            assert blob
            with tarfile.open(fileobj=io.BytesIO(blob.read())) as tar:
                for member in tar:
                    file = tar.extractfile(member) if member.isfile() else None
                    yield member, file.read() if file else b""


def files_of(package: dict) -> list[str]:
    """The paths in the image that a package of the SBOM accounts for."""
    return package["comment"].removeprefix("In the image: ").split(", ")


def table(built: Image) -> str:
    """What each megabyte is, for the document."""
    sizes = built.sizes()
    rows = [f"| {name} | {size / 1e6:.2f} |" for name, size in sizes.items()]
    total = f"| **all** | **{sum(sizes.values()) / 1e6:.1f}** |"
    return "\n".join(["| Debian package | MB |", "| --- | --- |", *rows, total]) + "\n"


def write_table(built: Image) -> None:
    before, _, rest = DOCUMENT.read_text().partition(BEGIN)
    DOCUMENT.write_text(f"{before}{BEGIN}{table(built)}{END}{rest.partition(END)[2]}")


def main() -> None:
    try:
        made = make(again="--again" in sys.argv[1:])
    except InstallError as error:
        raise SystemExit(f"image: {error}") from None
    if "--table" in sys.argv[1:]:
        write_table(Image(made))
    size = sum(len(content) for _, content in Image(made).files())
    print(f"{NAME}  {size / 1e6:.1f} MB  {made}")


if __name__ == "__main__":
    if shutil.which("podman") is None:
        raise SystemExit("image: podman is missing; use ./dev image")
    main()
