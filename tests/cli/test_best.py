"""`raypose best`, and that neither it nor `raypose show` runs users' code or imports what is heavy."""

import json
import subprocess
import sys
from dataclasses import replace

import optuna
import pytest
from optuna.trial import TrialState
from rich.console import Console

from raypose import journal, model_folder
from raypose.cli._result import print_result
from raypose.config import Tune
from raypose.reporting.records import Record
from raypose.space import Space
from raypose.tuning.followups import more
from raypose.tuning.outcomes import Outcomes
from raypose.tuning.result import SearchResult
from raypose.tuning.search_state import SearchState

SPACE = """\
name: mice
plugins: [{plugin}]
model: {{backbone: {{type: Mine, width: {{uniform: [1, 9]}}}}}}
tune: {{metric: AP, num_trials: 2, repeats: 2, repeat_best: 1, final: true}}
"""


@pytest.fixture
def experiment(tmp_path):
    """An experiment as a search leaves it, with a plugin that leaves a trace when it is run."""
    folder = tmp_path / "experiments" / "mice"
    plugin = folder / "plugins" / "abc" / "mine.py"
    plugin.parent.mkdir(parents=True)
    plugin.write_text(f"open({str(tmp_path / 'trace')!r}, 'w')\n")
    (folder / "trials").mkdir()
    text = SPACE.format(plugin=plugin)
    (folder / "space.yaml").write_text(text)
    space = Space.parse(text)
    state = SearchState(space, folder, Tune(**space.default()["tune"]), seed=0, plugins={str(plugin): "mine.py"})
    state.study.sampler = optuna.samplers.RandomSampler(seed=0)
    return state


def run(state, value):
    task = state.next_task()
    folder = state.files.path(task.number)
    folder.mkdir()
    (folder / "config.yaml").write_text(task.text)
    (folder / "weights.pt").write_text("weights")
    (folder / "metrics.json").write_text(json.dumps({"AP": value}))
    built = {"model": "m", "optimizer": "o"}
    (folder / "meta.json").write_text(json.dumps({**task.meta, "versions": {"torch": "2.0"}, "fingerprint": built}))
    state.report(task.number, 1, {"AP": value})
    state.finish(task.number, TrialState.COMPLETE)
    return task


def run_all(state, *values):
    for value in values:
        assert more(state)
        run(state, value)


def test_a_finished_experiment(cli, experiment):
    run_all(experiment, 0.5, 0.8, 0.7, 0.75, 0.7)
    result = cli("best", experiment.folder)
    assert (result.status, result.err) == (0, "")
    assert result.out.startswith("trial 1: AP 0.8 after 1 epoch\nmean of 3 runs: 0.75 ± 0.05\n")
    width = experiment.trials()[1].params["model.backbone.width"]
    assert f"model.backbone.width: {width}\n" in result.out
    assert Space.parse(result.out.partition("# its configuration\n")[2].partition("\n\n")[0]).config()["name"] == "mice"
    best, final = experiment.folder / "best", experiment.folder / "final"
    assert f"\nmodel: {best}\nfinal model: {final}\nnext:\n" in result.out
    commands = (
        ("best", experiment.folder, "--to DIR"),
        ("predict", best, "IMAGE ..."),
        ("evaluate", best),
        ("train", best),
    )
    for line in (*(f"raypose {' '.join(map(str, each))} " for each in commands), f'raypose.load("{best}")'):
        assert f"\n  {line}" in result.out
    found = json.loads(cli("best", experiment.folder, "--json").out)
    assert {key: found[key] for key in ("trial", "values", "runs", "epochs")} == {
        "trial": 1,
        "values": {"AP": 0.8},
        "runs": 3,
        "epochs": 1,
    }
    assert (found["mean"], found["deviation"]) == (pytest.approx(0.75), pytest.approx(0.05))
    assert found["config"]["model"]["backbone"] == {"type": "Mine", "width": width}
    assert (found["final"]["trial"], found["final"]["state"]) == (4, "COMPLETE")
    assert found["model"] == str(experiment.folder / "best")


def test_an_experiment_that_runs(cli, experiment):
    run(experiment, 0.5)
    experiment.next_task()
    result = cli("best", experiment.folder)
    assert (result.status, "trial 0: AP 0.5" in result.out) == (0, True)
    assert "mean" not in result.out
    assert "final model" not in result.out


