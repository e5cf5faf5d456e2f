"""What follows a search's own trials: repeats of the best with other seeds, and the final training."""

import io
import json

import optuna
import pytest
from click.testing import CliRunner
from optuna.trial import TrialState
from rich.console import Console

from raypose import RayPoseError
from raypose.check import check
from raypose.cli import show
from raypose.config import Tune
from raypose.reporting.records import final, load_records, winner
from raypose.reporting.roles import FINAL, REPEAT, TRIAL
from raypose.space import Space
from raypose.tuning.drawing.limits import Limits
from raypose.tuning.followups import more
from raypose.tuning.progress import Progress
from raypose.tuning.search import tune
from raypose.tuning.search_state import SearchState
from raypose.tuning.standing import Standing

SPACE = "name: repeated\nx: {uniform: [0, 1]}\ntraining: {epochs: 3}\n"


@pytest.fixture
def open_state(tmp_path):
    def make(**settings):
        (tmp_path / "trials").mkdir(exist_ok=True)
        known = {"metric": "score", "num_trials": 4, "repeats": 2, "repeat_best": 2, "keep": 1}
        state = SearchState(Space.parse(SPACE), tmp_path, Tune(**{**known, **settings}), seed=3)
        state.study.sampler = optuna.samplers.RandomSampler(seed=len(state.trials()))
        return state

    return make


def run(state, value, end=TrialState.COMPLETE, task=None):
    task = task or state.next_task()
    folder = state.files.path(task.number)
    folder.mkdir(exist_ok=True)
    for name in ("weights.pt", "predictions.json"):
        (folder / name).write_text(str(task.number))
    (folder / "config.yaml").write_text(task.text)
    (folder / "meta.json").write_text(json.dumps(task.meta))
    (folder / "metrics.json").write_text(json.dumps({"score": value}))
    state.report(task.number, 1, {"score": value})
    state.finish(task.number, end, "raised" if end == TrialState.FAIL else "", "no luck")
    return task


def run_all(state, values):
    """Runs what there is to run, follow-ups included; the roles in their order."""
    values, roles = iter(values), []
    while more(state):
        while (task := state.next_task()) is not None:
            roles.append((task.again.get("role", TRIAL), task.again.get("of")))
            run(state, next(values), task=task)
    assert next(values, None) is None
    return roles


OWN = [0.5, 0.9, 0.8, 0.1]  # trial 1 leads by luck; its repeats say so


def published(state, name="best"):
    return json.loads((state.folder / name / "metrics.json").read_text())["trial"]


def test_the_best_are_repeated_in_turns_and_ranked_by_their_mean(open_state):
    state = open_state()
    roles = run_all(state, [*OWN, 0.3, 0.78, 0.6, 0.85])
    assert roles == [(TRIAL, None)] * 4 + [(REPEAT, 1), (REPEAT, 2)] * 2
    assert state.best().number == 2
    assert published(state) == 2
    trials = state.trials()
    assert [trials[n].params for n in (4, 5)] == [trials[n].params for n in (1, 2)]
    seeds = [json.loads((state.files.path(n) / "meta.json").read_text())["seed"] for n in range(8)]
    assert len(set(seeds)) == 8
    records, _ = load_records(state.folder)
    assert [record.number for record in records] == [2, 1, 0, 3, 4, 5, 6, 7]
    assert (records[0].repeats, records[0].mean) == ([0.78, 0.85], pytest.approx(0.81))
    assert records[0].deviation == pytest.approx(0.0361, abs=1e-4)
    assert winner(records).number == 2
    assert state.trials()[4].user_attrs["of"] == 1


def test_what_may_win_keeps_its_weights_and_repeats_do_not(open_state):
    state = open_state(keep=1, final=True)
    run_all(state, [*OWN, 0.3, 0.78, 0.6, 0.85, 0.7])
    kept = [n for n in range(9) if (state.files.path(n) / "weights.pt").exists()]
    assert kept == [1, 2, 8]
    again = open_state(keep=1, final=True)
    assert not more(again)
    assert [n for n in range(9) if (again.files.path(n) / "weights.pt").exists()] == kept


def test_an_interrupted_phase_goes_on_and_is_done_once(open_state):
    state = open_state()
    for value in OWN:
        run(state, value)
    assert more(state)
    run(state, 0.3)
    interrupted = state.next_task()
    assert interrupted.again == {"role": REPEAT, "of": 2}
    state.end("interrupted")
    assert not more(state)
    again = open_state()
    assert again.remaining == 3
    task = again.next_task()
    assert (task.number, task.seed, task.again) == (interrupted.number, interrupted.seed, interrupted.again)
    run(again, 0.78, task=task)
    assert run_all(again, [0.6, 0.85]) == [(REPEAT, 1), (REPEAT, 2)]
    assert not more(open_state())
    assert not more(again)


