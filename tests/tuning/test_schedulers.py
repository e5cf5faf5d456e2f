"""Early stopping, asked as Ray Tune asks it, without Ray running."""

import math
from dataclasses import dataclass

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState

from raypose import RayPoseError
from raypose.config import Tune
from raypose.space import Space
from raypose.tuning.ending.over import Over
from raypose.tuning.result import ended
from raypose.tuning.search_state import SearchState
from raypose.tuning.searcher import StudyScheduler
from raypose.tuning.stopping.ray_scheduler import RayScheduler
from raypose.tuning.stopping.schedulers import (
    build_scheduler,
    first_look,
    max_t,
    refuse_resume,
    scheduler_class,
    why_not_resumed,
)

SPACE = Space.parse("name: scripted\nx: {uniform: [0, 1]}\n")
EPOCHS, TRIALS, AT_A_TIME = 9, 16, 4


class Search:
    """A search in turns of its running trials; `interrupted, it is opened again from its folder."""

    def __init__(self, folder, cfg, epochs=EPOCHS, trials=TRIALS, seed=0):
        (folder / "trials").mkdir(exist_ok=True)
        self.folder, self.cfg, self.epochs, self.seed = folder, cfg, epochs, seed
        self.tune = Tune(metric="score", num_trials=trials, scheduler=cfg)
        self.opened = []
        self.open()

    def open(self):
        early = build_scheduler(self.cfg, "score", "max", self.epochs)
        pruner = early if isinstance(early, optuna.pruners.BasePruner) else None
        self.state = SearchState(SPACE, self.folder, self.tune, seed=self.seed, pruner=pruner)
        # What is drawn follows from a trial's number, so that an interruption does not change it.
        self.state.study.sampler = ByNumber()
        self.inner = None if pruner else RayScheduler(early, self.state)
        self.scheduler = StudyScheduler(self.state, self.inner)
        self.trials = {}
        self.opened.append(self.state)

    def run(self, every=10**9):
        """Interrupted after `every` so many rounds. What goes on does its last two epochs again."""
        running, rounds = [], 0
        while True:
            while len(running) < AT_A_TIME and (task := self.state.next_task()) is not None:
                running.append([task.number, self.begin(task.number)])
            if not running:
                return self
            for each in list(running):
                each[1] += 1
                if self.ends(*each):
                    running.remove(each)
            rounds += 1
            if rounds % every == 0:
                self.open()
                running.clear()

    def begin(self, number):
        self.trials[number] = TuneTrial({"number": number}, f"{len(self.opened)}_{number}")
        self.scheduler.on_trial_add(None, self.trials[number])
        known = max(self.state.trials()[number].intermediate_values, default=0)
        for epoch in range(max(known - 1, 1), known + 1):
            assert not self.ends(number, epoch)
        return known

    def ends(self, number, epoch):
        trial, last = self.trials[number], epoch == self.epochs
        result = {"epoch": epoch, "score": curve(number, epoch), "last_epoch": last}
        decision = self.scheduler.on_trial_result(None, trial, result)
        if last:
            result = {"ended": "COMPLETE", "score": math.nan}
            decision = self.scheduler.on_trial_result(None, trial, result)
        if decision == self.scheduler.STOP:
            self.scheduler.on_trial_complete(None, trial, result)
        return decision == self.scheduler.STOP

    @property
    def decisions(self):
        return [(each.state.name, max(each.intermediate_values, default=0)) for each in self.state.trials()]


@dataclass(eq=False)
class TuneTrial:
    config: dict
    trial_id: str  # another one in each run
    status: str = "RUNNING"


class ByNumber(optuna.samplers.RandomSampler):
    def before_trial(self, study, trial):
        self._rng.rng.seed(trial.number)


def curve(number, epoch):
    rng = np.random.default_rng(number)
    top, rate = rng.uniform(0.3, 1), rng.uniform(1, 6)
    return float(top * epoch / (epoch + rate) + 0.02 * np.random.default_rng([number, epoch]).normal())


PRUNERS = [
    {"type": "MedianPruner", "n_startup_trials": 3, "n_warmup_steps": 1},
    {"type": "PercentilePruner", "percentile": 40.0, "n_startup_trials": 3},
    {"type": "SuccessiveHalvingPruner"},
    {"type": "HyperbandPruner"},
    {"type": "ThresholdPruner", "lower": 0.2, "n_warmup_steps": 4},
    {"type": "PatientPruner", "wrapped_pruner": {"type": "MedianPruner", "n_startup_trials": 3}, "patience": 1},
    NONE := {"type": "NopPruner"},
]
RAYS = [
    {"type": "ASHAScheduler", "reduction_factor": 2},
    {"type": "AsyncHyperBandScheduler", "brackets": 2, "reduction_factor": 2},
    {"type": "MedianStoppingRule"},
]


