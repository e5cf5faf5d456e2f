"""The whole machinery of a search over scripted trials: real Ray, no training."""

import json
import signal

import pytest
from rich.console import Console

import raypose
from raypose import RayPoseError
from raypose.space import Space
from raypose.tuning.faults.lock import locked
from raypose.tuning.search import tune

pytestmark = pytest.mark.usefixtures("cluster")

SPACE = """
name: scripted
seed: {seed}
kind: {{choice: {kinds}}}
x: {{uniform: [0.5, 1]}}
training: {{epochs: 4}}
tune: {{metric: score, num_trials: {trials}, sampler: {sampler}, scheduler: {scheduler}, max_concurrent: 2}}
"""


def space(kinds, trials, scheduler="null", sampler="{type: GridSampler}", seed=0):
    if sampler == "{type: GridSampler}":
        sampler = (
            f"{{type: GridSampler, search_space: {{kind: {json.dumps([json.dumps(k) for k in kinds])}, x: [0.75]}}}}"
        )
    return Space.parse(
        SPACE.format(kinds=json.dumps(kinds), trials=trials, scheduler=scheduler, sampler=sampler, seed=seed)
    )


def make_trial():
    # Nested, so that it travels to the workers by value.
    def trial(config, run):
        import os

        start = 1
        if run.checkpoint is not None:
            import torch

            start = torch.load(run.checkpoint, weights_only=True) + 1
        for epoch in range(start, config["training"]["epochs"] + 1):
            kind = config["kind"]
            if kind == "raises" and epoch == 2:
                raise ValueError("out of [luck]")
            if kind == "silent":
                return
            if kind == "other metric":
                run.report(epoch, {"AP": 1.0})
            with open(run.dir / "starts.txt", "a") as file:
                file.write(f"{epoch}\n")
            if kind == "killed" and epoch == 3 and run.checkpoint is None:
                os._exit(1)
            value = float("nan") if kind == "nan" and epoch == 2 else config["x"] * epoch
            run.report(epoch, {"score": 0.01 * epoch if kind == "poor" else value})
            if kind == "killed":
                from raypose.training.checkpoints import save_epoch

                save_epoch(epoch, run.dir / "checkpoints", epoch)

    return trial


def search(folder, *args, resume=False, num_trials=None, **kwargs):
    return tune(
        space(*args, **kwargs), trial=make_trial(), experiments=folder, resume=resume, num_trials=num_trials, quiet=True
    )


def test_every_end_is_told_and_the_search_goes_on(tmp_path):
    kinds = ["good", "raises", "nan", "killed", "silent", "other metric"]
    result = search(tmp_path, kinds, 6)
    by_kind = {json.loads(record.params["kind"]): record for record in result.records}
    assert {kind: (record.state, record.reason) for kind, record in by_kind.items()} == {
        "good": ("COMPLETE", ""),
        "killed": ("COMPLETE", ""),
        "raises": ("FAIL", "raised"),
        "nan": ("FAIL", "nan"),
        "silent": ("FAIL", "raised"),
        "other metric": ("FAIL", "raised"),
    }
    assert by_kind["raises"].detail.endswith("ValueError: out of [luck]")
    assert "'score', which tune names; it reported: AP" in by_kind["other metric"].detail
    assert by_kind["good"].value == 3.0
    killed = result.folder / "trials" / f"{by_kind['killed'].number:04d}"
    assert (killed / "starts.txt").read_text().split() == ["1", "2", "3", "3", "4"]
    assert [json.loads(line)["epoch"] for line in (killed / "metrics.jsonl").open()] == [1, 2, 3, 4]
    raised = result.folder / "trials" / f"{by_kind['raises'].number:04d}"
    assert "ValueError: out of [luck]" in (raised / "log.txt").read_text()
    meta = json.loads((raised / "meta.json").read_text())
    assert (meta["state"], meta["reason"]) == ("FAIL", "raised")
    assert not (result.folder / ".ray").exists()


@pytest.mark.parametrize(
    "scheduler",
    [
        "{type: MedianPruner, n_startup_trials: 1, n_warmup_steps: 0}",
        "{type: ASHAScheduler, grace_period: 1, reduction_factor: 2, max_t: 4}",
        pytest.param("{type: MedianStoppingRule, grace_period: 1, min_samples_required: 1}", marks=pytest.mark.slow),
    ],
)
def test_stopped_trials_are_pruned_and_never_best(tmp_path, scheduler):
    kinds = ["good", "good", "poor", "poor", "poor", "poor"]
    sampler = "{type: RandomSampler}"
    result = search(tmp_path, kinds, 10, scheduler=scheduler, sampler=sampler)
    states = {record.state for record in result.records}
    assert states == {"COMPLETE", "PRUNED"}
    pruned = [record for record in result.records if record.state == "PRUNED"]
    assert all(record.epochs < 4 for record in pruned)
    assert result.best.value > 1
    # The result that stopped a trial is in the study.
    assert all(record.value is not None for record in pruned)


