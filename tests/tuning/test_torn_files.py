"""What a kill, or a full disk, leaves of an experiment's files: read, written on, and read again."""

import contextlib
import json
import pickle
import resource

import optuna
import pytest
from optuna.trial import TrialState

from raypose import RayPoseError, journal
from raypose.cli import main
from raypose.config import Tune
from raypose.reporting.records import load_records
from raypose.space import Space
from raypose.training.trial_folder import TrialFolder, read_metrics
from raypose.tuning.search_state import SearchState

SPACE = """
name: torn
x: {uniform: [0, 1]}
kind: {choice: [{type: A, depth: {choice: [18, 50]}}, {type: B}]}
tune: {metric: score}
"""


def opened(folder, **settings):
    (folder / "trials").mkdir(parents=True, exist_ok=True)
    tune = Tune(**{"metric": "score", "num_trials": 6, **settings})
    state = SearchState(Space.parse(SPACE), folder, tune, seed=3)
    state.study.sampler = optuna.samplers.RandomSampler(seed=len(state.trials()))
    return state


def run(state, values=(0.1, 0.2), end=TrialState.COMPLETE):
    task = state.next_task()
    for epoch, value in enumerate(values, 1):
        state.report(task.number, epoch, {"score": value + task.number})
    if end:
        state.finish(task.number, end)
    return task


def facts(folder):
    return [(t.number, t.state, t.values, t.params, t.intermediate_values) for t in journal.load_study(folder).trials]


def test_the_journal_survives_a_kill_at_any_byte_of_its_last_two_records(tmp_path):
    state = opened(tmp_path / "whole")
    run(state)
    run(state, end=None)
    content = (tmp_path / "whole" / journal.FILE_NAME).read_bytes()
    last_two = content[:-1].rindex(b"\n", 0, content[:-1].rindex(b"\n")) + 1
    finished = facts(tmp_path / "whole")[0]
    assert len(content) - last_two > 100
    for cut in range(last_two, len(content)):
        folder = tmp_path / str(cut)
        folder.mkdir()
        path = folder / journal.FILE_NAME
        path.write_bytes(content[:cut])
        assert facts(folder)[0] == finished  # a reader, which changes nothing
        assert path.read_bytes() == content[:cut]
        if last_two + 2 < cut < len(content) - 2 and cut % 23:
            continue  # writing on takes its time
        again = opened(folder)
        assert facts(folder)[0] == finished
        assert run(again).number == 1  # the interrupted one, under its number
        assert run(again).number == 2
        told = facts(folder)
        assert [each[:2] for each in told] == [(n, TrialState.COMPLETE) for n in range(3)]
        assert [(t.number, t.state, t.values, t.params, t.intermediate_values) for t in opened(folder).trials()] == told


def test_a_journal_without_a_whole_record_is_no_experiment_yet(tmp_path):
    state = opened(tmp_path)
    run(state)
    path = tmp_path / journal.FILE_NAME
    for content in (b"", path.read_bytes()[:20]):
        path.write_bytes(content)
        with pytest.raises(RayPoseError, match="without trials"):
            load_records(tmp_path)
        assert run(opened(tmp_path)).number == 0


@pytest.mark.parametrize("line", [b'{"op_code": 6, "worker', b"\x00\r\xff", b"[1]", b"{}"])
@pytest.mark.parametrize("number", [1, 4, -1])
def test_a_damaged_line_is_named_and_what_is_before_it_can_be_had(tmp_path, line, number):
    run(opened(tmp_path))
    path = tmp_path / journal.FILE_NAME
    lines = path.read_bytes().splitlines(keepends=True)
    lines[number - 1 if number > 0 else number] = line + b"\n"
    path.write_bytes(b"".join(lines))
    at = number if number > 0 else len(lines)
    message = rf"study.journal:{at}: the journal is damaged: .*; restore .* head -n {at - 1} "
    with pytest.raises(RayPoseError, match=message):
        opened(tmp_path)
    assert path.read_bytes() == b"".join(lines)
    if number > 0:  # of the last line a reader cannot know whether more of it is to come
        with pytest.raises(RayPoseError, match=message):
            load_records(tmp_path)
    path.write_bytes(b"".join(lines[: at - 1]))
    assert run(opened(tmp_path)).number == 0


