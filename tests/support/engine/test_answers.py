"""What is written down of the engines is what they answer."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from support.engine import Engine, answers, kinds
from support.engine.asking import ABOUT, QUESTIONS
from support.engine.capabilities import Capabilities


@pytest.mark.engines("ferretdb", "secantus")
def test_an_engine_answers_as_is_written_down(
    engine: Engine, capabilities: Callable[[Engine], Capabilities], engine_kind: str
) -> None:
    if engine_kind == kinds.GIVEN:
        pytest.skip("nothing is written down of a server that was named")
    written = answers.known()[engine_kind]
    assert capabilities(engine).differences() == written["differs"], (
        f"python3 -m support.engine.answers {engine_kind} asks it again, and ./dev docs shows it"
    )
    assert answers.version_of(engine.uri) == written["version"]


def test_every_question_is_written_down() -> None:
    assert json.loads(kinds.ANSWERS.read_text())["asked"] == ABOUT
    assert list(ABOUT) == list(QUESTIONS)
    assert list(answers.known()) == list(kinds.KINDS)
    for name, written in answers.known().items():
        assert set(written["differs"]) <= set(QUESTIONS), f"{name} answered what nobody asks"
        assert written["title"] == kinds.KINDS[name].title
