import errno
import os

import optuna
import pytest
import torch

from raypose import RayPoseError
from raypose.tuning.faults.failures import ALIKE, FirstFailures, all_fail, is_disk_full, reason, telling_disk_full


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (ValueError("no"), "raised"),
        (FloatingPointError("nan"), "nan"),
        (MemoryError(), "out_of_memory"),
        (torch.OutOfMemoryError("CUDA out of memory"), "out_of_memory"),
        (OSError(errno.EIO, "broken"), "raised"),
    ],
)
def test_each_error_has_its_reason(error, word):
    assert reason(error) == word


@pytest.mark.parametrize(
    ("reasons", "alike"),
    [
        (["nan"] * ALIKE, True),
        (["nan"] * (ALIKE - 1), False),
        (["nan"] * (ALIKE - 1) + ["raised"], False),
        ([""] + ["nan"] * ALIKE, False),  # one that did not fail
        ([""] * ALIKE, False),
        (["raised", *["nan"] * 9], False),  # not the first ones
    ],
)
def test_only_the_first_five_failing_for_one_reason_end_a_search(reasons, alike):
    first = FirstFailures()
    assert (True in [first.alike(each) for each in reasons]) is alike


@pytest.mark.parametrize(
    ("state", "what", "alike"),
    [("COMPLETE", {}, False), ("PRUNED", {}, False), ("PRUNED", {"role": "infeasible"}, True), ("FAIL", {}, True)],
)
def test_a_search_that_had_a_trial_that_did_not_fail_is_not_ended_at_a_resume(state, what, alike):
    trial = optuna.trial.create_trial(
        state=optuna.trial.TrialState[state], value=0.5 if state == "COMPLETE" else None, user_attrs=what
    )
    first = FirstFailures([trial])
    assert (True in [first.alike("nan") for _ in range(ALIKE)]) is alike


def test_why_all_fail_is_told_in_whole_lines(tmp_path):
    told = str(all_fail("raised", "  File x\nValueError: no\n", tmp_path / "log.txt")).splitlines()
    assert told[1:] == [
        "  File x",
        "ValueError: no",
        f"the whole story is in {tmp_path / 'log.txt'}; mend it and go on with --resume",
    ]


def full():
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_is_known_behind_what_came_of_it(tmp_path):
    as_torch_says_it = RuntimeError("unexpected pos 704 vs 598")
    as_torch_says_it.__context__ = full()
    assert is_disk_full(as_torch_says_it)
    assert is_disk_full(OSError(errno.EDQUOT, "quota"))
    assert not is_disk_full(OSError(errno.EACCES, "no"))
    loop = ValueError("a")
    loop.__context__ = loop
    assert not is_disk_full(loop)


def test_a_full_disk_is_told_with_its_folder_and_how_to_go_on(tmp_path):
    with pytest.raises(RayPoseError, match=r"no space left on the disk of .*; free some, .* --resume") as caught, \
            telling_disk_full(tmp_path):  # fmt: skip
        raise full()
    assert caught.value.exit_status == 1
    with pytest.raises(PermissionError), telling_disk_full(tmp_path):
        raise PermissionError("no")


def test_torch_fails_to_save_on_a_full_disk_in_a_way_that_is_known(monkeypatch, tmp_path):
    from raypose.training import checkpoints

    real = open

    class Full:
        def __init__(self, path, mode):
            self.file = real(path, mode)

        def __enter__(self):
            return self

        def __exit__(self, *args):
            self.file.close()

        def write(self, data):
            raise full()

        def __getattr__(self, name):
            return getattr(self.file, name)

    monkeypatch.setattr(checkpoints, "open", Full, raising=False)
    with pytest.raises((OSError, RuntimeError)) as caught:
        checkpoints.save({"w": torch.zeros(100_000)}, tmp_path / "weights.pt")
    assert is_disk_full(caught.value)
    assert not list(tmp_path.iterdir())