@pytest.fixture
def search(tmp_path):
    def make(name, cfg, **settings):
        (tmp_path / name).mkdir(exist_ok=True)
        return Search(tmp_path / name, cfg, **settings)

    return make


@pytest.mark.parametrize("cfg", [*PRUNERS, *RAYS], ids=lambda cfg: cfg["type"])
def test_an_interrupted_search_takes_the_decisions_of_one_that_was_not(search, cfg):
    whole = search("whole", cfg).run()
    assert {state for state, _ in whole.decisions} == ({"COMPLETE"} if cfg == NONE else {"COMPLETE", "PRUNED"})
    interrupted = search("interrupted", cfg).run(every=3)
    assert len(interrupted.opened) > 3
    assert interrupted.decisions == whole.decisions


def test_ashas_rungs_are_rebuilt_in_every_bracket(search):
    cfg = {"type": "ASHAScheduler", "brackets": 2, "reduction_factor": 2}
    whole = search("whole", cfg).run()
    before = np.random.get_state()[1].tolist()  # noqa: NPY002
    again = RayScheduler(build_scheduler(cfg, "score", "max", EPOCHS), whole.state).scheduler
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002
    assert rungs(again) == rungs(whole.inner.scheduler)
    assert [len(bracket) for bracket in rungs(again)] == [4, 3]
    assert all(values for bracket in rungs(again) for _, values in bracket[1:])


def test_the_median_rule_has_each_epoch_once(search):
    whole = search("whole", {"type": "MedianStoppingRule"}).run()
    known = {int(trial.trial_id): len(results) for trial, results in whole.inner.scheduler._results.items()}
    assert known == {trial.number: len(trial.intermediate_values) for trial in whole.state.trials()}


def rungs(scheduler):
    return [bracket._rungs for bracket in scheduler._brackets]


def test_the_studys_own_pruner_is_set_for_its_sampler(search):
    assert isinstance(search("whole", {"type": "HyperbandPruner"}).state.study.pruner, optuna.pruners.HyperbandPruner)


def test_what_ends_at_rays_own_longest_is_complete_and_what_ends_before_is_pruned(search):
    whole = search("whole", {"type": "ASHAScheduler", "max_t": 4, "reduction_factor": 2}).run()
    assert set(whole.decisions) == {("PRUNED", 1), ("PRUNED", 2), ("COMPLETE", 4)}


@pytest.mark.parametrize("epochs", [1, 3, 4])
def test_a_waiting_trial_that_ray_ends_is_complete_only_at_full_length(search, epochs):
    whole = search("whole", {"type": "HyperBandScheduler", "max_t": 4})
    number = whole.state.next_task().number
    whole.begin(number)
    for epoch in range(1, epochs + 1):
        whole.state.report(number, epoch, {"score": 0.5})
    whole.scheduler.on_trial_remove(None, whole.trials[number])
    assert whole.decisions == [("COMPLETE" if epochs == 4 else "PRUNED", epochs)]


@pytest.mark.parametrize(
    ("cfg", "epochs", "expected"),
    [
        ({"type": "SuccessiveHalvingPruner"}, 40, {"_min_resource": 6, "_reduction_factor": 3}),
        ({"type": "SuccessiveHalvingPruner", "min_resource": "auto"}, 40, {"_min_resource": 6}),
        ({"type": "SuccessiveHalvingPruner", "min_resource": 2}, 40, {"_min_resource": 2}),
        ({"type": "HyperbandPruner"}, 40, {"_max_resource": 40}),
        ({"type": "HyperbandPruner", "max_resource": "auto"}, 40, {"_max_resource": 40}),
        ({"type": "HyperbandPruner", "max_resource": 20}, 40, {"_max_resource": 20}),
        ({"type": "ASHAScheduler"}, 40, {"_max_t": 40, "_metric": "AP", "_time_attr": "epoch"}),
        ({"type": "MedianStoppingRule"}, 40, {"_grace_period": 6, "_min_time_slice": math.inf}),
    ],
)
def test_what_a_training_is_long_decides_what_is_not_said(cfg, epochs, expected):
    built = vars(build_scheduler(cfg, "AP", "max", epochs))
    assert {key: built[key] for key in expected} == expected


def test_trials_are_compared_first_after_a_seventh_of_the_training():
    assert [first_look(epochs) for epochs in (1, 7, 8, 100)] == [1, 1, 2, 15]


def test_no_scheduler():
    assert build_scheduler(None, "AP", "max", 10) is None
    assert (max_t(None), why_not_resumed(None)) == (math.inf, "")


def test_a_longest_that_is_not_said_is_none():
    assert max_t({"type": "ASHAScheduler", "max_t": "auto"}) == max_t({"type": "ASHAScheduler"}) == math.inf


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_not_finite_fails_its_trial(search, value):
    whole = search("whole", {"type": "ASHAScheduler", "max_t": "auto"})
    number = whole.state.next_task().number
    whole.begin(number)
    for epoch, score in ((1, 0.5), (2, value)):
        result = {"epoch": epoch, "score": score, "last_epoch": False}
        decision = whole.scheduler.on_trial_result(None, whole.trials[number], result)
    (trial,) = whole.state.trials()
    assert (decision, trial.state, trial.user_attrs["reason"]) == ("STOP", TrialState.FAIL, "nan")
    assert trial.user_attrs["detail"] == f"score was {value} in epoch 2"


