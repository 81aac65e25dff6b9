"""The image of these sources, built once."""

from __future__ import annotations

import pytest

from support import image


@pytest.fixture(scope="session")
def built() -> image.Image:
    return image.Image(image.make())
