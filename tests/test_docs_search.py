"""Every example of docs/search.md passes the check, its commands are ones that `raypose` takes, and what it says is so."""

from __future__ import annotations

import re
import shlex
from dataclasses import fields, replace
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from optuna.trial import TrialState

from raypose import cli
from raypose.cli.schema import samplers, schedulers
from raypose.config import COSTS, Tune, read
from raypose.reporting.outcomes import unmet
from raypose.reporting.records import Record
from raypose.space import Space
from raypose.space.identity import CHANGEABLE
from raypose.tuning.checked import load_checked
from raypose.tuning.faults import failures, silences
from raypose.tuning.sampling.sampler_choice import FEW, install
from raypose.tuning.sampling.samplers import DEFAULTS, NEEDS
from raypose.tuning.search_state import SearchState
from raypose.tuning.stopping.population import PopulationBasedTraining
from raypose.tuning.stopping.schedulers import NOT_RESUMED, REFUSED, first_look

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "search.md").read_text()
README = (ROOT / "README.md").read_text()
SPACE_TEXT = (ROOT / "docs" / "search_space.md").read_text()
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
TOLD = re.findall(r"^```text\n(.*?)\n```$", TEXT, re.MULTILINE | re.DOTALL)
WHOLE = """\
name: mice
data:
  train: {type: SyntheticPeople, num_images: 24}
  val: {type: SyntheticPeople, num_images: 8, split: val}
  augment: {rotation: {uniform: [0, 45]}}
model: {backbone: {type: ResNet, depth: 18}, keypoint_head: {type: HeatmapHead}}
optimizer:
  choice:
    - {type: AdamW, lr: {loguniform: [1e-4, 1e-2]}}
    - {type: SGD, lr: {loguniform: [1e-3, 1e-1]}, momentum: 0.9}
"""


