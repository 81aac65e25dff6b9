"""Puts together the root file system of the image, and says what is in it.

    assemble.py STAGE IMAGE     STAGE: what `meson install` left; IMAGE: a folder, made anew

Runs in the build stage of the Containerfile, with Debian's own python3. Copied are the programs,
every library that the dynamic linker finds for them, and what libraries load or read at run time
(LOADED). Everything that is copied belongs to a Debian package or to readygate; the list is an SBOM
in SPDX 2.3 (usr/share/doc/readygate/sbom.spdx.json), and each package's copyright goes along.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path

PROGRAMS = ("usr/bin/readygate", "usr/bin/readygate-wait")
# What no link names. SASL: libmongoc asks libsasl2 for PLAIN and the like, which are plug-ins.
# (GSSAPI would need Kerberos and is left out; SCRAM and X.509 are libmongoc's own.) libcurl: only
# what speaks HTTP loads it.
LOADED = (
    "usr/lib/*/libcurl.so.4",
    "usr/lib/*/sasl2/libplain.so*",
    "etc/ssl/openssl.cnf",
    "etc/ssl/certs/ca-certificates.crt",
)
MADE_AT_INSTALLATION = {"etc/ssl/certs/ca-certificates.crt": "ca-certificates"}
FILES = {
    "etc/passwd": "readygate:x:65532:65532::/nonexistent:/usr/sbin/nologin\n",
    "etc/group": "readygate:x:65532:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}
LINKS = {
    "lib": "usr/lib",
    "lib64": "usr/lib64",
    # OpenSSL's own default file: without it, it would look for one file for each certificate.
    "usr/lib/ssl/cert.pem": "/etc/ssl/certs/ca-certificates.crt",
    "usr/lib/ssl/openssl.cnf": "/etc/ssl/openssl.cnf",
}
FOLDERS = ("etc/readygate", "run/readygate")
DOCUMENTS = Path("usr/share/doc")
# Debian's names of licences that SPDX calls otherwise; what is not here keeps its text only.
SPDX = {
    "apache-2.0": "Apache-2.0",
    "apache-2": "Apache-2.0",
    "bsd-2-clause": "BSD-2-Clause",
    "bsd-3-clause": "BSD-3-Clause",
    "bsl-1.0": "BSL-1.0",
    "expat": "MIT",
    "gpl-2": "GPL-2.0-only",
    "gpl-2+": "GPL-2.0-or-later",
    "gpl-3": "GPL-3.0-only",
    "gpl-3+": "GPL-3.0-or-later",
    "isc": "ISC",
    "lgpl-2": "LGPL-2.0-only",
    "lgpl-2+": "LGPL-2.0-or-later",
    "lgpl-2.1": "LGPL-2.1-only",
    "lgpl-2.1+": "LGPL-2.1-or-later",
    "lgpl-3+": "LGPL-3.0-or-later",
    "mit": "MIT",
    "mpl-2.0": "MPL-2.0",
    "openssl": "OpenSSL",
    "zlib": "Zlib",
}


def out(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def libraries(program: Path) -> list[Path]:
    """What the dynamic linker loads for it, itself included; none for a static program."""
    if not re.search(rb"\.interp|PT_INTERP|ld-linux|libc\.so", program.read_bytes()):
        return []
    listed = subprocess.run(["ldd", str(program)], capture_output=True, text=True)
    if "not a dynamic executable" in listed.stdout + listed.stderr:
        return []
    if missing := re.findall(r"(\S+) => not found", listed.stdout):
        raise SystemExit(f"{program} needs {', '.join(missing)}, which is not installed")
    return sorted({Path(path) for path in re.findall(r"(/\S+) \(0x", listed.stdout)})


def place(path: Path) -> Path:
    """Where a file lies once /lib is a link to /usr/lib, relative to the root."""
    return Path(*path.parts[1:]) if path.parts[1] == "usr" else Path("usr", *path.parts[1:])


def package_of(path: Path) -> str:
    """The package that a file of the build stage belongs to."""
    if found := MADE_AT_INSTALLATION.get(str(path)):
        return found
    real = Path("/", path).resolve()
    for name in (Path("/", path), real, Path(str(real).removeprefix("/usr"))):
        done = subprocess.run(["dpkg", "-S", str(name)], capture_output=True, text=True)
        if done.returncode == 0:
            return done.stdout.split(":")[0].split(",")[0]
    if path == Path("etc/ssl/openssl.cnf"):
        return "openssl"
    raise SystemExit(f"/{path} belongs to no package")


def licences(package: str) -> list[str]:
    """Those that its copyright file names, where it is in Debian's format for machines."""
    text = Path("/", DOCUMENTS, package, "copyright").read_text(errors="replace")
    if not text.startswith("Format:"):
        return []
    # Two that differ in case alone have an order too: a set's own is another one in each run.
    names = set(re.findall(r"^License: *(\S.*?)\s*$", text, re.M))
    return sorted(names, key=lambda name: (name.lower(), name))