def test_an_extension_runs_new_trials_first_and_repeats_only_what_is_missing(open_state):
    run_all(open_state(), [*OWN, 0.3, 0.78, 0.6, 0.85])
    longer = open_state(num_trials=6)
    assert run_all(longer, [0.95, 0.2, 0.9, 0.91]) == [(TRIAL, None)] * 2 + [(REPEAT, 8)] * 2
    assert longer.best().number == 8
    more_of_each = open_state(num_trials=6, repeats=3)
    assert run_all(more_of_each, [0.9, 0.9]) == [(REPEAT, 8), (REPEAT, 1)]


def bests(state):
    """The best trial to the search, to one that is opened again, and to what is reported."""
    return (
        state.best().number,
        Standing(state.tune, state.trials()).best().number,
        winner(load_records(state.folder)[0]).number,
    )


def test_failed_repeats_count_as_done_and_the_rest_is_ranked_by_what_there_is(open_state):
    state = open_state(repeats=1)
    for value in OWN:
        run(state, value)
    assert more(state)
    run(state, 0.9, end=TrialState.FAIL)
    assert bests(state) == (1, 1, 1)
    run(state, 0.7)
    assert not more(state)
    assert bests(state) == (1, 1, 1)  # its one run, 0.9, against the mean of two, 0.75


@pytest.mark.parametrize("sign", [1, -1])
def test_a_search_that_ends_between_repeats_compares_means_with_what_is_not_repeated_yet(open_state, sign):
    state = open_state(repeats=1, repeat_best=3, mode="max" if sign == 1 else "min")
    for value in (0.5, 0.9, 0.8, 0.85):
        run(state, sign * value)
    assert more(state)
    run(state, sign * 0.1)
    assert bests(state) == (3, 3, 3)
    assert [record.number for record in load_records(state.folder)[0]][:4] == [3, 2, 1, 0]
    run(state, sign * 0.7)  # a mean of 0.775
    assert bests(state) == (2, 2, 2)
    state.end("enough")
    assert not more(state)
    longer = open_state(repeats=1, repeat_best=3, mode=state.tune.mode, num_trials=5)
    run(longer, sign * 0.0, task=longer.next_task())  # the interrupted repeat
    assert more(longer)
    run(longer, sign * 0.95)
    assert bests(longer) == (7, 7, 7)


def test_what_was_lost_with_its_worker_is_trained_again_at_a_resume_and_only_there(open_state):
    settings = {"num_trials": 1, "repeats": 1, "repeat_best": 1, "final": True}

    def lose(state):
        task = state.next_task()
        state.finish(task.number, TrialState.FAIL, "worker_lost", "")
        return task.again

    state = open_state(**settings)
    run(state, 0.9)
    assert more(state)
    assert lose(state) == {"role": REPEAT, "of": 0}
    assert more(state)
    assert lose(state) == {"role": FINAL, "of": 0}
    assert not more(state)
    for start in range(2):
        again = open_state(**settings)
        assert more(again)
        if start == 0:
            assert (lose(again)["role"], more(again), lose(again)["role"], more(again)) == (REPEAT, True, FINAL, False)
    assert run_all(again, [0.8, 0.85]) == [(REPEAT, 0), (FINAL, 0)]
    assert not more(open_state(**settings))
    raised = open_state(**{**settings, "repeats": 2})
    assert more(raised)
    run(raised, 0.1, end=TrialState.FAIL)
    assert not more(open_state(**{**settings, "repeats": 2}))


def test_nothing_is_added_without_a_finished_trial_or_after_a_spent_budget(open_state):
    state = open_state(final=True, num_trials=1)
    run(state, 0.5, end=TrialState.FAIL)
    assert not more(state)
    spent = open_state(final=True, num_trials=2, total_epochs=2)
    run(spent, 0.5)
    assert spent.halted
    assert not more(spent)
    assert len(spent.trials()) == 2


@pytest.mark.parametrize("budget", [{"target": 0.8}, {"patience": 1}])
def test_a_search_that_has_enough_is_repeated_all_the_same(open_state, budget):
    state = open_state(num_trials=20, repeat_best=1, repeats=2, final=True, **budget)
    while (task := state.next_task()) is not None:
        run(state, OWN[task.number], task=task)
    assert state.over.drain
    own = len(state.trials())
    assert own < 4
    assert [role for role, _ in run_all(state, [0.7, 0.7, 0.7])] == [REPEAT, REPEAT, FINAL]
    assert not more(open_state(num_trials=20, repeat_best=1, repeats=2, final=True, **budget))


