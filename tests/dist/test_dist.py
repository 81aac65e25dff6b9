"""The packages and the tarball: what is in them, that they run where nothing else is, and that two
builds are the same.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from pymongo import MongoClient

from support.dist import deb, portable, sums
from support.dist.__main__ import Dist, made
from support.dist.charts import LAYER
from support.engine import install, recipe
from support.engine.engine import Engine
from support.parts import InstallError
from support.releases import RELEASES
from support.versions import version

LARGEST = 3e6  # bytes, of the stripped program of a package
MINUTES = 60
PAGES = ("man1/readygate.1", "man1/readygate-wait.1", "man5/readygate.toml.5")
IN_EVERY_PACKAGE = (
    "usr/bin/readygate",
    "usr/bin/readygate-wait",
    "usr/lib/systemd/system/readygate.service",
    "usr/lib/sysusers.d/readygate.conf",
    "usr/share/bash-completion/completions/readygate",
    "usr/share/doc/readygate/copyright",
    "usr/share/doc/readygate/examples/readygate.example.toml",
    "usr/share/fish/vendor_completions.d/readygate.fish",
    "usr/share/readygate/readygate.schema.json",
    "usr/share/readygate/schema.schema.json",
    "usr/share/zsh/site-functions/_readygate",
    *(f"usr/share/man/{page}.gz" for page in PAGES),
)


def field(package: Path, name: str) -> str:
    command = ["dpkg-deb", "--field", package, name]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture(params=sorted(deb.SUITES))
def suite(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def packages(dist: Dist, suite: str) -> dict[str, Path]:
    found = {
        path.name.split("_")[0]: path
        for path in dist.files
        if path.suffix == ".deb" and deb.SUITES[suite] in path.name
    }
    if not found:
        pytest.skip(f"no packages for {suite} could be made here")
    assert set(found) == set(deb.ABOUT)
    return found


@pytest.fixture
def unpacked(packages: dict[str, Path], tmp_path: Path) -> Path:
    """All three, in one folder."""
    for package in packages.values():
        subprocess.run(["dpkg-deb", "--extract", package, tmp_path], check=True)
    return tmp_path


def test_a_package_has_what_its_readers_expect(unpacked: Path) -> None:
    assert [name for name in IN_EVERY_PACKAGE if not (unpacked / name).is_file()] == []
    unit = (unpacked / "usr/lib/systemd/system/readygate.service").read_text()
    assert "ExecStart=/usr/bin/readygate run" in unit
    assert list(unpacked.glob("usr/lib/*/libreadygate.so.0"))
    assert list(unpacked.glob("usr/lib/*/pkgconfig/readygate.pc"))
    wrong = [
        path
        for path in unpacked.rglob("*")
        if not path.is_symlink() and path.stat().st_mode & 0o7777 not in (0o755, 0o644)
    ]
    assert wrong == []


def test_a_package_says_what_it_needs(packages: dict[str, Path], suite: str) -> None:
    package = packages["readygate"]
    depends = field(package, "Depends")
    assert {"libc6", "libssl3"} <= {re.sub("t64$", "", w) for w in re.findall(r"[\w.+-]+", depends)}
    assert re.search(r"libmongoc-1\.0-0(t64)?\b", depends)
    assert re.search(r"libcurl4(t64)?$", field(package, "Recommends"))
    assert field(package, "Version") == f"{version()}+{deb.SUITES[suite]}"
    assert field(packages["libreadygate-dev"], "Depends").startswith("libreadygate0 (= ")


def test_the_stripped_program_is_small(unpacked: Path) -> None:
    program = unpacked / "usr/bin/readygate"
    sections = subprocess.run(["readelf", "--sections", program], capture_output=True, text=True)
    assert ".symtab" not in sections.stdout and ".debug" not in sections.stdout
    assert program.stat().st_size <= LARGEST


def test_no_path_of_the_machine_that_built_it_is_in_it(unpacked: Path) -> None:
    here = str(Dist().folder.parent).encode()
    for path in unpacked.rglob("*"):
        if path.is_file() and not path.is_symlink():
            assert here not in path.read_bytes(), path


def test_it_runs_on_the_release_that_it_is_for(unpacked: Path, suite: str) -> None:
    program = [str(unpacked / "usr/bin/readygate"), "version"]
    (release,) = [each for each in RELEASES if each.suite == suite]
    if suite != _own():
        try:
            program = release.inside(program)
        except InstallError as error:
            pytest.skip(str(error))
    said = subprocess.run(program, capture_output=True, text=True, timeout=60)
    assert f"readygate {version()}\nmongo-c-driver {release.libmongoc}" in said.stdout, said.stderr


def _own() -> str:
    text = Path("/etc/os-release").read_text()
    return text.split("VERSION_CODENAME=")[1].split("\n")[0]


@pytest.fixture
def tarball(dist: Dist, tmp_path: Path) -> Path:
    """What the tarball holds."""
    found = [path for path in dist.files if "-linux-" in path.name]
    if not found:
        pytest.skip("the portable program could not be built here")
    with tarfile.open(found[0]) as archive:
        archive.extractall(tmp_path)
    (folder,) = tmp_path.iterdir()
    return folder


def test_the_portable_program_runs_with_nothing_but_glibc(tarball: Path, tmp_path: Path) -> None:
    """In a root with its libraries and no other file."""
    if os.geteuid() != 0:
        pytest.skip("chroot needs root")
    program = tarball / "bin/readygate"
    said = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
    needed = [Path(path) for path in re.findall(r"(/\S+) \(0x", said)]
    assert {path.name for path in needed} <= portable.OF_GLIBC
    root = tmp_path / "root"
    for path in [program, *needed]:
        place = root / ("readygate" if path == program else str(path)[1:])
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place)
    done = subprocess.run(["chroot", root, "/readygate", "version"], capture_output=True, text=True)
    assert done.stdout.startswith(f"readygate {version()}\nmongo-c-driver 1.23"), done.stderr
    # Options of the URI for which libraries are linked in: TLS, compressors, SASL.
    schema = root / "schema.toml"
    schema.write_text('schema = "s"\ndatabase = "s"\nversion = 1\nmin_open = 1\n')
    uri = "mongodb://u:p@db/?tls=true&compressors=zstd,snappy,zlib&authMechanism=PLAIN"
    check = ["chroot", root, "/readygate", "check", "--schema", "/schema.toml"]
    secret = {**os.environ, "READYGATE_MONGODB_URI": uri}
    done = subprocess.run(check, env=secret, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_tarball_has_what_is_installed(tarball: Path) -> None:
    expected = [
        name.removeprefix("usr/").removesuffix(".gz")
        for name in IN_EVERY_PACKAGE
        if not name.endswith("copyright")
    ]
    assert [name for name in expected if not (tarball / name).is_file()] == []
    unit = (tarball / "lib/systemd/system/readygate.service").read_text()
    assert "ExecStart=/usr/local/bin/readygate run" in unit


def test_the_charts_are_an_oci_layout_that_helm_renders(dist: Dist, tmp_path: Path) -> None:
    (layout,) = [path for path in dist.files if path.name.endswith(".oci.tar") and "cha" in path.name]
    with tarfile.open(layout) as archive:
        archive.extractall(tmp_path)
    assert json.loads((tmp_path / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}

    def blob(entry: dict) -> Path:
        path = tmp_path / "blobs" / entry["digest"].replace(":", "/")
        assert entry["digest"] == f"sha256:{sums.digest(path)}"
        assert entry["size"] == path.stat().st_size
        return path

    helm = install.ensure_program(recipe.HELM) / recipe.HELM.name
    names = set()
    for entry in json.loads((tmp_path / "index.json").read_text())["manifests"]:
        manifest = json.loads(blob(entry).read_text())
        about = json.loads(blob(manifest["config"]).read_text())
        (layer,) = manifest["layers"]
        assert layer["mediaType"] == LAYER
        chart = tmp_path / f"{about['name']}.tgz"
        shutil.copy(blob(layer), chart)
        names.add((about["name"], about["version"]))
        assert about["annotations"]["artifacthub.io/license"] == "Apache-2.0"
        assert manifest["annotations"]["org.opencontainers.image.version"] == about["version"]
        if about["type"] == "application":
            done = subprocess.run([helm, "template", "x", chart, "--kube-version=1.34"], capture_output=True, text=True)
            assert "kind: Deployment" in done.stdout, done.stderr
    assert names == {("readygate", version()), ("readygate-lib", version())}


def test_sums_and_sbom_name_every_file(dist: Dist) -> None:
    folder = dist.folder
    listed = (folder / "SHA256SUMS").read_text().splitlines()
    named = {line.split("  ")[1] for line in listed}
    assert named == {path.name for path in folder.iterdir()} - {"SHA256SUMS"}
    check = ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"]
    assert subprocess.run(check, cwd=folder).returncode == 0
    bill = json.loads((folder / f"readygate-{version()}.spdx.json").read_text())
    by_id = {package["SPDXID"]: package for package in bill["packages"]}
    assert len(by_id) == len(bill["packages"])
    linked = {
        by_id[one["relatedSpdxElement"]]["name"]
        for one in bill["relationships"]
        if one["relationshipType"] == "STATIC_LINK"
    }
    if any("-linux-" in name for name in named):
        assert linked == set(portable.LINKED)


@pytest.mark.timeout(MINUTES * 60)
def test_two_builds_are_the_same(dist: Dist) -> None:
    again = made("-again")
    first, second = ((each.folder / "SHA256SUMS").read_text() for each in (dist, again))
    assert first == second


@pytest.mark.engines("secantus")
def test_the_portable_program_normalizes_a_password(
    tarball: Path, engine_factory: Callable[..., Engine], tmp_path: Path
) -> None:
    """RFC 4013: U+2168 is IX. The table of SASLprep is all that is left of ICU's data."""
    engine = engine_factory(auth=True)
    with MongoClient(engine.uri) as client:
        client.admin.command(
            "createUser", "somebody", pwd="IX", roles=["root"], mechanisms=["SCRAM-SHA-256"]
        )
    schema = tmp_path / "schema.toml"
    schema.write_text('schema = "s"\ndatabase = "s"\nversion = 1\nmin_open = 1\n')
    uri = engine.uri_with("somebody", "\u2168") + "&authMechanism=SCRAM-SHA-256"
    plan = [tarball / "bin/readygate", "plan", "--schema", schema]
    secret = {"READYGATE_MONGODB_URI": uri}
    done = subprocess.run(plan, env=secret, capture_output=True, text=True, timeout=60)
    assert done.returncode in (0, 2), done.stdout + done.stderr
