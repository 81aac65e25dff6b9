"""The test of the simulation: each of these mistakes, made on purpose, must break an invariant.

A mutant is the real source with one piece of text replaced, compiled with the build's own command
and linked in front of the library that holds the original.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.gate.binary import build_dir, repository

SEEDS = 20_000  # how many histories a mutant may survive


@dataclass(frozen=True)
class Mutant:
    name: str
    source: str
    before: str
    after: str


MUTANTS = [
    Mutant(
        "a holder that never notices that its time is over",
        "src/core/lease.cc",
        "deadline_ = sent + settings_.period - settings_.margin;",
        "deadline_ = sent + settings_.period * 10;",
    ),
    Mutant(
        "an observer that does not wait for the holder's period",
        "src/core/lease.cc",
        "return now - unmoved_since_ >= observed_period();",
        "return now - unmoved_since_ >= observed_period() / 8;",
    ),
    Mutant(
        "an observer whose clock runs from the holder's first sight, not from its last renewal",
        "src/core/lease.cc",
        "return a.token == b.token && a.owner == b.owner && a.rev == b.rev;",
        "return a.token == b.token && a.owner == b.owner;",
    ),
    Mutant(
        "a renewal that changes nothing that an observer could see",
        "src/core/lease.cc",
        "  renewed_at_ = now;\n  Ledger next;\n  next.id = schema_name_;\n"
        "  next.rev = random_id(random_);",
        '  renewed_at_ = now;\n  Ledger next;\n  next.id = schema_name_;\n  next.rev = "r";',
    ),
    Mutant(
        "an acquisition that is settled by a read",
        "src/core/lease.cc",
        "  took_over_ = seen_->owner && !ours;",
        "  took_over_ = seen_->owner && !ours;\n"
        '  if (ours) { token_ = seen_->token; hold(now, "", now); return true; }',
    ),
    Mutant(
        "what was given back is gone on with, under the same token",
        "src/core/lease.cc",
        "  took_over_ = seen_->owner && !ours;",
        "  took_over_ = seen_->owner && !ours;\n"
        "  if (ours) { stage_ = Stage::kAsking; token_ = seen_->token;\n"
        "    send_renewal(commands, now); return true; }",
    ),
    Mutant(
        "a take-over under the same token",
        "src/core/lease.cc",
        "token_ = seen_->token + 1;",
        "token_ = seen_->token;",
    ),
    Mutant(
        "an answer that did not come, taken as held",
        "src/core/lease.cc",
        "    send_renewal(commands, now);  // settles it",
        '    hold(asked_at_, "", now);',
    ),
    Mutant(
        "a filter without the token",
        "tests/support/model/model_database.cc",
        "return hold.token == ledger->token && hold.owner == ledger->owner;",
        "return hold.owner == ledger->owner;",
    ),
    Mutant(
        "a compare-and-set without the revision",
        "tests/support/model/model_database.cc",
        "return rev->token == ledger->token && rev->rev == ledger->rev;",
        "return rev->token <= ledger->token;",
    ),
    Mutant(
        "`applied` set before a majority has renewed the lease",
        "src/core/initializer.cc",
        "      if (holding) {\n        confirm_first(commands, now);",
        "      if (holding) {\n        record(commands, now, WallTime{});",
    ),
    Mutant(
        "what one primary showed, recorded on the word of another",
        "src/core/initializer.cc",
        "if (applier_->primary() == lease_.primary()) {",
        "if (!applier_->primary().empty()) {",
    ),
    Mutant(
        "an observer that believes what no majority has",
        "src/core/applier.cc",
        "mode_ == Mode::kLook, part}",
        "false, part}",
    ),
    Mutant(
        "an index that is listed, taken for one that is built",
        "src/core/applier.cc",
        "has_index(proven_, collection.name, index.index.name)",
        "mode_ == Mode::kApply",
    ),
    Mutant(
        "an observer that takes for built what no apply has waited for",
        "src/core/initializer.cc",
        "applier_->doubt_unproven();",
        "applier_->primary();",
    ),
    Mutant(
        "nobody looks again after a take-over",
        "src/core/auditor.cc",
        "    look_at_ = now + settings_.lease.period;",
        "    look_at_.reset();",
    ),
    Mutant(
        "a migration that begins again instead of going on",
        "src/core/migrator.cc",
        "    const bool again = known->state != RecordState::kPending && "
        "on_crash == Migration::OnCrash::kRetry;",
        "    const bool again = known->state != RecordState::kPending;",
    ),
    Mutant(
        "a code that nobody knows, asked for again and again",
        "src/core/initializer.cc",
        "failure_ = refusals_.weigh(std::move(judgement));",
        "failure_ = std::move(judgement);",
    ),
    Mutant(
        "a document in the way, taken for something that passes",
        "src/core/server_rules.cc",
        'kDocumentRefused, "", Where::kDocuments, Verdict::kPermanent,',
        'kDocumentRefused, "", Where::kDocuments, Verdict::kTransient,',
    ),
    Mutant(
        "an answer that refuses a ping, taken for silence",
        "src/core/reachability.cc",
        "return judge(failure).reason == Reason::kAuth ? Heard::kRefusal : Heard::kAnswer;",
        "return Heard::kSilence;",
    ),
    Mutant(
        "an acquisition of an overloaded server, taken as held",
        "src/core/lease.cc",
        "    failure_ = judge(outcome.error());\n    nothing();\n  } else {\n"
        "    send_renewal(commands, now);  // settles it",
        '    hold(asked_at_, "", now);\n  } else {\n'
        "    send_renewal(commands, now);  // settles it",
    ),
    Mutant(
        "a gate that opens on a target that is not applied",
        "src/core/ledger.cc",
        "  if (!ledger->applied) return Standing::kNeeded;",
        "  if (!ledger->applied) return ledger->target ? Standing::kApplied : Standing::kNeeded;",
    ),
]


def compiled(mutant: Mutant, folder: Path) -> Path:
    """The object that has the mutated source, alone or with those it is compiled with (Meson's
    unity), as the library has it.
    """
    source = repository() / mutant.source
    text = source.read_text()
    assert text.count(mutant.before) == 1, f"the text to replace is not once in {mutant.source}"
    mutated = folder / source.name
    mutated.write_text(text.replace(mutant.before, mutant.after))
    entry, together = entry_of(source)
    if together:
        one = folder / "together.cpp"
        one.write_text(
            "\n".join(f'#include "{mutated if each == source else each}"' for each in together)
        )
        mutated = one
    arguments = [word for word in shlex.split(entry["command"]) if word not in ("-Werror", "-O2")]
    found = folder / "mutant.o"
    arguments[arguments.index("-o") + 1] = str(found)
    arguments[arguments.index("-c") + 1] = str(mutated)
    for option in ("-MF", "-MQ"):
        arguments[arguments.index(option) + 1] = str(folder / "mutant.d")
    subprocess.run([*arguments, "-O1"], cwd=entry["directory"], check=True)
    return found


def entry_of(source: Path) -> tuple[dict[str, str], list[Path]]:
    """How the source is compiled, and what with: nothing when it is by itself."""
    for entry in json.loads((build_dir() / "compile_commands.json").read_text()):
        file = Path(entry["directory"]) / entry["file"]
        if file.resolve() == source:
            return entry, []
        if "-unity" in file.name:
            together = [
                (Path(entry["directory"]) / name).resolve()
                for name in re.findall(r'#include\s*["<]([^">]+)[">]', file.read_text())
            ]
            if source in together:
                return entry, together
    raise AssertionError(f"nothing compiles {source}")


def linked(mutant: Path, folder: Path) -> Path:
    """The simulation with the mutant in front of the library that holds the original."""
    program = folder / "sim"
    commands = subprocess.run(
        ["ninja", "-C", build_dir(), "-t", "commands", "tests/sim/sim"],
        capture_output=True,
        text=True,
        check=True,
    )
    arguments = shlex.split(commands.stdout.splitlines()[-1])
    arguments[arguments.index("-o") + 1] = str(program)
    first_object = next(i for i, word in enumerate(arguments) if word.endswith(".o"))
    arguments.insert(first_object, str(mutant))
    subprocess.run(arguments, cwd=build_dir(), check=True)
    return program


@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.name for mutant in MUTANTS])
def test_a_mutant_is_caught(mutant: Mutant, tmp_path: Path) -> None:
    program = linked(compiled(mutant, tmp_path), tmp_path)
    done = subprocess.run(
        [program, "1", str(SEEDS)], capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 1, f"{mutant.name}: {done.stdout}{done.stderr}"
    assert "seed " in done.stdout and "repeat with: " in done.stdout
