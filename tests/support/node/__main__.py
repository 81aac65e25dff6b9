"""The node's commands: make the programs of the versions named (or of all), remove what is left."""

from __future__ import annotations

import sys

from ..engine import install, recipe
from .leftovers import sweep


def main(arguments: list[str]) -> int:
    match arguments:
        case ["install", *versions] if set(versions) <= set(recipe.KUBERNETES):
            try:
                install.ensure_node_packages()
                install.ensure_program(recipe.HELM)
                for version in versions or recipe.KUBERNETES:
                    install.ensure_program(recipe.KUBERNETES[version])
            except install.InstallError as error:
                print(f"node: {error}", file=sys.stderr)
                return 1
            return 0
        case ["stop"]:
            sweep()
            return 0
    print(
        f"usage: node install [VERSION…] | stop; versions: {' '.join(recipe.KUBERNETES)}",
        file=sys.stderr,
    )
    return 64


sys.exit(main(sys.argv[1:]))