def test_a_finished_search_is_refused_resumed_and_extended(tmp_path):
    sampler = "{type: TPESampler}"
    first = search(tmp_path, ["good", "poor"], 3, sampler=sampler)
    with pytest.raises(RayPoseError, match="exists already; add --resume"):
        search(tmp_path, ["good", "poor"], 3, sampler=sampler)
    again = search(tmp_path, ["good", "poor"], 3, sampler=sampler, resume=True)
    assert again.records == first.records
    with pytest.raises(RayPoseError, match=r"changed: kind"):
        search(tmp_path, ["good", "bad"], 3, sampler=sampler, resume=True)
    longer = search(tmp_path, ["good", "poor"], 3, sampler=sampler, resume=True, num_trials=5)
    assert sorted(record.number for record in longer.records) == [0, 1, 2, 3, 4]
    assert [r for r in longer.records if r.number < 3] == [r for r in longer.records if r in first.records]
    with pytest.raises(RayPoseError, match="no experiment to resume"):
        search(tmp_path / "elsewhere", ["good"], 3, resume=True)


def test_an_interrupted_search_goes_on_where_it_was(tmp_path):
    sampler = "{type: RandomSampler}"

    def interrupting(config, run):
        import os
        import signal
        import time

        flag = run.dir.parent.parent / "interrupted"
        for epoch in range(1, 5):
            if epoch == 2 and run.dir.name == "0001" and not flag.exists():
                flag.touch()
                os.kill(int((run.dir.parent.parent / "driver").read_text()), signal.SIGINT)
                time.sleep(5)
            run.report(epoch, {"score": config["x"] * epoch})

    import os

    (tmp_path / "scripted").mkdir()
    (tmp_path / "scripted" / "driver").write_text(str(os.getpid()))
    before = signal.getsignal(signal.SIGINT)
    first = tune(space(["a", "b"], 4, sampler=sampler), trial=interrupting, experiments=tmp_path, quiet=True)
    assert first.interrupted == signal.SIGINT
    assert signal.getsignal(signal.SIGINT) is before
    running = [record for record in first.records if record.state == "RUNNING"]
    assert 1 in [record.number for record in running]
    second = tune(
        space(["a", "b"], 4, sampler=sampler), trial=interrupting, experiments=tmp_path, resume=True, quiet=True
    )
    assert [record.state for record in second.records] == ["COMPLETE"] * 4
    assert sorted(record.number for record in second.records) == [0, 1, 2, 3]
    params = {record.number: record.params for record in second.records}
    assert all(params[record.number] == record.params for record in first.records)


def test_the_same_seed_gives_the_same_configurations_one_at_a_time(tmp_path):
    def configurations(name, seed):
        text = SPACE.format(
            kinds='["good", "poor"]',
            trials=8,
            scheduler="null",
            sampler="{type: TPESampler, n_startup_trials: 3}",
            seed=seed,
        ).replace("max_concurrent: 2", "max_concurrent: 1")
        result = tune(Space.parse(text), trial=make_trial(), experiments=tmp_path / name, quiet=True)
        return {record.number: record.params for record in result.records}

    one, same, other = configurations("a", 0), configurations("b", 0), configurations("c", 1)
    assert one == same
    assert one != other


PLUGIN = """
from raypose import LOSSES

@LOSSES.register_module()
class MyScore:
    def __init__(self, x, number):
        if number == 2:
            raise ArithmeticError("not for two")
        self.x = x * {factor}
"""


