"""The Helm charts, packaged, and as an OCI layout that tools push into a registry.

`helm package` resolves the link to the library chart; what it writes has the time of the day in it,
so that the same files are packed again. The layout is what `helm push` would upload: the chart's
metadata as the configuration, its archive as the only layer.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import subprocess
import tarfile
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from ..builds import REPOSITORY
from ..engine import install, recipe
from ..parts import InstallError
from ..versions import version
from .archives import Content, epoch, tar, tarball

NAMES = ("readygate", "readygate-lib")
CONFIG = "application/vnd.cncf.helm.config.v1+json"
LAYER = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


def _helm(*arguments: str) -> str:
    program = install.ensure_program(recipe.HELM) / recipe.HELM.name
    done = subprocess.run([program, *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        raise InstallError(f"helm {' '.join(arguments)} failed: {done.stderr.strip()}")
    return done.stdout


def package(name: str, target: Path) -> Path:
    """The chart's archive, as `helm install` takes it."""
    with TemporaryDirectory() as folder:
        _helm("package", str(REPOSITORY / "charts" / name), f"--destination={folder}")
        (made,) = Path(folder).iterdir()
        files: dict[str, Content] = {}
        with tarfile.open(made) as archive:
            for member in archive:
                content = archive.extractfile(member)
                assert content
                files[member.name] = content.read()
        return tarball(target / made.name, files)


def metadata(chart: Path) -> dict[str, Any]:
    """Chart.yaml of an archive."""
    with tarfile.open(chart) as archive:
        (name,) = [one for one in archive.getnames() if re.fullmatch("[^/]+/Chart.yaml", one)]
        file = archive.extractfile(name)
        assert file
        about: dict[str, Any] = yaml.safe_load(file)
        return about


def _blob(blobs: dict[str, Content], kind: str, data: bytes) -> dict[str, Any]:
    digest = hashlib.sha256(data).hexdigest()
    blobs[f"blobs/sha256/{digest}"] = data
    return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(data)}


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def layout(charts: list[Path]) -> dict[str, Content]:
    """https://github.com/opencontainers/image-spec/blob/main/image-layout.md, of these archives."""
    files: dict[str, Content] = {}
    entries = []
    created = datetime.fromtimestamp(epoch(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    for chart in charts:
        about = metadata(chart)
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": _blob(files, CONFIG, _json(about)),
            "layers": [_blob(files, LAYER, chart.read_bytes())],
            "annotations": {
                "org.opencontainers.image.created": created,
                "org.opencontainers.image.description": about["description"],
                "org.opencontainers.image.licenses": "Apache-2.0",
                "org.opencontainers.image.title": about["name"],
                "org.opencontainers.image.version": about["version"],
            },
        }
        reference = {"org.opencontainers.image.ref.name": f"{about['name']}:{about['version']}"}
        entries.append({**_blob(files, MANIFEST, _json(manifest)), "annotations": reference})
    files["oci-layout"] = _json({"imageLayoutVersion": "1.0.0"})
    files["index.json"] = _json({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries})
    return files


def make(target: Path) -> list[Path]:
    """Raises InstallError."""
    charts = [package(name, target) for name in NAMES]
    whole = target / f"readygate-charts-{version()}.oci.tar"
    whole.write_bytes(tar(layout(charts)))
    return [*charts, whole]
