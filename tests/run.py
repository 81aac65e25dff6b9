"""Runs the test suites, shows progress, and ends with the line `N passed, N failed, N skipped`.

    ./dev test [--all | --matrix | suite…] [-- options for pytest]

A suite is a row of SUITES. Without a name all run but those in LONG, with --all these too, with
--matrix those that each release of Debian is tried with. What counts as one: a lint check, a build,
a doctest case, a pytest test, a sanitizer's report, a fuzz target. A program that crashes or takes
too long counts as failed. The exit status is 0 only if something passed and nothing failed.
Everything that is started here ends with this process.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

from support import container, image, lint, privileges, releases, tidy
from support.ahead import Ahead
from support.builds import BUILDS, REPOSITORY, BuildError, make
from support.children import die_with_parent
from support.dist import __main__ as dist
from support.engine.recipe import KUBERNETES
from support.parts import InstallError

PYTEST_TIMEOUT = 25 * 60  # s, for the pytest run of one suite
FIRST_RUN_TIMEOUT = 4 * 60 * 60  # s: everything is made from nothing, three times
DOCTEST_TIMEOUT = 5 * 60  # s, for one program, sanitizers included
PROCESSORS = os.cpu_count() or 2
AT_ONCE = 2 * PROCESSORS  # tests of pytest: most wait. Each worker has engines and ports of its own
SLOWNESS = "3"  # how much longer than on a quiet machine a test may wait for something
CONFORMANCE = "tests/protocol/clients"
HISTORIES = 10_000
SIM_TIMEOUT = 3 * 60  # s, for all of them
FUZZ_TIME = 60  # s, for each target
# Of the end-to-end tests those that only start, ask, signal and stop a daemon.
IN_A_CONTAINER = [
    f"tests/e2e/test_{name}.py" for name in ("drain", "health", "order", "origin", "outage")
]
DIST_TIMEOUT = 90 * 60  # s: everything is built a second time
# Of the integration tests those about what a static library might lack.
PORTABLE = [f"tests/integration/test_{name}.py" for name in ("tls", "service_manager", "checks")]


@dataclass
class Result:
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0

    def add(self, other: Result) -> None:
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


@dataclass
class Context:
    """What suites share: options for pytest, the builds of this run and how they went, and those
    that are wanted later.
    """

    pytest_options: list[str]
    later: list[str] = field(default_factory=list)
    builds: dict[str, str | None] = field(default_factory=dict)
    ahead: Ahead = field(default_factory=Ahead)

    def build(self, folder: str) -> str | None:
        """Makes a build once per run; returns what went wrong."""
        if folder not in self.builds:
            self.ahead.stop()
            try:
                make(BUILDS[folder])
                self.builds[folder] = None
            except (BuildError, InstallError) as error:
                self.builds[folder] = str(error)
            self.ahead.start([name for name in self.later if name not in self.builds])
        return self.builds[folder]


def say(text: str) -> None:
    print(text, flush=True)


def fail(text: str) -> Result:
    say(f"FAILED: {text}")
    return Result(failed=1)


@dataclass(frozen=True)
class Ended:
    status: int | None  # as of subprocess; None: it took too long, and was killed
    output: str


def run(command: list[str], timeout: float, **options: object) -> Ended:
    """Runs a program that ends with this process, for at most `timeout` s."""
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        text=True,
        errors="replace",
        process_group=0,
        preexec_fn=die_with_parent(),
        **options,
    ) as process:  # type: ignore[call-overload]
        try:
            output, _ = process.communicate(timeout=timeout)
            return Ended(process.returncode, output or "")
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)
            if isinstance(error, subprocess.TimeoutExpired):
                return Ended(None, process.communicate()[0] or "")
            raise


def how(ended: Ended, timeout: float) -> str:
    if ended.status is None:
        return f"did not end within {timeout:g} s"
    return f"ended with status {ended.status}"


def side_by_side(parts: list[Callable[[], Result]], at_once: int) -> Result:
    result = Result()
    with ThreadPoolExecutor(at_once) as pool:
        for one in [pool.submit(part) for part in parts]:
            result.add(one.result())
    return result


def lint_suite(_: Context) -> Result:
    result = Result()
    for name, check in lint.CHECKS.items():
        problems = check()
        if problems is None:
            say(f"skipped: {name}: its program is not here")
            result.skipped += 1
        elif problems:
            say("\n".join(problems))
            result.add(fail(f"{name}: {len(problems)} problems"))
        else:
            say(f"ok: {name}")
            result.passed += 1
    return result


def tidy_suite(context: Context) -> Result:
    if problem := context.build("build-clang"):
        return fail(f"clang-tidy needs the Clang build: {problem}")
    problems = tidy.check()
    return fail("clang-tidy: " + "; ".join(problems)) if problems else Result(passed=1)


def build_suite(context: Context, folder: str) -> Result:
    problem = context.build(folder)
    return fail(problem) if problem else Result(passed=1)


SUMMARY = re.compile(
    r"\[doctest\] test cases:\s*\d+ \|\s*(\d+) passed \|\s*(\d+) failed \|\s*(\d+) skipped"
)


def doctest(context: Context, folder: str, suite: str, environment: dict[str, str]) -> Result:
    """The doctest programs that the build declares as tests of this suite."""
    if problem := context.build(folder):
        return fail(problem)
    build = BUILDS[folder]
    # Not `meson introspect`: the Meson of another release may have made it.
    listing = (build.path / "meson-info/intro-tests.json").read_text()
    result = Result()
    for test in json.loads(listing):
        if suite not in {name.split(":")[-1] for name in test["suite"]}:
            continue
        done = run(
            build.inside(test["cmd"]),
            DOCTEST_TIMEOUT,
            cwd=test["workdir"] or REPOSITORY,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **test["env"], **environment},
        )
        found = SUMMARY.search(re.sub(r"\x1b\[[0-9;]*m", "", done.output))
        counts = (
            Result(*map(int, found.groups())) if found else Result(passed=int(done.status == 0))
        )
        if done.status != 0 and counts.failed == 0:
            counts.failed = 1  # a crash, a sanitizer, or too slow
        if counts.failed:
            say(done.output[-20_000:])
            say(f"FAILED: {test['name']} {how(done, DOCTEST_TIMEOUT)}")
        say(f"{test['name']}: {counts}")
        result.add(counts)
    return result


def beside_each_other(at_once: int) -> list[str]:
    return [f"--numprocesses={at_once}", "--dist=worksteal"] if at_once > 1 else []


def pytest(
    context: Context,
    folder: str,
    paths: list[str],
    environment: dict[str, str],
    left_out: str | None = None,
    output: int | None = None,
    limit: float = PYTEST_TIMEOUT,
    at_once: int = AT_ONCE,
) -> Result:
    """With subprocess.PIPE for `output`, what it says is shown when it has ended. Whoever gives
    options of pytest looks at single tests: these run one after the other, unless `-n` is given.
    """
    if problem := context.build(folder):
        return fail(problem)
    with tempfile.TemporaryDirectory() as temporary:
        report = Path(temporary) / "report.xml"
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-c",
            "tests/pytest.ini",
            "--rootdir=tests",
            f"--junitxml={report}",
            *paths,
            *([f"--ignore={left_out}"] if left_out else []),
            *(context.pytest_options or beside_each_other(at_once)),
        ]
        build = BUILDS[folder]
        done = run(
            build.beside(command),
            limit,
            cwd=REPOSITORY,
            stdout=output,
            stderr=output and subprocess.STDOUT,
            env={
                "READYGATE_TEST_SLOWNESS": SLOWNESS,
                **os.environ,
                "READYGATE_BUILD_DIR": str(build.programs),
                **environment,
            },
        )
        if done.output:
            say(done.output)
        if not report.exists():
            return fail(f"pytest {how(done, limit)}, without a report")
        result = Result()
        for suite in ElementTree.parse(report).getroot().iter("testsuite"):
            total, failed, skipped = (
                int(suite.get(key, 0)) for key in ("tests", "failures", "skipped")
            )
            failed += int(suite.get("errors", 0))
            result.add(Result(total - failed - skipped, failed, skipped))
        if done.status not in (0, 5) and result.failed == 0:
            result.add(fail(f"pytest {how(done, limit)}"))
        return result


def unit_suite(context: Context) -> Result:
    return doctest(context, "build", "unit", {})


def clang_suite(context: Context) -> Result:
    result = build_suite(context, "build-clang")
    if not result.failed:
        result.add(doctest(context, "build-clang", "unit", {}))
        result.add(doctest(context, "build-clang", "protocol", {}))
    return result


def clients_suite(context: Context) -> Result:
    """Each client library's own tests, and the cases that all of them share."""
    return pytest(context, "build", ["clients/c/tests", "clients/python/tests", CONFORMANCE], {})


