"""Each code of the table of docs/mongodb.md, as the answer to a step: what `apply` ends with."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from support.docs import REPOSITORY
from support.gate import Applied, Daemon
from support.scripted.server import ScriptedServer

HEAD = 'schema = "s"\ndatabase = "s"\nversion = {version}\nmin_open = 1\n'
POLICY = '[policy]\ncontract = "apply"\nextra_indexes = "drop"\n'
PLAIN = '[[collection]]\nname = "c"\n'
INDEXED = PLAIN + '[[collection.index]]\nkey = [["a", 1]]\n'
RULED = PLAIN + """validator = '{ "a": { "$exists": true } }'\n"""
# By command: what is there before, and what asks for the command.
COMMANDS = {
    "create": ("", PLAIN),
    "createIndexes": ("", INDEXED),
    "collMod": (PLAIN, RULED),
    "dropIndexes": (INDEXED, PLAIN),
}
EXIT_CODES = {"not_allowed": 77}


def table() -> list[tuple[int, str, str, str, str]]:
    """(code, words, what it answers, reason, origin) of each that ends."""
    text = (REPOSITORY / "docs" / "mongodb.md").read_text()
    part = text.split("<!-- table: server-codes -->")[1].split("<!-- end -->")[0]
    rows = []
    for line in part.strip().splitlines()[2:]:
        answer, to, reason, origin, follows = (cell.strip() for cell in line.strip("|").split("|"))
        words = re.search(r'"(.*)"', answer)
        if follows != "failed":
            continue
        for code in re.findall(r"\d+", re.sub(r"\(.*\)", "", answer)):
            rows.append((int(code), words[1] if words else "no", to, reason.strip("`"), origin))
    return rows


def pairs() -> Iterator[tuple[str, int, str, str, str]]:
    """Every code with a command that it may answer; of those that answer several, in turn."""
    seen: set[tuple[int, str]] = set()
    for place, (code, words, to, reason, origin) in enumerate(table()):
        # Without a user in the URI, to be refused as one is another thing.
        if to in {"a seed", "a migration"} or (code, words) in seen or reason == "not_authorized":
            continue
        if any(code == known and words == "no" for known, _ in seen):
            continue  # the line before with words of its own is another case
        seen.add((code, words))
        able = ["createIndexes", "collMod"] if to.startswith("an index") else list(COMMANDS)
        yield able[place % len(able)], code, words, reason, origin


@pytest.mark.parametrize(("command", "code", "words", "reason", "origin"), list(pairs()))
def test_a_refusal_ends_apply(
    command: str, code: int, words: str, reason: str, origin: str
) -> None:
    before, after = COMMANDS[command]
    with ScriptedServer("rs") as server:

        def apply(version: int, body: str) -> Applied:
            text = HEAD.format(version=version) + POLICY + body
            return Daemon(server.uri(), text).apply(timeout=30)  # nothing of it is started

        if before:
            assert apply(1, before).exit_code == 0
        sent = server.count(command)
        server.on(command, error={"code": code, "errmsg": words}, match={command: "c"})
        done = apply(2, after)
        assert (done.facts["code"], done.facts["origin"]) == (reason, origin), done.facts
        assert done.exit_code == EXIT_CODES.get(reason, 69)
        assert server.count(command) - sent <= 2
