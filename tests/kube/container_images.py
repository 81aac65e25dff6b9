"""The images of the tests: what is in a build folder, with this machine's libraries; the service.

READYGATE_TEST_IMAGE_ARCHIVE names an OCI archive of localhost/readygate:dev that is used in place
of the first: the image that users get.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from support.node import images

GATE, SERVICE = "localhost/readygate:dev", "localhost/application:dev"
ARCHIVE_VARIABLE = "READYGATE_TEST_IMAGE_ARCHIVE"
PROGRAMS = ("readygate", "readygate-wait")
LOADED_LATER = "libcurl.so.4"  # by dlopen, when something is to be told or asked over HTTP


def gate(build: Path, target: Path) -> Path:
    """The archive of readygate's image."""
    if given := os.environ.get(ARCHIVE_VARIABLE):
        return Path(given)
    programs = {f"/usr/bin/{name}": build / name for name in PROGRAMS}
    later = loaded_later()
    loaded = {**libraries(build / "readygate"), **libraries(later), str(later): later}
    files = {**loaded, **programs}
    return images.archive(GATE, files, ["/usr/bin/readygate"], target)


def service(
    target: Path, *, name: str = SERVICE, program: str = "/application", schema: str = ""
) -> Path:
    """The archive of the test's service, which has nothing of readygate in it but a schema, if one
    is given, in a folder of that name.
    """
    source = Path(__file__).with_name("application.cc")
    compiled = target.with_suffix(".program")
    if not compiled.exists():
        images.compile_static(source, compiled)
    files = {program: compiled}
    if schema:
        files["/schema/schema.toml"] = target.with_suffix(".toml")
        files["/schema/schema.toml"].write_text(schema)
    return images.archive(name, files, [program], target)


def loaded_later() -> Path:
    """Where the program will find it."""
    listed = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=True)
    found = re.search(rf"{re.escape(LOADED_LATER)} .*=> (\S+)", listed.stdout)
    assert found, f"{LOADED_LATER} is not installed"
    return Path(found[1])


def libraries(program: Path) -> dict[str, Path]:
    """What the program loads, by the path at which it looks for it."""
    said = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=True).stdout
    return {path: Path(path) for path in re.findall(r"(/\S+) \(0x", said)}