def examples_suite(context: Context) -> Result:
    return pytest(context, "build", ["examples/rebalancer/tests"], {})


def sim_suite(context: Context) -> Result:
    """Many histories of many replicas, and the mistakes that they must find."""
    if problem := context.build("build"):
        return fail(problem)
    command = ["build/tests/sim/sim", "1", str(HISTORIES)]
    done = run(
        command, SIM_TIMEOUT, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    say(done.output.strip())
    result = Result(passed=1) if done.status == 0 else fail(f"sim {how(done, SIM_TIMEOUT)}")
    result.add(pytest(context, "build", ["tests/sim"], {}, at_once=PROCESSORS))
    return result


def integration_suite(context: Context) -> Result:
    return pytest(context, "build", ["tests/support", "tests/integration"], {})


def sanitized_suite(context: Context, folder: str, variables: dict[str, str]) -> Result:
    """Unit, protocol and integration tests of a sanitizer's build. Each report is a failure of its
    own, whatever the test that caused it thought of the exit status.
    """
    if problem := context.build(folder):
        return fail(problem)
    with tempfile.TemporaryDirectory() as reports:
        environment = {
            name: f"{value}:log_path={reports}/report" for name, value in variables.items()
        }
        driver = "tests/integration/mongo"

        def integration(path: str, left_out: str | None = None) -> Result:
            return pytest(context, folder, [path], environment, left_out, subprocess.PIPE)

        parts = [
            lambda: integration("tests/integration", driver),
            lambda: integration(driver),
            lambda: doctest(context, folder, "unit", environment),
            lambda: doctest(context, folder, "protocol", environment),
        ]
        result = side_by_side(parts, len(parts))  # most of what they do is wait
        for report in sorted(Path(reports).iterdir()):
            say(report.read_text(errors="replace")[:8000])
            result.add(fail("the sanitizer's report above"))
    return result


def fuzz_target(program: Path) -> Result:
    """One target for FUZZ_TIME, beginning with its kept corpus. What breaks it is kept in the build
    folder; what only reaches new code is not.
    """
    name = program.name.removeprefix("fuzz-")
    with tempfile.TemporaryDirectory() as found:
        command = [
            str(program),
            f"-max_total_time={FUZZ_TIME}",
            "-seed=1",  # a failure is then the change's, not the day's; longer looks use others
            "-timeout=10",  # s, for one input
            "-rss_limit_mb=1024",
            "-max_len=65536",
            "-print_final_stats=1",
            f"-artifact_prefix={program.parent}/broken-{name}-",
            found,
            str(REPOSITORY / "tests/fuzz/corpus" / name),
        ]
        done = run(
            command,
            FUZZ_TIME * 3,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "UBSAN_OPTIONS": UBSAN},
        )
    if done.status != 0:
        say(done.output[-10_000:])
        again = program.relative_to(REPOSITORY)
        return fail(
            f"fuzz target {name} {how(done, FUZZ_TIME * 3)}; `{again} FILE` repeats it "
            f"with the file named above, which belongs into tests/fuzz/corpus/{name}"
        )
    inputs = re.search(r"number_of_executed_units:\s*(\d+)", done.output)
    say(f"ok: {name}: {inputs[1] if inputs else '?'} inputs")
    return Result(passed=1)