def test_schedulers_that_lead_trials_beyond_their_longest_have_none():
    assert max_t({"type": "ASHAScheduler", "max_t": 4, "stop_last_trials": False}) == math.inf


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("MedianPrunner", "unknown scheduler 'MedianPrunner'; did you mean 'MedianPruner'?"),
        ("AshaScheduler", "unknown scheduler 'AshaScheduler'; did you mean 'ASHAScheduler'?"),
        ("WilcoxonPruner", "compares instances of a problem, not epochs"),
        ("PB2", "'PB2' cannot be used: "),
        ("HyperBandForBOHB", "use HyperbandPruner"),
        ("ResourceChangingScheduler", "resources of running trials"),
        ("PopulationBasedTrainingReplay", "'PopulationBasedTrainingReplay' cannot be used: "),
    ],
)
def test_unknown_and_unsuitable_names(name, message):
    with pytest.raises(RayPoseError) as error:
        scheduler_class(name)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("cfg", "message"),
    [
        ({"type": "MedianPruner", "n_warmup": 2}, "takes no argument 'n_warmup'"),
        ({"type": "PercentilePruner", "percentile": 250.0}, "PercentilePruner: "),
        ({"type": "PercentilePruner"}, "needs the argument 'percentile'"),
        ({"type": "ThresholdPruner"}, "Either lower or upper must be specified"),
        ({"type": "PatientPruner", "wrapped_pruner": {"type": "ThresholdPruner"}, "patience": 1}, "ThresholdPruner: "),
        ({"type": "ASHAScheduler", "grace_period": 11}, "grace_period must be <= max_t"),
        (
            {"type": "ASHAScheduler", "time_attr": "training_iteration"},
            "time is counted in epochs; leave out time_attr",
        ),
        ({"type": "ASHAScheduler", "metric": "EPE"}, "it is that of tune.metric; leave out metric"),
    ],
)
def test_wrong_arguments(cfg, message):
    with pytest.raises(RayPoseError) as error:
        build_scheduler(cfg, "AP", "max", 10)
    assert message in str(error.value)


def test_what_lives_in_memory_alone_is_not_resumed(search):
    cfg = {"type": "HyperBandScheduler"}
    first = search("forgetful", cfg, trials=2)
    refuse_resume(first.state)  # nothing has begun
    first.state.next_task()
    with pytest.raises(RayPoseError, match="search with HyperBandScheduler cannot be resumed: it keeps its brackets"):
        refuse_resume(search("forgetful", cfg, trials=2).state)
    again = search("forgetful", cfg, trials=2)
    for _ in range(2):
        number = again.state.next_task().number
        again.state.report(number, 1, {"score": 0.5})
        again.state.finish(number, TrialState.COMPLETE)
    refuse_resume(search("forgetful", cfg, trials=2).state)  # nothing is left
    with pytest.raises(RayPoseError, match="--warm-start takes over"):
        refuse_resume(search("forgetful", cfg, trials=3).state)


def test_what_repeats_a_trial_is_resumed_without_its_scheduler(search):
    first = search("forgetful", {"type": "HyperBandScheduler"}, trials=1)
    number = first.state.next_task().number
    first.state.report(number, 1, {"score": 0.5})
    first.state.finish(number, TrialState.COMPLETE)
    first.state.draws.add({"x": 0.5}, "repeat", number)
    refuse_resume(search("forgetful", {"type": "HyperBandScheduler"}, trials=1).state)


def test_a_search_that_cannot_be_resumed_does_not_say_how_to_go_on(search):
    cfg = {"type": "HyperBandScheduler"}
    begun = search("begun", cfg, trials=3).state
    begun.next_task()
    assert ended(begun) == ("", None)
    begun.ending.put(over := Over("the budget is spent", change="--set tune.total_epochs=9"))
    assert ended(begun) == (f"the budget is spent; {why_not_resumed(cfg)}", None)
    fresh, whole = search("fresh", cfg, trials=3).state, search("whole", cfg, trials=1).state
    number = whole.next_task().number
    whole.report(number, 1, {"score": 0.5})
    whole.finish(number, TrialState.COMPLETE)
    whole.draws.add({"x": 0.5}, "repeat", number)
    for state in (fresh, whole):
        state.ending.put(over)
    assert "cannot be resumed" in ended(fresh)[0]
    assert ended(whole) == (whole.stopped, over.change)  # repeats go without the scheduler
    other = search("other", {"type": "HyperbandPruner"}, trials=3).state
    other.ending.put(over)
    assert ended(other) == (other.stopped, over.change)
