import optuna
import pytest

from raypose import RayPoseError
from raypose.tuning.factory import build_sampler, build_scheduler, sampler_class, scheduler_class


@pytest.mark.parametrize("name", ["TPESampler", "RandomSampler", "CmaEsSampler", "QMCSampler", "NSGAIISampler"])
def test_samplers_are_optunas_and_seeded(name):
    if name == "CmaEsSampler":
        pytest.importorskip("cmaes", reason="CmaEsSampler needs the package cmaes")
    values = []
    for _ in range(2):
        study = optuna.create_study(sampler=build_sampler({"type": name}, seed=5))
        values.append([study.ask().suggest_float("x", 0, 1) for _ in range(3)])
    assert isinstance(study.sampler, getattr(optuna.samplers, name))
    assert values[0] == values[1]


def test_tpe_is_ready_for_conditional_spaces_and_parallel_trials():
    sampler = build_sampler({"type": "TPESampler", "n_startup_trials": 3}, seed=0)
    assert (sampler._multivariate, sampler._group, sampler._constant_liar) == (True, True, True)
    assert sampler._n_startup_trials == 3


@pytest.mark.parametrize(
    "cfg",
    [
        {"type": "MedianPruner", "n_warmup_steps": 2},
        {"type": "SuccessiveHalvingPruner"},
        {"type": "HyperbandPruner"},
        {"type": "PercentilePruner", "percentile": 25.0},
        {"type": "PatientPruner", "wrapped_pruner": {"type": "MedianPruner"}, "patience": 2},
    ],
)
def test_pruners_are_optunas(cfg):
    assert isinstance(build_scheduler(cfg, "AP", "max", 10), getattr(optuna.pruners, cfg["type"]))


@pytest.mark.parametrize("name", ["ASHAScheduler", "MedianStoppingRule", "FIFOScheduler"])
def test_ray_schedulers_get_the_metric(name):
    scheduler = build_scheduler({"type": name}, "EPE", "min", 10)
    if name != "FIFOScheduler":
        assert scheduler.metric == "EPE"


def test_no_scheduler():
    assert build_scheduler(None, "AP", "max", 10) is None


@pytest.mark.parametrize(
    ("find", "name", "message"),
    [
        (sampler_class, "TPSampler", "unknown sampler 'TPSampler'; did you mean 'TPESampler'?"),
        (scheduler_class, "MedianPrunner", "unknown scheduler 'MedianPrunner'; did you mean 'MedianPruner'?"),
        (scheduler_class, "AshaScheduler", "unknown scheduler 'AshaScheduler'; did you mean 'ASHAScheduler'?"),
        (scheduler_class, "WilcoxonPruner", "compares instances of a problem, not epochs"),
        (scheduler_class, "PopulationBasedTraining", "copies weights between trials"),
    ],
)
def test_unknown_and_unsuitable_names(find, name, message):
    with pytest.raises(RayPoseError) as error:
        find(name)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("cfg", "message"),
    [
        ({"type": "MedianPruner", "n_warmup": 2}, "takes no argument 'n_warmup'"),
        ({"type": "PercentilePruner", "percentile": 250.0}, "PercentilePruner: "),
        ({"type": "PercentilePruner"}, "needs the argument 'percentile'"),
    ],
)
def test_wrong_arguments(cfg, message):
    with pytest.raises(RayPoseError) as error:
        build_scheduler(cfg, "AP", "max", 10)
    assert message in str(error.value)