def fuzz_suite(context: Context) -> Result:
    """Every fuzz target, as many at a time as there are processors."""
    if problem := context.build("build-fuzz"):
        return fail(problem)
    folder = REPOSITORY / "build-fuzz/tests/fuzz"
    programs = sorted(path for path in folder.glob("fuzz-*") if path.is_file())
    return side_by_side([partial(fuzz_target, one) for one in programs], PROCESSORS)


def image_suite(context: Context) -> Result:
    """What is in the image, and the daemon's end-to-end tests with a container for a daemon."""
    if problem := context.build("build"):  # `readygate wait` runs outside of it
        return fail(problem)
    archive = image.make()  # before pytest, whose time for a test is not that of a compiler
    result = pytest(context, "build", ["tests/image"], {}, at_once=1)
    with container.build_dir(archive) as folder:
        environment = {"READYGATE_BUILD_DIR": str(folder)}
        result.add(pytest(context, "build", IN_A_CONTAINER, environment, at_once=1))
    return result


def dist_suite(context: Context) -> Result:
    """What people install; and the daemon's tests about TLS and passwords with the program that has
    its libraries in it.
    """
    if problem := context.build("build"):
        return fail(problem)
    made = dist.made()  # before pytest, whose time for a test is not that of a compiler
    environment = {"READYGATE_TEST_DIST": str(made.folder)}
    result = pytest(context, "build", ["tests/dist"], environment, limit=DIST_TIMEOUT, at_once=1)
    if made.portable:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "tests").symlink_to(BUILDS["build"].path / "tests")
            for name in ("readygate", "readygate-wait"):
                (Path(folder) / name).symlink_to(made.portable.build.path / name)
            result.add(pytest(context, "build", PORTABLE, {"READYGATE_BUILD_DIR": folder}))
    return result


