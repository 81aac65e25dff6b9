"""Everything that the chart renders: as it was reviewed, valid, and restricted."""

from __future__ import annotations

import os

import pytest
from cases import CASES, NOT_RESTRICTED
from golden import EVERY, FOLDER, path
from openapi import problems
from pod_security import violations
from rendering import CHART, VERSIONS, documents, helm, pods, rendered


def test_there_are_enough_value_sets() -> None:
    assert len(CASES) >= 25
    assert len(VERSIONS) == 3


@pytest.mark.parametrize(("case", "version"), EVERY)
def test_golden(case: str, version: str) -> None:
    expected = path(case, version).read_text()
    assert rendered(case, version) == expected, "meant so? python tests/charts/golden.py"


def test_no_golden_file_is_left_over() -> None:
    there = {file.relative_to(FOLDER) for file in FOLDER.rglob("*.yaml")}
    assert there == {path(*one).relative_to(FOLDER) for one in EVERY}


@pytest.mark.parametrize(("case", "version"), EVERY)
def test_the_api_takes_it(case: str, version: str) -> None:
    found = documents(rendered(case, version))
    assert found
    assert [line for one in found for line in problems(one, version)] == []


@pytest.mark.parametrize("break_it", ["spelling", "type", "missing"])
def test_the_api_check_is_strict(break_it: str) -> None:
    (deployment,) = [
        one for one in documents(rendered("team", "1.36")) if one["kind"] == "Deployment"
    ]
    spec = deployment["spec"]
    if break_it == "spelling":
        spec["template"]["spec"]["containers"][0]["imagePulPolicy"] = "Always"
    elif break_it == "type":
        spec["replicas"] = "two"
    else:
        del spec["selector"]
    assert len(problems(deployment, "1.36")) == 1


@pytest.mark.parametrize(("case", "version"), EVERY)
def test_every_pod_is_restricted(case: str, version: str) -> None:
    specs = pods(documents(rendered(case, version)))
    assert specs
    found = [f"{name}: {line}" for name, spec in specs for line in violations(spec)]
    if case in NOT_RESTRICTED:
        assert all(" of orders" in line or "Deployment/" in line for line in found)
    else:
        assert found == []


def test_lint() -> None:
    said = helm("lint", "--strict", str(CHART))
    assert "0 chart(s) failed" in said
    assert "WARNING" not in said


def test_the_example_has_the_examples_schema() -> None:
    theirs = CHART.parents[1] / "examples/rebalancer"
    for name in os.listdir(CHART / "files/schema"):
        assert (CHART / "files/schema" / name).read_text() == (theirs / name).read_text(), (
            f"cp examples/rebalancer/{name} charts/readygate/files/schema"
        )
