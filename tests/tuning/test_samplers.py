"""Samplers by name: seeded, quiet, with what they are made of, and a default that a resume keeps."""

import inspect
import io
import warnings

import optuna
import pytest
from optuna.trial import TrialState
from rich.console import Console

from raypose import RayPoseError
from raypose.config import Tune
from raypose.space import Space
from raypose.tuning import experiment
from raypose.tuning.sampling import samplers
from raypose.tuning.sampling.sampler_choice import CHOSEN, default, install
from raypose.tuning.sampling.samplers import BY_SEED, DEFAULTS, NEEDS, build_sampler, sampler_class
from raypose.tuning.search import tune
from raypose.tuning.search_state import SearchState

FLAT = Space.parse("name: flat\nlr: {choice: [0.1, 0.2, 0.3]}\ndepth: {randint: [1, 5]}")
BRANCHES = Space.parse("name: branches\nnet: {choice: [{type: A, x: {uniform: [0, 1]}}, {type: B}]}")
ARGUMENTS = {"PartialFixedSampler": {"fixed_params": {"depth": 2}, "base_sampler": {"type": "RandomSampler"}}}
NAMES = [
    name
    for name in optuna.samplers.__all__
    if isinstance(cls := getattr(optuna.samplers, name), type)
    and issubclass(cls, optuna.samplers.BaseSampler)
    and not inspect.isabstract(cls)
]


def build(name, seed=5, drawn=0, **given):
    for package in NEEDS.get(name, ()):
        pytest.importorskip(package)
    return build_sampler({"type": name, **ARGUMENTS.get(name, {}), **given}, seed, FLAT, drawn)


def draws(sampler, count=4):
    study = optuna.create_study(sampler=sampler)
    found = []
    for _ in range(count):
        trial = study.ask()
        found.append((trial.suggest_categorical("lr", ["0.1", "0.2", "0.3"]), trial.suggest_int("depth", 1, 4)))
        study.tell(trial, float(found[-1][1]))
    return found


