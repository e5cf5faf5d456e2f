import pytest
import torch
from torch import nn

from raypose.training.precision import Precision, layout


@pytest.mark.parametrize(
    ("conv", "device", "expected"),
    [
        (nn.Conv2d(8, 8, 1, stride=2), "cpu", torch.contiguous_format),
        (nn.Conv2d(8, 8, 1, stride=2), "cuda", torch.channels_last),
        (nn.Conv2d(8, 8, 1), "cpu", torch.channels_last),
        (nn.Conv2d(16, 8, 1, stride=2), "cpu", torch.channels_last),
        (nn.Conv2d(8, 8, 3, stride=2), "cpu", torch.channels_last),
    ],
)
def test_layout(conv, device, expected):
    assert layout(nn.Sequential(conv), device) == expected


def test_a_cpu_trains_in_full_precision_unless_told():
    assert Precision("auto", "cpu").name == "fp32"
    with Precision("bf16", "cpu").autocast():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.bfloat16
    with Precision("fp32", "cpu").autocast():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32
