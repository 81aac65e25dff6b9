"""Fixtures of the tests on a Kubernetes node: the node, the images on it, releases of the chart."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import container_images
import pytest
from shop import Shop

from support.engine.recipe import NEWEST
from support.node.node import Node

VERSION_VARIABLE = "READYGATE_TEST_KUBERNETES"


@pytest.fixture(scope="session")
def kubernetes() -> str:
    """The version that is tested: the newest, or what READYGATE_TEST_KUBERNETES says."""
    return os.environ.get(VERSION_VARIABLE) or NEWEST


@pytest.fixture(scope="session")
def node(
    kubernetes: str, build_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Node]:
    folder = tmp_path_factory.mktemp("images")
    with Node.start(kubernetes) as started:
        started.load(container_images.gate(build_dir, folder / "gate.tar"))
        started.load(container_images.service(folder / "service.tar"))
        yield started


@pytest.fixture
def make_shop(node: Node, engine: Any) -> Iterator[Callable[..., Shop]]:
    """Makes releases (not installed yet); removes them, and tells what happened if a test fails."""
    made: list[Shop] = []

    def make(**options: Any) -> Shop:
        made.append(Shop(node, engine.uri, **options))
        return made[-1]

    yield make
    for shop in made:
        print(shop.report())
        shop.close()
