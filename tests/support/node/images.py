"""Container images without a registry: OCI archives of files that are at hand.

An archive is what `ctr images import` and `podman load` take: a tar file with an index, a manifest,
a configuration and one layer, each named by its hash (the OCI image layout).
"""

from __future__ import annotations

import hashlib
import io
import json
import platform
import subprocess
import tarfile
from pathlib import Path
from typing import Any

# The machine's names for itself, and those of images.
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def archive(
    name: str, files: dict[str, Path], command: list[str], target: Path, user: str = "65532:65532"
) -> Path:
    """An image of these files (path in the image: path here), all readable and executable."""
    layer = _tar({path: source.read_bytes() for path, source in files.items()}, mode=0o755)
    configuration = {
        "architecture": ARCHITECTURES[platform.machine()],
        "os": "linux",
        "config": {"Entrypoint": command, "User": user},
        "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
    }
    blobs: dict[str, bytes] = {}

    def add(kind: str, content: bytes) -> dict[str, Any]:
        digest = _digest(content)
        blobs[f"blobs/{digest.replace(':', '/')}"] = content
        return {"mediaType": kind, "digest": digest, "size": len(content)}

    oci = "application/vnd.oci.image"
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{oci}.manifest.v1+json",
        "config": add(f"{oci}.config.v1+json", json.dumps(configuration).encode()),
        "layers": [add(f"{oci}.layer.v1.tar", layer)],
    }
    entry = add(f"{oci}.manifest.v1+json", json.dumps(manifest).encode())
    entry["annotations"] = {"io.containerd.image.name": name}
    index = {"schemaVersion": 2, "manifests": [entry]}
    blobs["index.json"] = json.dumps(index).encode()
    blobs["oci-layout"] = b'{"imageLayoutVersion": "1.0.0"}'
    target.write_bytes(_tar(blobs, mode=0o644))
    return target


def compile_static(source: Path, target: Path) -> Path:
    """One C++ source to a program that needs no other file."""
    command = ["g++", "-std=c++20", "-O1", "-Wall", "-Wextra", "-Werror", "-static", "-pthread"]
    subprocess.run([*command, "-o", str(target), str(source)], check=True)
    return target


def _tar(files: dict[str, bytes], mode: int) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for path, content in sorted(files.items()):
            entry = tarfile.TarInfo(path.lstrip("/"))
            entry.size, entry.mode = len(content), mode
            tar.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
