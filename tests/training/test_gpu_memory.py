"""A GPU without enough memory is told with the batch size and the peak, and nothing keeps the tensors."""

import gc
import weakref
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from raypose.errors import RayPoseError
from raypose.training import gpu_memory
from raypose.training.trainer import Trainer
from raypose.training.validation import Validation
from raypose.tuning.faults.failures import detail, reason

MESSAGE = (
    "out of GPU memory in a training step with batch size 64: peak 14.2 GiB of 15.9 GiB on Tesla T4; "
    "a smaller training.batch_size helps, or a bound such as tune.constraints: ['memory <= 8e9']"
)


@pytest.fixture(autouse=True)
def small_gpu(monkeypatch):
    told = gpu_memory.Usage(int(14.2 * 2**30), int(15.9 * 2**30), "Tesla T4")
    monkeypatch.setattr(gpu_memory, "usage", lambda device: told)


class Hungry(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.activations = None

    def loss(self, *batch):
        held = torch.ones(3)
        self.activations = weakref.ref(held)
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")

    evaluate = loss


def batch(count=64):
    image, index = torch.zeros(count, 3, 8, 8), range(count)
    points = torch.zeros(count, 2, 2)
    return SimpleNamespace(image=image, keypoints=points, visible=points[..., 0], index=index, inverse=None)


def failed_step(model):
    optimizer = torch.optim.SGD(model.parameters())
    trainer = Trainer(model, optimizer, torch.optim.lr_scheduler.ConstantLR(optimizer), [], lambda model: {})
    with pytest.raises(RayPoseError) as raised:
        trainer.step(batch())
    return raised.value


def test_it_says_what_was_asked_for_and_what_there_is():
    error = failed_step(Hungry())
    assert str(error) == MESSAGE
    assert error.problems[0].rule == "gpu-memory"
    assert error.exit_status == 1


def test_it_keeps_no_tensors():
    model = Hungry()
    error = failed_step(model)
    gc.collect()
    assert error.__context__ is None
    assert model.activations() is None


def test_the_trial_fails_for_that_reason():
    error = failed_step(Hungry())
    assert reason(error) == "out_of_memory"
    assert detail(error).endswith(MESSAGE)


def test_validation_says_so_too():
    table = SimpleNamespace(keypoints=torch.zeros(64, 2, 3))
    validation = Validation(table, SimpleNamespace(epoch=lambda: [batch()]), lambda *_: {})
    model = Hungry()
    model.evaluate = lambda *_, flip_pairs: model.loss()
    with pytest.raises(RayPoseError, match="in validation with batch size 64"):
        validation(model)