def test_no_trial_is_finished(cli, experiment):
    assert "there is no trial" in cli("best", experiment.folder).err
    experiment.next_task()
    for option in ((), ("--json",)):
        result = cli("best", experiment.folder, *option)
        assert (result.status, result.out) == (1, "")
        assert "no trial is finished that could be the best (1 RUNNING)" in result.err


def test_no_trial_meets_a_constraint(cli, experiment, monkeypatch):
    experiment.outcomes = Outcomes(["AP >= 0.9", "AP <= 2"])
    run(experiment, 0.5)
    run(experiment, 0.8)
    why = "no trial meets 'AP >= 0.9': the nearest is trial 1 with AP 0.8"
    assert why in cli("best", experiment.folder).err
    reads = []
    monkeypatch.setattr(
        journal, "load_study", lambda folder, load=journal.load_study: reads.append(folder) or load(folder)
    )
    assert f"\n{why}\n" in cli("show", experiment.folder).out
    assert len(reads) == 1
    assert json.loads(cli("show", experiment.folder, "--json").out)["asides"] == [why]


def test_no_experiment(cli, tmp_path):
    for folder in (tmp_path, tmp_path / "none"):
        result = cli("best", folder)
        assert result.status == 2
        assert "is not an experiment" in result.err


def test_a_model_that_is_not_there(cli, experiment):
    run(experiment, 0.5)
    for folder in (experiment.folder / "best", experiment.files.path(0)):
        (folder / "weights.pt").unlink()
    assert "it left no model" in cli("best", experiment.folder).out
    assert json.loads(cli("best", experiment.folder, "--json").out)["model"] is None


def test_show_tells_of_runs_and_of_their_sameness(cli, experiment):
    run_all(experiment, 0.5, 0.8, 0.7, 0.75, 0.7)
    shown = cli("show", experiment.folder).out
    assert "mice: 2 trials" in shown
    assert "0.75 ± 0.05 (3)" in shown
    assert "torch are the same in all 5 runs" in shown
    meta = experiment.files.path(3) / "meta.json"
    other = {"versions": {"torch": "2.1"}, "fingerprint": {"model": "other", "optimizer": "o"}}
    meta.write_text(json.dumps({**json.loads(meta.read_text()), **other}))
    shown = cli("show", experiment.folder).out
    assert "trials differ in torch: 2.0 (4), 2.1 (1: trial 3)" in shown
    assert "the same configuration built different models in trials 1, 2, 4; trial 3" in shown
    found = json.loads(cli("show", experiment.folder, "--json").out)
    assert found["sameness"]["differences"] == {"torch": {"2.0": [0, 1, 2, 4], "2.1": [3]}}
    assert [(each["role"], each["of"]) for each in found["trials"]] == [
        ("trial", None),
        ("trial", None),
        ("repeat", 1),
        ("repeat", 1),
        ("final", 1),
    ]
    assert found["trials"][0]["repeats"] == [0.7, 0.75]


@pytest.fixture
def mouse(tmp_path):
    return tmp_path / "models" / "mouse"


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def weights_say(experiment, number):
    """Weights tell whose they are, here; a copy is made of those that lie in the trial's folder, or in best/."""
    (experiment.files.path(number) / "weights.pt").write_text(f"weights of {number}")
    return f"weights of {number}"


def test_a_copy_has_plugins_samples_predictions_and_a_card(cli, experiment, mouse):
    run_all(experiment, 0.5, 0.8, 0.7, 0.75, 0.7)
    best = experiment.folder / "best"
    (best / "samples").mkdir()
    (best / "samples" / "0.jpg").write_bytes(b"jpg")
    (experiment.files.path(1) / "predictions.json").write_text("[1]")
    result = cli("best", experiment.folder, "--to", mouse)
    assert (result.status, result.err) == (0, "")
    assert f"its model is now in {mouse}" in result.out
    assert f"\nnext:\n  raypose predict {mouse} IMAGE ..." in result.out
    assert files(mouse) == [
        "README.md", "config.yaml", "metrics.json", "plugins/abc/mine.py", "predictions.json", "samples/0.jpg", "weights.pt",
    ]  # fmt: skip
    assert Space.load(mouse / "config.yaml", expand=False).config()["plugins"] == ["plugins/abc/mine.py"]
    assert "trial 1, the best of 2 trials" in (mouse / "README.md").read_text()
    assert [each.name for each in mouse.parent.iterdir()] == ["mouse"]  # no scratch is left
    assert files(best) == ["config.yaml", "metrics.json", "plugins/abc/mine.py", "samples/0.jpg", "weights.pt"]


