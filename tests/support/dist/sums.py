"""SHA256SUMS, and an SBOM in SPDX 2.3: every file with its checksum, and what is linked into the
portable program. The image has one of its own (image/assemble.py), of what it holds.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..versions import version
from .archives import epoch
from .portable import LINKED
from .programs import Installed


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _identity(kind: str, name: str) -> str:
    return f"SPDXRef-{kind}-{re.sub('[^A-Za-z0-9.-]', '-', name)}"


def _package(kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {
        "SPDXID": _identity(kind, name),
        "name": name,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": "NOASSERTION",
        "copyrightText": "NOASSERTION",
        **more,
    }


def _of_debian(installed: Installed, name: str) -> dict[str, Any]:
    found = installed.output(["dpkg-query", "-W", "-f=${Version} ${source:Package}", name]).split()
    purl = f"pkg:deb/debian/{name}@{found[0].replace('+', '%2B')}"
    locator = {"referenceType": "purl", "referenceLocator": purl}
    return _package(
        "Linked",
        name,
        versionInfo=found[0],
        supplier="Organization: Debian",
        sourceInfo=f"Debian's source package {found[1]}",
        externalRefs=[{"referenceCategory": "PACKAGE-MANAGER", **locator}],
    )


def sbom(files: list[Path], portable: Installed | None) -> str:
    ours = [
        _package(
            "File",
            path.name,
            versionInfo=version(),
            licenseDeclared="Apache-2.0",
            packageFileName=path.name,
            checksums=[{"algorithm": "SHA256", "checksumValue": digest(path)}],
        )
        for path in files
    ]
    linked = [_of_debian(portable, name) for name in LINKED] if portable else []
    relations = [("SPDXRef-DOCUMENT", "DESCRIBES", each["SPDXID"]) for each in ours]
    relations += [
        (each["SPDXID"], "STATIC_LINK", library["SPDXID"])
        for each in ours
        if "-linux-" in each["name"]
        for library in linked
    ]
    packages = ours + linked
    content = hashlib.sha256(json.dumps(packages, sort_keys=True).encode()).hexdigest()
    document = {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"readygate-{version()}",
        "documentNamespace": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, content)}",
        "creationInfo": {
            "created": datetime.fromtimestamp(epoch(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "creators": ["Tool: readygate-dist"],
        },
        "packages": packages,
        "relationships": [
            {"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}
            for one, kind, other in relations
        ],
    }
    return json.dumps(document, indent=1) + "\n"


def make(target: Path, files: list[Path], portable: Installed | None) -> list[Path]:
    bill = target / f"readygate-{version()}.spdx.json"
    bill.write_text(sbom(sorted(files), portable))
    sums = target / "SHA256SUMS"
    every = sorted([*files, bill])
    sums.write_text("".join(f"{digest(path)}  {path.name}\n" for path in every))
    return [bill, sums]
