"""The benchmarks cover what there is, and their table is of what there is."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from raypose import HEADS, LOSSES

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
TABLE = (BENCHMARKS / "README.md").read_text()


def own(registry):
    return {registry.get(name).__name__ for name in registry if registry.get(name).__module__.startswith("raypose.")}


def test_every_head_and_loss_is_in_the_table_of_components():
    script = runpy.run_path(str(BENCHMARKS / "components.py"))
    rows = [script["described"](row) for row in script["rows"]()]
    for name in (own(HEADS) | own(LOSSES)) - {"MultipleLossWrapper"}:
        assert any(name in row for row in rows), name
    assert [row for row in rows if f"| {row} |" not in TABLE] == []


@pytest.mark.parametrize("script", sorted(BENCHMARKS.glob("*.py")), ids=lambda path: path.stem)
def test_every_benchmark_is_explained(script):
    assert f"python benchmarks/{script.name}" in script.read_text()
    assert f"python benchmarks/{script.name}" in TABLE
