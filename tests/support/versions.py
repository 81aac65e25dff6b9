"""The version of the product: meson.build says it, and everything else has a copy.

    version()        what meson.build says
    problems()       the copies that say something else; the lint asks
    set_version(v)   writes it everywhere

As a command, ./dev version: prints it; with an argument, sets it. What is rendered from the copies
(the charts' golden files) is made again by ./dev golden.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from .builds import REPOSITORY

NUMBER = r"\d+\.\d+\.\d+"
SOURCE = ("meson.build", r"(?<=^project\('readygate', \['c', 'cpp'\], version: ')" + NUMBER)
# What tools of others read, and what people copy. In each file, each place that the pattern finds.
COPIES = (
    ("CHANGELOG.md", rf"(?<=^## ){NUMBER}"),  # the first heading: newest first
    ("README.md", rf"(?<=readygate[-_]){NUMBER}"),
    ("charts/readygate/Chart.yaml", rf'(?:(?<=^version: )|(?<=^appVersion: ")){NUMBER}'),
    ("charts/readygate/Chart.yaml", rf"(?<=^    version: ){NUMBER}"),
    ("charts/readygate-lib/Chart.yaml", rf'(?:(?<=^version: )|(?<=^appVersion: ")){NUMBER}'),
    ("charts/readygate-lib/templates/_facts.tpl", rf'(?<=\$image\.tag \| default "){NUMBER}'),
    ("charts/readygate/values.yaml", rf'(?<=repository: rebalancer, tag: "){NUMBER}'),
    ("clients/node/package.json", rf'(?<=^  "version": "){NUMBER}'),
    ("clients/python/pyproject.toml", rf'(?<=^version = "){NUMBER}'),
    ("docs/kubernetes.md", rf'(?<=registry\.example/readygate, tag: "){NUMBER}'),
    ("docs/kubernetes.md", rf"(?<=name: readygate-lib, alias: readygate, version: ){NUMBER}"),
)


def _found(path: Path, pattern: str) -> list[re.Match[str]]:
    found = list(re.finditer(pattern, path.read_text(), re.MULTILINE))
    return found[:1] if path.name == "CHANGELOG.md" else found


def version(root: Path = REPOSITORY) -> str:
    name, pattern = SOURCE
    (found,) = _found(root / name, pattern)
    return found[0]


def problems(root: Path = REPOSITORY) -> list[str]:
    wanted, said = version(root), []
    for name, pattern in COPIES:
        found = _found(root / name, pattern)
        if not found:
            said.append(f"{name}: the version is not where it was: {pattern}")
        said += [
            f"{name}: says {one[0]}, meson.build {wanted}: ./dev version {wanted}"
            for one in found
            if one[0] != wanted
        ]
    return said


def set_version(wanted: str, root: Path = REPOSITORY) -> None:
    """Everywhere but in the changelog, whose new heading needs words below it."""
    if not re.fullmatch(NUMBER, wanted):
        raise ValueError(f"{wanted} is not a version like 1.2.3")
    for name, pattern in (SOURCE, *COPIES):
        path = root / name
        if path.name != "CHANGELOG.md":
            text = re.sub(pattern, wanted, path.read_text(), flags=re.MULTILINE)
            path.write_text(text)


def main(arguments: list[str]) -> int:
    if arguments:
        try:
            set_version(arguments[0])
        except ValueError as error:
            print(f"version: {error}", file=sys.stderr)
            return 64
    print(version())
    for problem in problems():
        print(f"version: {problem}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