@pytest.mark.parametrize("name", NAMES)
def test_every_sampler_of_optuna_is_built_and_seeded(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error", optuna.exceptions.ExperimentalWarning)
        one, two = build(name), build(name)
        later = build(name, drawn=3)
    assert isinstance(one, getattr(optuna.samplers, name))
    first = draws(one)
    assert first == draws(two)
    assert first[1] == draws(later)[1] or name not in BY_SEED  # the first one of a study is drawn at random
    assert len({str(draws(build(name, seed))) for seed in range(4)}) > 1


def test_what_optuna_has_is_what_the_tables_speak_of():
    assert {*DEFAULTS, *NEEDS, *BY_SEED} <= {*NAMES}
    for name, given in DEFAULTS.items():
        assert given.keys() <= inspect.signature(getattr(optuna.samplers, name)).parameters.keys()


def test_tpe_is_ready_for_conditional_spaces_and_parallel_trials():
    sampler = build_sampler({"type": "TPESampler", "n_startup_trials": 3}, seed=0)
    assert (sampler._multivariate, sampler._group, sampler._constant_liar) == (True, True, True)
    assert sampler._n_startup_trials == 3


def test_what_stands_inside_a_sampler_is_built_too():
    fixed = build("PartialFixedSampler", fixed_params={"lr": 0.2}, base_sampler={"type": "TPESampler"})
    assert {lr for lr, _ in draws(fixed)} == {"0.2"}
    inner = build("GPSampler", independent_sampler={"type": "TPESampler"})._independent_sampler
    assert isinstance(inner, optuna.samplers.TPESampler)
    crossover = build("NSGAIISampler", crossover={"type": "UniformCrossover", "swapping_prob": 0.2})
    assert draws(crossover)


def test_a_package_that_a_sampler_needs_is_named(monkeypatch):
    monkeypatch.setattr(samplers, "find_spec", lambda package: None)
    with pytest.raises(RayPoseError) as error:
        build_sampler({"type": "PartialFixedSampler", "fixed_params": {}, "base_sampler": {"type": "CmaEsSampler"}}, 0)
    assert str(error.value) == "CmaEsSampler needs the package 'cmaes', which is not installed; pip install cmaes"


@pytest.mark.parametrize(
    ("cfg", "message"),
    [
        ({"type": "TPSampler"}, "unknown sampler 'TPSampler'; did you mean 'TPESampler'?"),
        ({"type": "BaseGASampler"}, "unknown sampler 'BaseGASampler'"),
        ({"type": "NSGAIISampler", "crossover": {"type": "SBX"}}, "unknown crossover 'SBX'"),
        ({"type": "NSGAIISampler", "population_size": 1}, "NSGAIISampler: `population_size`"),
        ({"type": "TPESampler", "n_startup": 1}, "TPESampler takes no argument 'n_startup'"),
        ({"type": "GridSampler", "search_space": {"dept": [1]}}, "no dimension 'dept'; did you mean 'depth'?"),
        ({"type": "GridSampler", "search_space": {"depth": [9]}}, "`1 <= depth <= 4` must hold, but got 9"),
    ],
)
def test_mistakes(cfg, message):
    with pytest.raises(RayPoseError) as error:
        build_sampler(cfg, 0, FLAT)
    assert message in str(error.value)


def test_the_name_of_no_class_is_refused():
    with pytest.raises(RayPoseError, match="unknown sampler 'nsgaii'"):
        sampler_class("nsgaii")


def open_state(folder, space, cfg, **settings):
    (folder / "trials").mkdir(exist_ok=True)
    state = SearchState(space, folder, Tune(metric="score", num_trials=99, sampler=cfg, **settings), seed=7)
    install(state.study, space, state.tune, 7)
    return state


def run(state, count=99):
    found = []
    while len(found) < count and (task := state.next_task()) is not None:
        state.report(task.number, 1, {"score": 0.5})
        state.finish(task.number, TrialState.COMPLETE)
        found.append((task.config["lr"], task.config["depth"]))
    return found


@pytest.mark.parametrize("name", ["GridSampler", "BruteForceSampler"])
def test_an_exhausted_grid_ends_the_search_and_a_resume_does_not_begin_it_again(tmp_path, name):
    first = run(open_state(tmp_path, FLAT, {"type": name}), 5)
    state = open_state(tmp_path, FLAT, {"type": name})
    waiting = [state.next_task() for _ in range(2)]  # two at a time, interrupted
    again = open_state(tmp_path, FLAT, {"type": name})
    rest = run(again)
    assert len(waiting) == 2
    assert sorted([*first, *rest]) == sorted((lr, depth) for lr in (0.1, 0.2, 0.3) for depth in (1, 2, 3, 4))
    assert again.stopped == f"{name} has tried all that it has to try"
    assert again.over.drain


def test_a_grid_of_what_is_given(tmp_path):
    cfg = {"type": "GridSampler", "search_space": {"depth": [1, 3]}}
    assert sorted(run(open_state(tmp_path, FLAT, cfg))) == [(lr, depth) for lr in (0.1, 0.2, 0.3) for depth in (1, 3)]


@pytest.mark.parametrize(
    ("space", "settings", "name", "why"),
    [
        (BRANCHES, {"scheduler": None}, "TPESampler", "other dimensions, such as 'net.A.x'"),
        (FLAT, {}, "TPESampler", "stopped early"),
        (FLAT, {"scheduler": {"type": "PopulationBasedTraining"}}, "TPESampler", "most of a population"),
        (FLAT, {"scheduler": None, "constraints": ["flops <= 1e9"]}, "TPESampler", "draws that break a constraint"),
        (FLAT, {"scheduler": None, "constraints": ["AP >= 0.5"]}, "TPESampler", "trials that break a constraint"),
        (FLAT, {"metric": ["AP", "EPE"]}, "TPESampler", "with several objectives"),
        (FLAT, {"scheduler": None, "num_trials": 500}, "TPESampler", "in a search of more than 200 trials"),
        (FLAT, {"scheduler": None, "num_trials": 80}, "AlternatingSampler", "the same dimensions"),
    ],
)
def test_the_default_follows_the_space_and_the_budget_and_says_why(space, settings, name, why):
    cfg, said = default(space, Tune(**settings))
    assert cfg["type"] == name
    assert why in said
    build_sampler(cfg, 0, space)


def test_samplers_that_take_turns_learn_from_each_other_and_draw_differently():
    pytest.importorskip("scipy")
    cfg = {"type": "AlternatingSampler", "samplers": [{"type": "RandomSampler"}, {"type": "RandomSampler"}], "until": 6}
    study = optuna.create_study(sampler=build_sampler(cfg, 0))
    values = [study.ask().suggest_float("x", 0, 1) for _ in range(9)]
    own = [[study.ask().suggest_float("x", 0, 1) for _ in range(6)] for study in map(random_study, (0, 1))]
    assert values == [own[0][0], own[1][0], own[0][1], own[1][1], own[0][2], own[1][2], *own[1][3:]]
    with pytest.raises(RayPoseError, match="must have one at least"):
        build_sampler({"type": "AlternatingSampler", "samplers": []}, 0)


def random_study(seed):
    return optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))


def test_a_resume_keeps_the_sampler_of_the_first_start():
    study = optuna.create_study()
    assert install(study, BRANCHES, Tune(), 0).startswith("sampler: TPESampler, since it learns")
    assert study.user_attrs[CHOSEN]["cfg"] == {"type": "TPESampler"}
    study.set_user_attr(CHOSEN, {"cfg": {"type": "RandomSampler"}, "why": "it was so"})
    assert install(study, BRANCHES, Tune(), 0) == "sampler: RandomSampler, since it was so"
    assert isinstance(study.sampler, optuna.samplers.RandomSampler)
    assert install(study, BRANCHES, Tune(sampler={"type": "QMCSampler"}), 0) == ""
    assert isinstance(study.sampler, optuna.samplers.QMCSampler)


def test_the_sampler_is_said_only_where_something_runs(tmp_path):
    space = Space.parse("{name: done, x: {uniform: [0, 1]}, tune: {metric: score, num_trials: 1}}")
    folder = experiment.open_folder(space, tmp_path, space.default(), resume=False)
    experiment.keep_space(space, folder, space.default(), resume=False)
    state = SearchState(space, folder, Tune(metric="score", num_trials=1), seed=0)
    task = state.next_task()
    state.report(task.number, 1, {"score": 0.5})
    state.finish(task.number, TrialState.COMPLETE)
    console = Console(file=(out := io.StringIO()))
    result = tune(space, trial=lambda config, run: None, experiments=tmp_path, resume=True, console=console)
    assert (result.best.value, out.getvalue()) == (0.5, "")