@contextlib.contextmanager
def room_for(path, count):
    """Within it, no file can be written beyond `count` more bytes than `path` has."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + count, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("count", [0, 1, 40, 130])  # bytes, of the first record and of the second
def test_what_was_written_in_part_is_taken_back_and_the_trial_goes_on(tmp_path, count):
    state = opened(tmp_path)
    run(state)
    task = run(state, end=None)
    path, known = tmp_path / journal.FILE_NAME, facts(tmp_path)
    before = path.read_bytes()
    with room_for(path, count), pytest.raises(OSError, match="File too large"):
        state.finish(task.number, TrialState.FAIL, "raised", "why")
    after = path.read_bytes()
    assert after.startswith(before)
    assert len(after) <= len(before) + count
    assert after.endswith(b"\n")
    assert facts(tmp_path) == known
    again = opened(tmp_path)
    assert run(again).number == task.number
    assert run(again).number == task.number + 1
    assert facts(tmp_path)[0] == known[0]


@pytest.mark.parametrize("how", ["attribute", "trial"])
def test_no_sampler_unpickles_what_a_foreign_journal_holds(tmp_path, how):
    pytest.importorskip("cmaes")
    marker = tmp_path / "ran"
    state = opened(tmp_path, num_trials=20)
    task = run(state)
    evil = {"cma:optimizer:0": f"cos\nmkdir\n(V{marker}\ntR.".encode().hex()}
    with pytest.raises(FileNotFoundError):  # it would run
        pickle.loads(f"cos\nmkdir\n(V{marker}/x\ntR.".encode())
    if how == "attribute":
        run(state, end=None)
        for name, value in evil.items():
            state.storage.set_trial_system_attr(task.number + 1, name, value)
        state.finish(task.number + 1, TrialState.COMPLETE)
    else:
        done = state.trials()[task.number]
        state.study.add_trial(optuna.trial.create_trial(
            value=1.0, params=done.params, distributions=done.distributions, system_attrs=evil))  # fmt: skip
    again = opened(tmp_path, num_trials=20)
    again.study.sampler = optuna.samplers.CmaEsSampler(seed=1, n_startup_trials=1)
    for _ in range(12):
        run(again)
    assert not marker.exists()
    assert any("cma:optimizer:0" in each.system_attrs for each in again.trials())  # it was asked, and learnt


@pytest.mark.parametrize("content", [b"", b'{"state": "RUN', b"\x00" * 50, b"[1]"])
def test_a_cut_meta_file_is_written_again(tmp_path, content):
    state = opened(tmp_path)
    task = run(state, end=None)
    meta = state.files.path(task.number) / "meta.json"
    meta.parent.mkdir(parents=True)
    meta.write_bytes(content)
    state.finish(task.number, TrialState.COMPLETE)
    assert json.loads(meta.read_text())["state"] == "COMPLETE"
    meta.write_bytes(content)
    opened(tmp_path)  # a start tidies
    assert json.loads(meta.read_text())["state"] == "COMPLETE"


@pytest.mark.parametrize("torn", [b'{"epoch": 3, "sc', b"\x00" * 30, b"\x00" * 30 + b"\n", b'{"epoch": 3}'])
def test_metrics_are_read_up_to_what_is_torn_and_written_on_from_there(tmp_path, torn):
    folder = TrialFolder(tmp_path)
    folder.open("x: 1\n", {})
    folder.record(1, {"score": 0.1})
    folder.record(2, {"score": 0.2})
    folder.close("RUNNING")
    path = tmp_path / "metrics.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + torn)
    assert [row["epoch"] for row in read_metrics(tmp_path)] == [1, 2]
    assert path.read_bytes() == whole + torn  # a reader changes nothing: the trial may be writing
    again = TrialFolder(tmp_path)
    again.open("x: 1\n", {})
    again.record(3, {"score": 0.3})
    again.close("COMPLETE")
    assert [row["epoch"] for row in read_metrics(tmp_path)] == [1, 2, 3]


def test_a_yaml_file_of_an_experiment_runs_no_code(tmp_path, capsys):
    run(opened(tmp_path))
    evil = f"name: torn\nx: !!python/object/apply:os.mkdir ['{tmp_path / 'ran'}']\n"
    (tmp_path / "space.yaml").write_text(evil)
    with pytest.raises(SystemExit) as left:
        main(["show", str(tmp_path)])
    assert left.value.code in (0, 2)
    with pytest.raises(RayPoseError):
        Space.load(tmp_path / "space.yaml").config()
    assert not (tmp_path / "ran").exists()
