"""A journal that is read many trials at once gives what Optuna reads of it line by line."""

import json
import random

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study import StudyDirection
from optuna.trial import TrialState, create_trial

from raypose.journal_file import OneWriter
from raypose.journal_folded import Folded, parsed

KINDS = CategoricalDistribution(["a", "b", "c"])
SPACE = {"kind": KINDS, "lr": FloatDistribution(1e-4, 1e-1, log=True), "depth": IntDistribution(1, 9)}


def write(file, rounds=120, seed=0, directions=("maximize",)):
    """A study by chance: trials that go on beside each other, that wait, are added whole, or are told of too late."""
    rng, storage = random.Random(seed), JournalStorage(OneWriter(str(file)))
    study = optuna.create_study(study_name="s", storage=storage, directions=directions, load_if_exists=True)
    study.set_user_attr("seed", seed)
    live = []

    def begin():
        live.append(study.ask()._trial_id)

    def draw():
        name = rng.choice([*SPACE])
        distribution = SPACE[name]
        value = {"kind": rng.choice("abc"), "lr": rng.uniform(1e-4, 1e-1), "depth": rng.randint(1, 9)}[name]
        storage.set_trial_param(rng.choice(live), name, distribution.to_internal_repr(value), distribution)

    def report():
        storage.set_trial_intermediate_value(rng.choice(live), rng.randint(1, 5), rng.choice([0.5, float("nan"), 2.0]))

    def attr():
        storage.set_trial_user_attr(rng.choice(live), rng.choice("xyz"), {"n": rng.random(), "text": "é\udcff"})
        storage.set_trial_system_attr(rng.choice(live), rng.choice("xyz"), rng.random())

    def end():
        state = rng.choice([TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL])
        values = [rng.random() for _ in directions] if state == TrialState.COMPLETE else None
        storage.set_trial_state_values(live.pop(rng.randrange(len(live))), state, values)

    def add():
        study.enqueue_trial({"kind": "a"})
        values = [1.0 for _ in directions]
        study.add_trial(create_trial(values=values, params={"depth": 3}, distributions={"depth": SPACE["depth"]}))

    begin()
    for _ in range(rounds):
        rng.choice([begin, draw, draw, report, report, attr, end, add] if live else [begin])()
    return storage


def read(backend):
    study = optuna.load_study(study_name="s", storage=JournalStorage(backend))
    return study, study.get_trials(deepcopy=False)


def compare(file, backend=None):
    (ours, mine), (theirs, expected) = read(backend or Folded(str(file))), read(JournalFileBackend(str(file)))
    assert [repr(trial.__dict__) for trial in mine] == [repr(trial.__dict__) for trial in expected]  # nan is nan, too
    assert [list(trial.params) for trial in mine] == [list(trial.params) for trial in expected]
    assert (ours.user_attrs, ours.directions) == (theirs.user_attrs, theirs.directions)
    return mine


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("directions", [("maximize",), ("maximize", "minimize")], ids=len)
def test_all_trials_are_as_optuna_reads_them(tmp_path, seed, directions):
    write(tmp_path / "journal", seed=seed, directions=directions)
    assert len({trial.state for trial in compare(tmp_path / "journal")}) >= 4


def test_what_is_appended_follows(tmp_path):
    file = tmp_path / "journal"
    write(file, seed=1)
    storage = JournalStorage(Folded(str(file)))
    study = optuna.load_study(study_name="s", storage=storage)
    before = len(study.trials)
    write(file, seed=2)  # resumed: a second record of the same study, among others
    (_, expected) = read(JournalFileBackend(str(file)))
    assert repr(study.get_trials()) == repr(expected)
    assert len(expected) > before


def test_a_line_that_is_being_written_waits(tmp_path):
    file = tmp_path / "journal"
    write(file, rounds=50)
    content = file.read_bytes()
    whole, torn = content.rstrip(b"\n").rsplit(b"\n", 1)
    file.write_bytes(whole + b"\n" + torn[:20])
    backend = Folded(str(file))
    storage = JournalStorage(backend)
    file.write_bytes(content)
    assert repr(storage.get_all_trials(0)) == repr(read(JournalFileBackend(str(file)))[1])


def test_what_optuna_refuses_is_left_out(tmp_path):
    """A parameter whose choices have changed, and a trial that had ended."""
    file = tmp_path / "journal"
    storage = JournalStorage(OneWriter(str(file)))
    study = storage.create_new_study([StudyDirection.MAXIMIZE], "s")
    first, second = storage.create_new_trial(study), storage.create_new_trial(study)
    storage.set_trial_param(second, "kind", 2, KINDS)
    with pytest.raises(ValueError, match="dynamic value space"):
        storage.set_trial_param(first, "kind", 0, CategoricalDistribution(["other"]))
    storage.set_trial_state_values(first, TrialState.FAIL)
    with pytest.raises(optuna.exceptions.UpdateFinishedTrialError):
        storage.set_trial_user_attr(first, "late", 1)
    assert b"late" in file.read_bytes()
    assert [(trial.params, trial.user_attrs) for trial in compare(file)] == [({}, {}), ({"kind": "c"}, {})]


def test_what_it_does_not_know_is_left_to_optuna(tmp_path):
    file = tmp_path / "journal"
    write(file, rounds=60)
    JournalStorage(JournalFileBackend(str(file))).create_new_study([StudyDirection.MINIMIZE], "t")
    JournalStorage(JournalFileBackend(str(file))).delete_study(1)
    compare(file)


def test_it_is_for_reading_only(tmp_path):
    write(tmp_path / "journal", rounds=5)
    with pytest.raises(NotImplementedError):
        JournalStorage(Folded(str(tmp_path / "journal"))).create_new_trial(0)


@pytest.mark.parametrize(
    "bad", [b'{"a": 1\n2}\n{"b": 3}\n', b'{"a": 1},{"b": 2}\nnull\n{"c": 3}\n', b"\x00\xff\n{}\n{}\n"]
)
def test_a_damaged_line_before_the_last_is_an_error(bad):
    with pytest.raises(ValueError, match="no record"):
        parsed(bad)


def test_a_damaged_last_line_waits_as_with_optuna():
    good = json.dumps({"a": 1}).encode() + b"\n"
    assert parsed(good + b"{\n") == ([{"a": 1}], len(good))