def commands(text):
    """The `raypose ...` lines of the blocks, and those within the text."""
    blocks = re.findall(r"^```bash\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    lines = [line.split("  #")[0].strip() for block in blocks for line in block.splitlines()]
    within = re.findall(r"`(raypose \w+ [^`\n]*)`", re.sub("```.*?```", "", text, flags=re.DOTALL))
    return [line for line in [*lines, *within] if line.startswith("raypose ")]


def table(heading):
    """The first cells of the rows of the table under a heading of the first row."""
    lines = TEXT[TEXT.index(f"\n| {heading} |") + 1 :].partition("\n\n")[0].splitlines()[2:]
    return [line.split(" | ")[0].removeprefix("| ") for line in lines]


def words(text):
    return re.findall(r"`(\w+)`", text)


def reads(command):
    """Whether `raypose` has the command and it takes these words; nothing is run."""
    _, name, *rest = shlex.split(command)
    found = cli.raypose.get_command(None, name)
    assert found is not None, command
    found.make_context(name, rest, resilient_parsing=all(word.startswith("-") for word in rest))


@pytest.mark.parametrize("command", dict.fromkeys([*commands(TEXT), *commands(README)]))
def test_every_command_is_taken(command):
    reads(command)


def test_there_are_commands_with_what_they_need():
    told = " ".join(commands(TEXT))
    assert [each for each in ("--warm-start", "--time-budget", "--address", "--resume") if each not in told] == []


@pytest.mark.parametrize("text", EXAMPLES, ids=lambda text: " ".join(text.split())[:50])
def test_every_example_passes_the_check(text, tmp_path):
    (tmp_path / "mice.yaml").write_text(WHOLE)
    (tmp_path / "s.yaml").write_text(f"base: mice.yaml\nname: s\n{text}")
    warnings = []
    load_checked(tmp_path / "s.yaml", warn=warnings.extend)
    assert warnings == []


def test_every_sampler_and_scheduler_is_named():
    assert {*words(" ".join(table("sampler")))} == {*samplers()}
    same = {"AsyncHyperBandScheduler"}  # as ASHAScheduler
    assert {*words(" ".join(table("scheduler")))} == {*schedulers()} - same
    for name in (*NOT_RESUMED, *(each for each in REFUSED if each in ("WilcoxonPruner", "PB2"))):
        assert f"`{name}`" in TEXT
    for name in NEEDS["CmaEsSampler"]:
        assert f"pip install {name}" in TEXT
    assert [each for each in DEFAULTS["TPESampler"] if f"`{each}`" not in TEXT] == []


def test_every_key_is_told_and_none_else():
    keys = {field.name for field in fields(Tune)}
    code = " ".join(re.findall(r"```yaml.*?```|`[^`\n]+`", TEXT + SPACE_TEXT, re.DOTALL))
    elsewhere = {"keep"}  # experiments/README.md
    assert [key for key in keys - elsewhere if not re.search(rf"\b{key}\b", code)] == []
    assert "`tune.keep`" in (ROOT / "experiments" / "README.md").read_text()
    assert {*words(" ".join(table("key")))} <= keys
    assert table("cost") == [f"`{name}`" for name in COSTS]


def test_what_the_default_sampler_says(tmp_path):
    (tmp_path / "trials").mkdir()
    tune = Tune(metric="AP", scheduler=None)
    space = Space.parse("{x: {uniform: [0, 1]}}")
    state = SearchState(space, tmp_path, tune, seed=0)
    assert install(state.study, space, tune, seed=0) == TOLD[0]
    assert f"more than {FEW} trials" in TEXT


def test_what_is_told_when_no_trial_meets_a_constraint():
    record = Record(3, "COMPLETE", 0.5, 5, {}, breaks={"EPE <= 6": 0.2}, outcomes={"EPE": 7.25})
    assert unmet([record, replace(record, number=4, breaks={"EPE <= 6": 3.0})]) == TOLD[1]


def test_what_is_told_when_a_budget_is_spent(tmp_path):
    (tmp_path / "trials").mkdir()
    space = Space.parse("{name: mice, x: {uniform: [0, 1]}}")
    state = SearchState(space, tmp_path, Tune(metric="AP", num_trials=9, total_epochs=3), seed=0)
    first, *_ = [state.next_task() for _ in range(3)]
    for epoch in (1, 2, 3):
        state.report(first.number, epoch, {"AP": 0.5, "last_epoch": epoch == 3})
    state.finish(first.number, TrialState.COMPLETE)
    stopped, go_on = TOLD[2].splitlines()
    assert without_numbers(f"stopped: {state.stopped}") == without_numbers(stopped).replace("trials", "trial")
    assert without_numbers(state.over.change) == without_numbers(go_on.rpartition("--resume ")[2])


def test_what_may_change_at_a_resume_is_told():
    (told,) = re.findall(r"^At a resume these keys.*?Nothing else", TEXT, re.MULTILINE | re.DOTALL)
    assert {*words(told)} - {"tune"} == {key for _, key in CHANGEABLE}


def without_numbers(text):
    return re.sub(r"\d+", "N", text)


def test_the_numbers_of_the_text():
    settings, population = Tune(), PopulationBasedTraining()
    assert settings.scheduler == {"type": "SuccessiveHalvingPruner"}
    assert [first_look(epochs) for epochs in (7, 70)] == [1, 10]
    assert (population.quantile_fraction, population.resample_probability) == (0.25, 0.25)
    assert population.perturbation_factors == (1.2, 0.8)
    assert (settings.max_failures, settings.repeat_best) == (2, 3)
    limits = (silences.TIMES, silences.AT_LEAST, silences.AT_FIRST, silences.OPENING)
    assert (failures.ALIKE, *limits) == (5, 10, 60, 600, 120)
    reasons = {*failures.REASONS.values(), "raised", "hang", "worker_lost"}
    assert {reason for reason in reasons if f"`{reason}`" not in TEXT} == set()
    durations = re.search(r"seconds, (.*?) \| stops", TEXT)[1]
    assert [read(Tune, {"time_budget": each}).time_budget for each in re.findall(r"`(\w+)`", durations)] == [
        *(90, 1800, 43200, 5400, 172800)
    ]


@pytest.fixture
def finished(tmp_path, monkeypatch):
    """`experiments/mice`, with two finished trials and one that runs, of a search with two objectives."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "experiments" / "mice"
    (folder / "trials").mkdir(parents=True)
    space = Space.parse("{name: mice, x: {uniform: [0, 1]}, tune: {metric: [{AP: max}, {flops: min}], num_trials: 3}}")
    (folder / "space.yaml").write_text(space.text)
    state = SearchState(space, folder, read(Tune, space.default()["tune"]), seed=0)
    for values in ((0.5, 2e9), (0.4, 1e9)):
        task = state.next_task()
        state.report(task.number, 1, dict(zip(("AP", "flops"), values, strict=True)))
        state.finish(task.number, TrialState.COMPLETE)
    state.next_task()
    return state


def test_looking_at_a_search(finished):
    for command in commands(TEXT):
        if command.split()[1] in ("show", "best") and "--" not in command and "experiments" in command:
            done = CliRunner().invoke(cli.raypose, shlex.split(command)[1:])
            assert done.exit_code == 0, done.output
            assert "Pareto front" in done.output or done.output.startswith("trial 0: AP 0.5, flops 2 G after 1 epoch\n")
    assert yaml.safe_load((finished.folder / "pareto.json").read_text())[1]["values"]["AP"] == 0.4


def test_one_at_a_time_draws_the_same_for_the_same_seed(tmp_path):
    def drawn(name):
        (tmp_path / name / "trials").mkdir(parents=True)
        space = Space.parse("{x: {uniform: [0, 1]}, y: {choice: [{type: A, z: {uniform: [0, 1]}}, {type: B}]}}")
        tune = Tune(metric="AP", num_trials=14)
        state = SearchState(space, tmp_path / name, tune, seed=3)
        install(state.study, space, tune, seed=3)
        for _ in range(14):
            task = state.next_task()
            state.report(task.number, 1, {"AP": task.params["x"]})
            state.finish(task.number, TrialState.COMPLETE)
        return [trial.params for trial in state.trials()]

    assert drawn("one") == drawn("other")


def test_what_to_choose_has_the_figures_of_the_benchmarks():
    """And names no sampler and scheduler but those that the page describes."""
    measured = (ROOT / "benchmarks" / "README.md").read_text().replace("35%", "35 %").replace("31%", "31 %")
    rows = TEXT[TEXT.index("\n| you have |") + 1 :].partition("\n\n")[0].splitlines()[2:]
    figures = [figure for row in rows for figure in re.findall(r"[-+]?\d+\.\d+(?: ± \d+\.\d+)?|\d+ %", row)]
    assert len(figures) >= 10
    assert [figure for figure in figures if figure not in measured] == []
    named = {word for word in words(" ".join(rows)) if word.endswith(("Sampler", "Pruner", "Scheduler", "Training"))}
    assert named <= {*samplers(), *schedulers()}