def test_the_final_training_is_of_the_winner_and_done_once(open_state):
    state = open_state(final=True)
    roles = run_all(state, [*OWN, 0.3, 0.78, 0.6, 0.85, 0.75])
    assert roles[-1] == (FINAL, 2)
    assert (published(state), published(state, "final")) == (2, 8)
    assert not more(open_state(final=True))
    longer = open_state(final=True, num_trials=5)
    assert run_all(longer, [0.95, 0.94, 0.96, 0.97])[-1] == (FINAL, 9)
    assert (published(longer), published(longer, "final")) == (9, 12)
    records, _ = load_records(state.folder)
    assert (final(records).number, final(records).of) == (12, 9)


def test_a_final_without_repeats_is_of_the_best(open_state):
    state = open_state(repeats=0, final=True)
    assert run_all(state, [*OWN, 0.95])[-1] == (FINAL, 1)
    assert (state.best().number, published(state)) == (1, 1)


def test_pruners_leave_follow_ups_alone_and_they_are_as_long_as_their_trial(open_state):
    state = open_state(repeats=1, final=True, repeat_best=1, num_trials=1)
    assert state.full_length(run(state, 0.5).number) is None
    assert more(state)
    task = state.next_task()
    assert state.full_length(task.number) == 1
    assert not state.should_prune(task.number)
    run(state, 0.4, task=task)
    assert more(state)
    assert state.full_length(state.next_task().number) > 1e9


def test_what_people_see_of_repeats(open_state):
    state = open_state(num_trials=2, repeat_best=1)
    out = io.StringIO()
    progress = Progress(state, Console(file=out, width=200))
    for value in (0.5, 0.6):
        run(state, value)
    assert more(state)
    run(state, 0.4)
    progress.on_experiment_end([])
    *_, last = out.getvalue().splitlines()
    assert last.startswith("trial 2 (repeat of trial 1) COMPLETE score 0.4 after 1 epoch")
    assert "2/2 trials, 1/2 repeats, best score 0.6 (trial 1)" in last


def test_a_grid_is_tried_out_after_repeats(open_state):
    def opened(**settings):
        state = open_state(repeat_best=1, **settings)
        state.study.sampler = optuna.samplers.GridSampler({"x": [0.1, 0.3, 0.5, 0.7]})
        return state

    run_all(opened(num_trials=2), [0.5, 0.6, 0.6, 0.6])  # the repeats have the numbers 2 and 3
    state = opened(num_trials=9)
    assert [role for role, _ in run_all(state, [0.4, 0.3])] == [TRIAL] * 2
    assert sorted(trial.params["x"] for trial in state.standing.top()) == [0.1, 0.3, 0.5, 0.7]


def test_what_a_trial_costs_holds_of_its_repeats(tmp_path):
    (tmp_path / "trials").mkdir()
    settings = Tune(metric="score", num_trials=1, repeats=1, final=True, constraints=["params <= 3"])
    limits = Limits(settings.constraints, price=lambda config: {"params": 2.0})
    state = SearchState(Space.parse(SPACE), tmp_path, settings, seed=3, limits=limits)
    run_all(state, [0.5, 0.6, 0.7])
    assert [trial.user_attrs["params"] for trial in state.trials()] == [2.0] * 3


def test_several_objectives_are_not_repeated(tmp_path):
    space = Space.parse("name: two\nx: {uniform: [0, 1]}\ntune: {metric: [{a: max}, {b: min}], repeats: 2}")
    with pytest.raises(RayPoseError, match=r"'repeats' ranks trials by the mean of one metric, but 'metric' has 2"):
        tune(space, trial=lambda config, run: None, experiments=tmp_path, quiet=True)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("metric", "refused"), [("[{AP: max}, {flops: min}]", True), ("[{AP: max}]", False), ("AP", False)]
)
def test_the_check_refuses_them_where_they_stand(metric, refused):
    space = Space.parse(f"name: two\ntune: {{repeats: 2, metric: {metric}}}\n", tolerant=True)
    found = [each for each in check(space) if "repeats" in each.message]
    assert [(each.line, each.column, each.rule) for each in found] == [(2, 17, "several-objectives")] * refused


def test_raypose_show_ranks_as_the_search_does(open_state, tmp_path):
    """One of the two best was repeated, and was lucky before; the other one leads, by its own value."""
    run_all(open_state(num_trials=2, repeats=0), [0.9, 0.88])
    state = open_state(num_trials=2, repeats=1)
    assert more(state)
    run(state, 0.5)
    shown = CliRunner().invoke(show.command, [str(tmp_path), "--json"], catch_exceptions=False).output
    assert (
        json.loads(shown)["trials"][0]["number"] == winner(load_records(tmp_path)[0]).number == state.best().number == 1
    )