def charts_suite(context: Context) -> Result:
    """What the Helm charts render; no cluster is needed."""
    return pytest(context, "build", ["tests/charts"], {})


def kube_suite(context: Context) -> Result:
    """The chart on a real node of each Kubernetes version, or of those that are named."""
    archive = {"READYGATE_TEST_IMAGE_ARCHIVE": str(image.make())}
    versions = os.environ.get("READYGATE_TEST_KUBERNETES", "").split() or list(KUBERNETES)
    result = Result()
    for version in versions:
        say(f"--- Kubernetes {version}")
        environment = {"READYGATE_TEST_KUBERNETES": version, **archive}
        result.add(pytest(context, "build", ["tests/kube"], environment, at_once=1))
    return result


def matrix_suite(context: Context) -> Result:
    """The sources on Debian's other releases, with their compilers and libraries; and the client
    for Python in each version.
    """
    result = Result()
    for release in releases.others():
        say(f"--- Debian {release.suite}")
        result.add(release_suite(context, release))
    say("--- Python")
    result.add(pytest(context, "build", ["tests/matrix"], {}, at_once=1))
    return result


def release_suite(context: Context, release: releases.Release) -> Result:
    folder = f"build-{release.suite}"
    if problem := context.build(folder):
        return fail(problem)
    made_of = run(
        BUILDS[folder].inside([str(BUILDS[folder].path / "readygate"), "version"]),
        DOCTEST_TIMEOUT,
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
    )
    say(made_of.output.strip())
    if f"mongo-c-driver {release.libmongoc}" not in made_of.output:
        return fail(f"{release.suite} was to have libmongoc {release.libmongoc}")
    result = Result(passed=1)
    result.add(doctest(context, folder, "unit", {}))
    result.add(doctest(context, folder, "protocol", {}))
    # What is left out copies the programs; here they are wrappers.
    installed = "tests/integration/test_install.py"
    result.add(pytest(context, folder, ["tests/integration"], {}, installed))
    return result


