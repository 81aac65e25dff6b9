"""The build folders: which compiler and options each has, and making them.

Used by ./dev and the test runner.

PYTHONPATH=tests python3 -m support.builds programs|build|build-clang|build-asan|build-tsan|… …
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from .children import die_with_parent
from .parts import InstallError, cache_dir
from .releases import RELEASES, REPOSITORY, Release, compiler_cache

# Naming a compiler turns off Meson's own search for ccache.
CLANG = {"CC": "ccache clang", "CXX": "ccache clang++"}
# Sixteen sources of a library as one: most of the time goes into what each of them includes.
_AS_ONE = ("-Dunity=on", "-Dunity_size=16")
# Optimised, for people and packages. Lines for a stack, and not every type for a debugger: that
# would take a quarter more time.
USED = ("-Ddebug=false", "-Dcpp_args=-g1", "-Dc_args=-g1", *_AS_ONE)
# Not optimised: that would take longer than what it saves. Clang, because GCC's UBSan beside ASan
# does not write its reports where the runner looks for them.
_UNDER_CLANG = ("-Ddebug=false", "-Db_lundef=false", *_AS_ONE)
SANITIZED = (
    "-Doptimization=0",
    *_UNDER_CLANG,
    "-Dcpp_args=['-fno-omit-frame-pointer', '-gline-tables-only']",
)
# libFuzzer counts which branches an input takes, in every library that a target reads with.
_FUZZED = (
    "['-fno-omit-frame-pointer', '-gline-tables-only', '-fsanitize=fuzzer-no-link', "
    "'-fno-sanitize-recover=undefined']"
)
FUZZED = (
    "-Doptimization=1",
    *_UNDER_CLANG,
    f"-Dcpp_args={_FUZZED}",
    f"-Dc_args={_FUZZED}",
)
# For its warnings, its unit tests and clang-tidy, nobody needs more: Clang's warnings that follow
# the flow do not ask for an optimiser, as GCC's do.
QUICK = ("-Doptimization=0", "-Ddebug=false")
# Elsewhere they are not wanted either; the warnings of a distribution's own build are.
ELSEWHERE = ("-Ddebug=false",)


@dataclass(frozen=True)
class Build:
    folder: str
    options: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    targets: tuple[str, ...] = ()  # none: everything
    release: Release | None = None  # where it is made and run; none: on this machine

    @property
    def path(self) -> Path:
        return REPOSITORY / self.folder

    @property
    def programs(self) -> Path:
        """What READYGATE_BUILD_DIR names."""
        return self.release.wrap(self.path) if self.release else self.path

    def inside(self, command: list[str]) -> list[str]:
        """The command where the build's programs run."""
        return self.release.inside(command) if self.release else command

    def beside(self, command: list[str]) -> list[str]:
        """The command on this machine, able to start what `programs` holds."""
        return self.release.beside(command) if self.release else command


BUILDS = {
    build.folder: build
    for build in (
        Build("build", USED),
        Build("build-clang", QUICK, CLANG),
        Build("build-asan", ("-Db_sanitize=address,undefined", *SANITIZED), CLANG),
        Build("build-tsan", ("-Db_sanitize=thread", *SANITIZED), CLANG),
        Build(
            "build-fuzz",
            ("-Dfuzz=true", "-Db_sanitize=address,undefined", *FUZZED),
            CLANG,
            ("fuzz-programs",),
        ),
        *(
            Build(
                f"build-{release.suite}",
                ELSEWHERE,
                {"CCACHE_DIR": str(compiler_cache())},
                release=release,
            )
            for release in RELEASES
        ),
    )
}

# What somebody who only uses readygate needs, in the same folder.
PROGRAMS = replace(BUILDS["build"], targets=("readygate", "readygate-wait"))


class BuildError(Exception):
    """A build failed; the compiler's own words are already on the terminal."""


def make(build: Build) -> None:
    """Configures the folder if it is not, then builds what it is for. Raises BuildError."""
    started = time.monotonic()
    environment = {**os.environ, **build.environment}
    if not (build.path / "build.ninja").exists():
        shutil.rmtree(build.path, ignore_errors=True)  # a set-up that did not end well
        _run(["meson", "setup", build.folder, *build.options], environment, build)
    _say(f"building {build.folder}/ (seconds when little changed, minutes when all is new) ...")
    ninja = ["ninja", "-C", build.folder, "-j", str(os.cpu_count() or 2), *build.targets]
    _run(ninja, environment, build)
    _say(f"{build.folder}/: done in {time.monotonic() - started:.0f} s")


def _say(text: str) -> None:
    print(f"build: {text}", file=sys.stderr, flush=True)


def _run(command: list[str], environment: dict[str, str], build: Build) -> None:
    """Shows the output only when it fails: hundreds of lines hide the one that matters."""
    log = cache_dir() / "logs" / f"{build.folder}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    interactive = sys.stderr.isatty() and command[0] == "ninja"
    with log.open("wb") as output:
        shown = None if interactive else output
        process = subprocess.run(
            build.inside(command),
            cwd=REPOSITORY,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=shown,
            stderr=shown,
            preexec_fn=die_with_parent(),
        )
    said = log.read_text(errors="replace")
    if process.returncode != 0:
        print(said[max(0, said.find("FAILED:")) :][-12_000:], file=sys.stderr, flush=True)
        again = " ".join(command)
        raise BuildError(
            f"`{again}` failed with status {process.returncode}; mend it, or remove "
            f"{build.folder}/ if it is the configuration, and run it again"
        )


def _told_to_end() -> Callable[[], bool]:
    """Passes SIGTERM on: ninja then removes what is half written, as it does not when killed."""
    told = []

    def pass_on(number: int, _: object) -> None:
        told.append(number)
        signal.signal(number, signal.SIG_IGN)
        os.killpg(0, number)
        signal.signal(number, pass_on)

    if os.getpid() == os.getpgid(0):
        signal.signal(signal.SIGTERM, pass_on)
    return lambda: bool(told)


def main(arguments: list[str]) -> int:
    builds = {"programs": PROGRAMS, **BUILDS}
    if not arguments or not set(arguments) <= set(builds):
        print(f"usage: builds {'|'.join(builds)} …", file=sys.stderr)
        return 64
    ending = _told_to_end()
    failed = False
    for folder in arguments:
        if ending():
            break
        try:
            make(builds[folder])
        except (BuildError, InstallError) as error:
            _say(str(error))
            failed = True
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