def test_the_final_training_is_taken_if_asked_for(cli, experiment, mouse):
    assert "--final: there was no final training" in cli("best", experiment.folder, "--final").err
    run_all(experiment, 0.5, 0.8, 0.7, 0.75)
    run_all(experiment, 0.65)
    assert "one trial each" in cli("best", experiment.folder, "--final", "--rank", 2).err
    found = json.loads(cli("best", experiment.folder, "--final", "--to", mouse, "--json").out)
    assert (found["trial"], found["values"], found["model"]) == (4, {"AP": 0.65}, str(experiment.folder / "final"))
    assert (mouse / "weights.pt").read_bytes() == (experiment.folder / "final" / "weights.pt").read_bytes()
    assert "trial 4, the final training of trial 1, the best of 2 trials" in (mouse / "README.md").read_text()


def test_ranks_are_those_of_finished_trials_and_models_may_be_gone(cli, experiment, mouse):
    run_all(experiment, 0.5, 0.8, 0.7, 0.75, 0.7)
    text = weights_say(experiment, 0)
    found = json.loads(cli("best", experiment.folder, "--rank", 2, "--to", mouse, "--json").out)
    assert (found["trial"], found["copied"], found["model"]) == (0, str(mouse), str(experiment.files.path(0)))
    assert (mouse / "weights.pt").read_text() == text
    assert "number 2 of 2 trials" in (mouse / "README.md").read_text()
    assert cli("best", experiment.folder, "--rank", 2).out.startswith("trial 0: AP 0.5 after 1 epoch\n")
    result = cli("best", experiment.folder, "--rank", 3)
    assert (result.status, "--rank 3: there are only 2 finished trials" in result.err) == (2, True)
    (experiment.files.path(0) / "weights.pt").unlink()
    result = cli("best", experiment.folder, "--rank", 2, "--to", mouse.with_name("other"))
    assert result.status == 2
    assert "trial 0 (number 2) has no weights any more" in result.err
    assert "models are there of --rank 1;" in result.err
    assert not mouse.with_name("other").exists()
    assert json.loads(cli("best", experiment.folder, "--rank", 2, "--json").out)["model"] is None


def test_best_is_not_taken_for_another_trial(cli, experiment, mouse):
    """A search that runs, or was killed, may have a new best trial, and an old best/."""
    run(experiment, 0.5)
    best = experiment.folder / "best" / "metrics.json"
    best.write_text(json.dumps({**json.loads(best.read_text()), "trial": 7}))
    found = json.loads(cli("best", experiment.folder, "--json").out)
    assert found["model"] == str(experiment.files.path(0))


def test_nothing_is_overwritten_by_accident(cli, experiment, mouse):
    run_all(experiment, 0.5, 0.8)
    assert cli("best", experiment.folder, "--to", mouse).status == 0
    (mouse / "weights.pt").write_text("mine")
    result = cli("best", experiment.folder, "--to", mouse)
    assert (result.status, "--force" in result.err, (mouse / "weights.pt").read_text()) == (2, True, "mine")
    assert cli("best", experiment.folder, "--to", mouse, "--force").status == 0
    assert (mouse / "weights.pt").read_text() == "weights"
    thing = mouse.parent / "thing"
    thing.mkdir()
    assert cli("best", experiment.folder, "--to", thing).status == 0  # it was empty
    for name in ("config.yaml", "weights.pt"):
        (thing / name).unlink()
    for target in (thing, thing / "README.md"):
        result = cli("best", experiment.folder, "--to", target, "--force")
        assert (result.status, "is no model folder" in result.err) == (2, True)
    assert "README.md" in files(thing)
    result = cli("best", experiment.folder, "--to", experiment.folder / "best", "--force")
    assert (result.status, "the experiment's own folder" in result.err) == (2, True)


def test_a_copy_is_whole_or_not_there(cli, experiment, mouse, monkeypatch):
    run_all(experiment, 0.5, 0.8)
    monkeypatch.setattr("raypose.reporting.card.card", lambda *_: 1 / 0)
    assert cli("best", experiment.folder, "--to", mouse).status == 1
    assert list(mouse.parent.iterdir()) == []


def test_a_place_that_cannot_be_written_is_not_told_as_weights_that_are_gone(cli, experiment, mouse, monkeypatch):
    def refused(source, whole, finish):
        raise FileNotFoundError(2, "No such file or directory", str(whole))

    run_all(experiment, 0.5, 0.8)
    monkeypatch.setattr(model_folder, "publish", refused)
    result = cli("best", experiment.folder, "--to", "taken")
    assert result.status == 2
    assert "taken: no such file or directory" in result.err