TSAN_SUPPRESSIONS = REPOSITORY / "tests/support/tsan.supp"
UBSAN = "halt_on_error=1:print_stacktrace=1"
SUITES: dict[str, Callable[[Context], Result]] = {
    "lint": lint_suite,
    "gcc": lambda context: build_suite(context, "build"),
    "clang": clang_suite,
    "tidy": tidy_suite,
    "unit": unit_suite,
    "protocol": lambda context: doctest(context, "build", "protocol", {}),
    "clients": clients_suite,
    "examples": examples_suite,
    "integration": integration_suite,
    "sim": sim_suite,
    "charts": charts_suite,
    "e2e": lambda context: pytest(context, "build", ["tests/e2e"], {}),
    "asan": lambda context: sanitized_suite(
        context,
        "build-asan",
        {
            "ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1",
            "UBSAN_OPTIONS": UBSAN,
        },
    ),
    # libmongoc ends functions by jumping to pthread_mutex_unlock. The call then seems to be ours,
    # while the lock was the library's and is ignored (tsan.supp): a "mutex bug" that is none. Our
    # own locks are all std::unique_lock.
    "tsan": lambda context: sanitized_suite(
        context,
        "build-tsan",
        {
            "TSAN_OPTIONS": f"suppressions={TSAN_SUPPRESSIONS}:report_mutex_bugs=0"
            ":second_deadlock_stack=1:atexit_sleep_ms=0"
        },
    ),
    "fuzz": fuzz_suite,
    "image": image_suite,
    "dist": dist_suite,
    "kube": kube_suite,
    "matrix": matrix_suite,
    "first-run": lambda context: pytest(
        context, "build", ["tests/first_run"], {}, limit=FIRST_RUN_TIMEOUT, at_once=1
    ),
}
# Minutes, root, much to build at first: when asked for.
LONG = ("image", "dist", "kube", "matrix", "first-run")
# Whoever has asked for one of these by name, and is not, is told so.
ROOT = tuple(name for name in LONG if name != "dist")
# Made while suites before them run, most of which leave processors idle.
AHEAD = {"asan": "build-asan", "tsan": "build-tsan", "fuzz": "build-fuzz"}


def main(arguments: list[str]) -> int:
    # What is started here inherits them: under nohup, or as a shell's background job, they would be
    # ignored, and the tests are about what they do.
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)
    cut = arguments.index("--") if "--" in arguments else len(arguments)
    names, context = arguments[:cut], Context(arguments[cut + 1 :])
    named = bool(names) and names != ["--all"]
    if names == ["--all"]:
        names = list(SUITES)
    elif names == ["--matrix"]:  # this machine's own release has suites of its own
        names = ["gcc", "unit", "protocol", "integration", "matrix"]
    elif not names:
        names = [name for name in SUITES if name not in LONG]
    if unknown := [name for name in names if name not in SUITES]:
        print(f"no such suite: {' '.join(unknown)}; there are: {' '.join(SUITES)}", file=sys.stderr)
        return 64
    context.later = [AHEAD[name] for name in names if name in AHEAD]
    results: dict[str, Result] = {}
    for name in names:
        say(f"\n=== {name} ===")
        started = time.monotonic()
        try:
            why = privileges.why_not_root() if name in ROOT else ""
            if why and named:
                raise ValueError(why)
            if why:
                say(f"skipped: suite {name}: {why}")
            results[name] = Result(skipped=1) if why else SUITES[name](context)
        except (OSError, subprocess.CalledProcessError, ValueError, InstallError) as error:
            results[name] = fail(f"suite {name} could not run: {error}")
        if not context.pytest_options and results[name] == Result():
            results[name] = fail(f"suite {name} ran no test")
        results[name].seconds = time.monotonic() - started
        say(f"=== {name}: {results[name]} ({results[name].seconds:.0f} s)")
    context.ahead.stop()
    total = Result()
    say("\nsuite         passed  failed skipped    time")
    for name, result in results.items():
        counts = f"{result.passed:>7} {result.failed:>7} {result.skipped:>7}"
        say(f"{name:<12} {counts} {result.seconds:>6.0f} s")
        total.add(result)
    say(str(total))
    return 0 if total.passed and not total.failed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