def spdx_package(name: str, version: str, files: list[Path], said: list[str]) -> dict[str, object]:
    """An SPDX package. `said`: licences in Debian's names."""
    known = {SPDX.get(one.lower(), "") for one in said}
    declared = " AND ".join(sorted(known)) if known and "" not in known else "NOASSERTION"
    return {
        "SPDXID": f"SPDXRef-Package-{re.sub('[^A-Za-z0-9.-]', '-', name)}",
        "name": name,
        "versionInfo": version,
        "supplier": "Organization: Debian",
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": declared,
        "licenseComments": "Debian's names: " + ", ".join(said) if said else "see its copyright",
        "copyrightText": "NOASSERTION",
        "comment": "In the image: " + ", ".join(f"/{path}" for path in files),
        "externalRefs": [
            {
                "referenceCategory": "PACKAGE-MANAGER",
                "referenceType": "purl",
                "referenceLocator": f"pkg:deb/debian/{name}@{version.replace('+', '%2B')}",
            }
        ],
    }


def sbom(owners: dict[str, list[Path]], version: str, programs: list[Path], when: int) -> str:
    own = {
        "SPDXID": "SPDXRef-Package-readygate",
        "name": "readygate",
        "versionInfo": version,
        "supplier": "NOASSERTION",
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "licenseConcluded": "Apache-2.0",
        "licenseDeclared": "Apache-2.0",
        "copyrightText": "NOASSERTION",
        "comment": "In the image: " + ", ".join(f"/{path}" for path in programs),
    }
    packages = [own]
    for name, files in sorted(owners.items()):
        installed = out("dpkg-query", "-W", "-f=${Version}\\n", name).splitlines()[0]
        packages.append(spdx_package(name, installed, sorted(files), licences(name)))
    content = hashlib.sha256(json.dumps(packages, sort_keys=True).encode()).hexdigest()
    identity = uuid.uuid5(uuid.NAMESPACE_OID, content)  # equal content, equal document
    relations = [
        {
            "spdxElementId": "SPDXRef-DOCUMENT",
            "relationshipType": "DESCRIBES",
            "relatedSpdxElement": "SPDXRef-Package-readygate",
        }
    ]
    relations += [
        {
            "spdxElementId": "SPDXRef-Package-readygate",
            "relationshipType": "DEPENDS_ON",
            "relatedSpdxElement": package["SPDXID"],
        }
        for package in packages[1:]
    ]
    document = {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"readygate-{version}-image",
        "documentNamespace": f"urn:uuid:{identity}",
        "creationInfo": {
            "created": datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "creators": ["Tool: readygate-assemble"],
        },
        "packages": packages,
        "relationships": relations,
    }
    return json.dumps(document, indent=1) + "\n"


def assemble(stage: Path, image: Path, when: int) -> None:
    shutil.rmtree(image, ignore_errors=True)
    owners: dict[str, list[Path]] = {}

    def put(source: Path, target: Path, mode: int) -> None:
        (image / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, image / target)
        (image / target).chmod(mode)

    programs = [Path(name) for name in PROGRAMS if (stage / name).exists()]
    for name in programs:
        put(stage / name, name, 0o755)
    loaded = [found for pattern in LOADED for found in sorted(Path("/").glob(pattern))]
    binaries = [stage / name for name in programs] + [p for p in loaded if ".so" in p.name]
    for library in sorted({found for binary in binaries for found in libraries(binary)}):
        put(library.resolve(), place(library), 0o755)
        owners.setdefault(package_of(place(library)), []).append(place(library))
    for path in loaded:
        relative = path.relative_to("/")
        put(path.resolve(), relative, 0o644)
        owners.setdefault(package_of(relative), []).append(relative)
    for name, text in FILES.items():
        (image / name).parent.mkdir(parents=True, exist_ok=True)
        (image / name).write_text(text)
    for name, target in LINKS.items():
        (image / name).parent.mkdir(parents=True, exist_ok=True)
        (image / name).symlink_to(target)
    for folder in FOLDERS:
        (image / folder).mkdir(parents=True)
    # Packages of one source often have the same: once, and links to it.
    first: dict[bytes, str] = {}
    for package in sorted(owners):
        source = Path("/", DOCUMENTS, package, "copyright").resolve()
        same = first.setdefault(source.read_bytes(), package)
        if same == package:
            put(source, DOCUMENTS / package / "copyright", 0o644)
        else:
            (image / DOCUMENTS / package).mkdir(parents=True)
            (image / DOCUMENTS / package / "copyright").symlink_to(f"../{same}/copyright")
    put(Path(__file__).parents[1] / "LICENSE", DOCUMENTS / "readygate/copyright", 0o644)
    version = out(str(stage / PROGRAMS[0]), "version").split()[1]
    text = sbom(owners, version, programs, when)
    (image / DOCUMENTS / "readygate/sbom.spdx.json").write_text(text)
    for path in [image, *image.rglob("*")]:
        os.utime(path, (when, when), follow_symlinks=False)


if __name__ == "__main__":
    assemble(Path(sys.argv[1]), Path(sys.argv[2]), int(os.environ.get("SOURCE_DATE_EPOCH", "0")))