def test_trials_of_the_front(cli, tmp_path, experiment, mouse):
    result = cli("best", experiment.folder, "--pareto", 1)
    assert (result.status, "--pareto needs several objectives" in result.err) == (2, True)
    folder = tmp_path / "experiments" / "several"
    (folder / "trials").mkdir(parents=True)
    state = SearchState(
        Space.parse("x: {uniform: [0, 1]}"), folder, Tune(metric=[{"AP": "max"}, {"flops": "min"}]), seed=0
    )
    state.study.sampler = optuna.samplers.RandomSampler(seed=0)
    for ap, flops in ((0.5, 5.0), (0.4, 6.0), (0.3, 1.0)):
        task = state.next_task()
        trial = state.files.path(task.number)
        trial.mkdir()
        (trial / "config.yaml").write_text(task.text)
        (trial / "weights.pt").write_text(f"weights of {task.number}")
        (trial / "metrics.json").write_text(json.dumps({"AP": ap}))
        state.report(task.number, 1, {"AP": ap, "flops": flops})
        state.finish(task.number, TrialState.COMPLETE)
    found = json.loads(cli("best", folder, "--pareto", 2, "--to", mouse, "--json").out)
    assert (found["trial"], found["model"]) == (2, str(folder / "pareto" / "0002"))
    assert (mouse / "weights.pt").read_text() == "weights of 2"
    assert "number 2 of 2 on the Pareto front of 3 trials" in (mouse / "README.md").read_text()
    result = cli("best", folder, "--pareto", 3)
    assert (result.status, "there are only 2 trials on the Pareto front" in result.err) == (2, True)
    assert cli("best", folder, "--pareto", 1, "--rank", 1).status == 2


BEST = Record(1, "COMPLETE", 0.8, 3, {}, repeats=[0.7, 0.75])
FINAL = Record(4, "COMPLETE", 0.78, 3, {}, role="final", of=1)


@pytest.mark.parametrize(
    ("final", "metrics", "told"),
    [
        (FINAL, {"test": {"AP": 0.77}}, "final, AP 0.78 (val; best/ has 0.8), on the test data: AP 0.77"),
        (FINAL, {}, "final, AP 0.78 (val; best/ has 0.8), not tested: there is no data.test"),
        (
            replace(FINAL, of=0),
            {},
            "final, AP 0.78 (val; best/ has 0.8), of trial 0, which is no longer the best, not tested",
        ),
        (
            replace(FINAL, state="FAIL", reason="raised", detail="File x\nValueError: [no]"),
            {},
            "final training (trial 4): FAIL (raised: ValueError: [no])",
        ),
    ],
)
def test_the_result_tells_of_runs_and_of_the_final_training(tmp_path, capsys, final, metrics, told):
    (tmp_path / "final").mkdir()
    (tmp_path / "final" / "metrics.json").write_text(json.dumps(metrics))
    repeats = [
        Record(2, "COMPLETE", 0.7, 3, {}, role="repeat", of=1),
        Record(3, "FAIL", None, 0, {}, role="repeat", of=1),
    ]
    result = SearchResult(tmp_path, [BEST, *repeats, final])
    assert print_result(Console(width=200), result, Space.parse("{name: a, tune: {metric: AP}}")) == 0
    out = capsys.readouterr().out
    assert "best AP 0.8 (trial 1), mean of its runs 0.75 ± 0.05 (3)" in out
    assert "\n1 COMPLETE\nrepeats: 1 COMPLETE, 1 FAIL\n" in out
    assert told in out


def test_no_plugin_is_run_and_nothing_heavy_is_imported(experiment, tmp_path):
    run_all(experiment, 0.5, 0.8)
    copy = ["best", "--to", str(tmp_path / "copy")]
    commands = [["best"], ["best", "--json"], copy, ["show"], ["show", "--detail"], ["show", "--json"]]
    script = (
        "import sys\nfrom raypose.cli import raypose\n"
        f"for name, *options in {commands}:\n"
        "    raypose([name, sys.argv[1], *options], standalone_mode=False)\n"
        "print(sorted({'torch', 'ray', 'timm'} & sys.modules.keys()), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(experiment.folder)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr.strip()) == (0, "[]")
    assert done.stdout.count("0.8") >= len(commands)
    assert not (tmp_path / "trace").exists()
