"""What is in the image, and how much of it; that two builds give the same one."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tarfile
from pathlib import Path

import pytest

from support import image
from support.image import Image

LARGEST = 35e6  # bytes, of all files together
FEWEST_PACKAGES = 10


@pytest.fixture(scope="session")
def files(built: Image) -> dict[str, tuple[tarfile.TarInfo, bytes]]:
    return {member.name.rstrip("/"): (member, content) for member, content in built.files()}


@pytest.fixture(scope="session")
def sbom(files: dict[str, tuple[tarfile.TarInfo, bytes]]) -> dict:
    return json.loads(files["usr/share/doc/readygate/sbom.spdx.json"][1])


def test_runs_as_a_number_and_starts_the_daemon(built: Image) -> None:
    """Kubernetes can only check runAsNonRoot against a number."""
    config = built.config["config"]
    assert config["User"] == "65532:65532"
    assert config["Entrypoint"] == ["/usr/bin/readygate"] and config["Cmd"] == ["run"]
    assert list(config["ExposedPorts"]) == ["8088/tcp"]


def test_there_is_nothing_to_run_but_the_two_programs(
    files: dict[str, tuple[tarfile.TarInfo, bytes]],
) -> None:
    programs = {
        name
        for name, (member, content) in files.items()
        if member.isfile() and member.mode & 0o111 and ".so" not in Path(name).name
    }
    assert programs == {"usr/bin/readygate", "usr/bin/readygate-wait"}
    assert not any(member.mode & 0o6000 for member, _ in files.values()), "set-user-ID"
    assert not any(member.mode & 0o002 for member, _ in files.values() if not member.issym())


def test_no_debugger_would_find_a_name_of_the_machine_that_built_it(
    files: dict[str, tuple[tarfile.TarInfo, bytes]],
) -> None:
    for name in ("usr/bin/readygate", "usr/bin/readygate-wait"):
        content = files[name][1]
        assert b".debug_info" not in content
        assert b"/src/src" not in content and b"/build/" not in content


def test_the_daemon_is_hardened(
    files: dict[str, tuple[tarfile.TarInfo, bytes]], tmp_path: Path
) -> None:
    """Loaded anywhere, no stack that runs, and no table of functions that can be written to."""
    program = tmp_path / "readygate"
    program.write_bytes(files["usr/bin/readygate"][1])
    said = subprocess.run(
        ["readelf", "-Wldh", program], capture_output=True, text=True, check=True
    ).stdout
    assert "Type:                              DYN" in said
    assert "BIND_NOW" in said and "GNU_RELRO" in said
    assert " RWE " not in said


def test_it_is_small(files: dict[str, tuple[tarfile.TarInfo, bytes]]) -> None:
    size = sum(len(content) for _, content in files.values())
    assert size <= LARGEST, f"{size / 1e6:.1f} MB"
    assert not any("icu" in name or "zoneinfo" in name for name in files)


def test_every_library_that_is_needed_is_there(
    files: dict[str, tuple[tarfile.TarInfo, bytes]],
) -> None:
    """Also those that nothing links: the SASL plug-in, and what OpenSSL reads."""
    names = {Path(name).name for name in files}
    assert {"libplain.so", "openssl.cnf", "ca-certificates.crt", "cert.pem"} <= names
    assert files["usr/lib/ssl/cert.pem"][0].linkname == "/etc/ssl/certs/ca-certificates.crt"
    assert files["etc/ssl/certs/ca-certificates.crt"][1].count(b"BEGIN CERTIFICATE") > 50


def test_the_sbom_names_every_file(
    files: dict[str, tuple[tarfile.TarInfo, bytes]], sbom: dict
) -> None:
    named = {
        path.removeprefix("/") for package in sbom["packages"] for path in image.files_of(package)
    }
    ours = re.compile(r"usr/share/doc/|etc/(passwd|group|nsswitch\.conf)$")
    there = {
        name for name, (member, _) in files.items() if member.isfile() and not ours.match(name)
    }
    assert there == named


def test_the_sbom_is_spdx_2_3(sbom: dict) -> None:
    """What the specification demands, and that every reference leads somewhere."""
    assert sbom["spdxVersion"] == "SPDX-2.3" and sbom["dataLicense"] == "CC0-1.0"
    assert sbom["SPDXID"] == "SPDXRef-DOCUMENT" and sbom["name"]
    assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", sbom["documentNamespace"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", sbom["creationInfo"]["created"])
    assert sbom["creationInfo"]["creators"]
    assert len(sbom["packages"]) >= FEWEST_PACKAGES
    identities = [package["SPDXID"] for package in sbom["packages"]]
    assert len(set(identities)) == len(identities)
    for package in sbom["packages"]:
        assert re.fullmatch(r"SPDXRef-[A-Za-z0-9.-]+", package["SPDXID"])
        assert package["name"] and package["versionInfo"] and package["downloadLocation"]
    for relation in sbom["relationships"]:
        assert relation["spdxElementId"] in {*identities, sbom["SPDXID"]}
        assert relation["relatedSpdxElement"] in identities


def test_each_package_has_its_copyright(
    files: dict[str, tuple[tarfile.TarInfo, bytes]], sbom: dict
) -> None:
    for package in sbom["packages"]:
        path = f"usr/share/doc/{package['name']}/copyright"
        if link := files[path][0].linkname:
            path = os.path.normpath(f"{path}/../{link}")
        assert files[path][1]


def test_the_document_says_what_each_megabyte_is(built: Image) -> None:
    """By name: the sizes change with every update of Debian."""
    for name in built.sizes():
        assert f"| {name} | " in image.DOCUMENT.read_text(), "run ./dev image --table"


# The limit of one test is short of what a compiler needs on a machine that others use too.
@pytest.mark.timeout(20 * 60)
def test_two_builds_from_one_base_are_the_same(built: Image, tmp_path: Path) -> None:
    again = tmp_path / "again.tar"
    image.build(again)
    assert Image(again).layers == built.layers
