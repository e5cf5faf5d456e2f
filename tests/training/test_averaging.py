"""Averaged weights, against torch's own."""

import copy

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from raypose.training.averaging import Averaged


def test_it_is_torchs_average():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))
    ours = Averaged(model, 0.9)
    theirs = AveragedModel(copy.deepcopy(model), multi_avg_fn=get_ema_multi_avg_fn(0.9), use_buffers=True)
    for _ in range(4):
        with torch.no_grad():
            for each in model.parameters():
                each += torch.randn_like(each)
        model(torch.randn(2, 3, 4, 4))
        ours.update_parameters(model)
        theirs.update_parameters(model)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for name, value in theirs.state_dict().items():
        expected = model[1].num_batches_tracked if name.endswith("num_batches_tracked") else value
        torch.testing.assert_close(ours.state_dict()[name], expected)
    assert not torch.equal(ours.module[0].weight, model[0].weight)
