"""What a worker leaves behind for the next trial."""

import weakref

import pytest
import torch

from raypose.tuning import worker
from raypose.tuning.task import Task
from raypose.tuning.worker import Worker


class Model:
    """And what knows it."""

    def __init__(self):
        self.trainer = [self]


@pytest.mark.parametrize("end", [SystemExit, ValueError, None])
def test_a_gpus_memory_is_free_for_neighbours_when_a_trial_has_ended(end, tmp_path, monkeypatch):
    """Also of a trial that is stopped early, which leaves by SystemExit."""
    monkeypatch.setattr(worker, "_place", dict)
    models, left = [], []
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: left.append(models[0]()))

    def trial(config, run):
        model = Model()
        models.append(weakref.ref(model))
        if end is not None:
            raise end

    made = Worker(trial, str(tmp_path), (), {}, {}, threads=1, gpus=1.0)
    task = Task(0, {}, {}, "x: 1\n", seed=0)
    folder = worker.TrialFolder(tmp_path / "trials" / "0000")
    if end is SystemExit:
        with pytest.raises(SystemExit):
            made._go(folder, task)
    else:
        made._go(folder, task)
    assert left == [None]