def test_a_plugin_works_in_every_trial_and_after_a_resume_elsewhere(tmp_path):
    plugin = tmp_path / "my_modules.py"
    plugin.write_text(PLUGIN.format(factor=1))
    packages = install_a_package(tmp_path)

    def trial(config, run):
        import sys

        from raypose import LOSSES, build_from_cfg, entry_points

        if packages not in sys.path:
            sys.path.insert(0, packages)
            entry_points._groups.append("raypose.components")  # as in a process that was started with that path
        assert "MyPackagedLoss" in LOSSES
        cfg = {"type": "MyScore", "x": config["x"], "number": int(run.dir.name)}
        for epoch in range(1, 3):
            run.report(epoch, {"score": build_from_cfg(cfg, LOSSES).x})

    settings = "tune: {metric: score, num_trials: 2, scheduler: null, max_concurrent: 1}"  # one process for all trials
    text = f"name: plugged\nplugins: [{plugin}]\nx: {{uniform: [0, 1]}}\n{settings}\n"

    def search(folder, **options):
        return tune(Space.parse(text), trial=trial, experiments=tmp_path / folder, quiet=True, **options)

    assert [record.state for record in search("here").records] == ["COMPLETE"] * 2
    (tmp_path / "here").rename(tmp_path / "there")
    resumed = search("there", resume=True, num_trials=4)
    assert [record.state for record in resumed.records] == ["COMPLETE"] * 3 + ["FAIL"]
    (kept,) = (resumed.folder / "plugins").glob("*/my_modules.py")
    for number in range(4):
        config = Space.load(resumed.folder / "trials" / f"{number:04d}" / "config.yaml").config()
        assert config["plugins"] == [str(kept)]

    failed = resumed.records[-1]
    assert f'File "{plugin}", line 8, in __init__' in failed.detail
    assert failed.detail.splitlines()[-1] == f"{plugin}:8: ArithmeticError: not for two"
    assert f'File "{plugin}", line 8' in (resumed.folder / "trials" / "0002" / "log.txt").read_text()

    plugin.write_text(PLUGIN.format(factor=2))
    with pytest.raises(RayPoseError, match=r"my_modules.py changed since"):
        search("there", resume=True, num_trials=5)
    assert list((resumed.folder / "plugins").glob("*/*")) == [kept]


def install_a_package(folder):
    """The folder of an installed package that registers `MyPackagedLoss` by its entry point."""
    info = folder / "site" / "my_losses-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-losses\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[raypose.components]\nmine = my_packaged_losses\n")
    text = "from raypose import LOSSES\nLOSSES.register_module('MyPackagedLoss', module=dict)\n"
    (folder / "site" / "my_packaged_losses.py").write_text(text)
    return str(folder / "site")


def test_an_experiment_is_run_by_one_process_at_a_time(tmp_path):
    folder = tmp_path / "scripted"
    folder.mkdir()
    with locked(folder), pytest.raises(RayPoseError, match=r"is being run by process \d+"):
        search(tmp_path, ["good"], 1)
    assert search(tmp_path, ["good"], 1).best


def test_a_scheduler_that_ends_trials_at_its_longest_leaves_them_complete(tmp_path):
    scheduler = "{type: ASHAScheduler, grace_period: 1, max_t: 2}"
    result = search(tmp_path, ["good"], 1, scheduler=scheduler)
    assert (result.best.epochs, result.best.value) == (2, 1.5)


def test_hyperband_of_ray(tmp_path):
    scheduler = "{type: HyperBandScheduler, reduction_factor: 2}"
    sampler = "{type: RandomSampler}"
    result = search(tmp_path, ["good", "poor", "poor", "poor"], 8, scheduler=scheduler, sampler=sampler)
    assert {record.state for record in result.records} <= {"COMPLETE", "PRUNED"}
    assert all(record.epochs == 4 for record in result.records if record.state == "COMPLETE")
    with pytest.raises(RayPoseError, match="a search with HyperBandScheduler cannot be resumed: it keeps its brackets"):
        search(tmp_path, ["good", "poor", "poor", "poor"], 9, scheduler=scheduler, sampler=sampler, resume=True)


def test_what_ends_before_its_first_trial_leaves_no_experiment(tmp_path):
    text = SPACE.format(kinds='["good"]', trials=1, scheduler="null", sampler="{type: RandomSampler}", seed=0)
    without_gpus = Space.parse(text.replace("tune: {", "tune: {gpu_hours: 1, "))
    with pytest.raises(RayPoseError, match="needs trials with GPUs"):
        tune(without_gpus, trial=make_trial(), experiments=tmp_path, quiet=True)
    assert tune(Space.parse(text), trial=make_trial(), experiments=tmp_path, quiet=True).best


def test_wrong_input_starts_nothing(tmp_path):
    with pytest.raises(RayPoseError, match="unknown sampler"):
        tune(space(["a"], 2, sampler="{type: Nope}"), trial=make_trial(), experiments=tmp_path, quiet=True)
    assert not list(tmp_path.iterdir())


def test_plain_lines_tell_each_trial_once(tmp_path):
    import io

    out = io.StringIO()
    tune(space(["good", "raises"], 2), trial=make_trial(), experiments=tmp_path, console=Console(file=out, width=200))
    lines = [line for line in out.getvalue().splitlines() if line.startswith("trial ")]
    assert len(lines) == 2
    assert any("COMPLETE score 3 after 4 epochs" in line for line in lines)
    assert any("FAIL" in line and "ValueError: out of [luck]" in line for line in lines)


def test_tune_is_importable_from_the_package():
    assert raypose.tune is tune
