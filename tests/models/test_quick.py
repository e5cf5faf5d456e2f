"""Batch normalisation on `meta` in one operation: shapes, gradients, memory and errors are torch's."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.functional import batch_norm

from raypose.models.quick import Quick


def gradients(net, x):
    x = x.clone().requires_grad_()
    y = net(x)
    y.sum().backward()
    return [y, x.grad, *(each.grad for each in net.parameters())]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize(("norm", "shape"), [(nn.BatchNorm2d, (2, 6, 5, 4)), (nn.BatchNorm1d, (3, 6))])
def test_shapes_and_layouts_are_torchs(norm, shape, affine, training):
    with torch.device("meta"):
        net, x = norm(6, affine=affine).train(training), torch.empty(shape)
        if x.ndim == 4:
            x = x.to(memory_format=torch.channels_last)
        expected = gradients(net, x)
        net.zero_grad()
        with Quick():
            found = gradients(net, x)
    assert [(each.shape, each.stride(), each.dtype) for each in found] == [
        (each.shape, each.stride(), each.dtype) for each in expected
    ]


def test_as_much_is_kept_for_the_backward_pass():
    def kept(x):
        sizes = []
        with torch.autograd.graph.saved_tensors_hooks(
            lambda each: sizes.append(each.nbytes) or each, lambda each: each
        ):
            nn.BatchNorm2d(6, device="meta")(x)
        return sum(size for size in sizes if size > 100)  # all but what is as long as the channels

    x = torch.empty(2, 6, 5, 4, device="meta", requires_grad=True)
    with Quick():
        quick = kept(x)
    assert quick == kept(x) == x.nbytes


def test_values_are_left_alone():
    x = torch.randn(4, 3, 5, 5)
    net = nn.BatchNorm2d(3)
    with Quick():
        quick = net(x)
    assert torch.equal(quick, nn.BatchNorm2d(3)(x))


@pytest.mark.parametrize(
    ("norm", "shape", "error"),
    [(nn.BatchNorm2d(5), (2, 6, 4, 4), RuntimeError), (nn.BatchNorm2d(6), (1, 6, 1, 1), ValueError)],
    ids=["channels", "one value"],
)
def test_what_torch_refuses_is_refused(norm, shape, error):
    for device in ("cpu", "meta"):
        with Quick(), pytest.raises(error):
            norm.to(device)(torch.empty(shape, device=device))


def test_it_is_used():
    with Quick(), torch.device("meta"):
        y = batch_norm(torch.empty(2, 3, 4, 4), None, None, training=True)
        z = batch_norm(torch.empty(2, 3, 4, 4, requires_grad=True), None, None, training=True)
    assert y.shape == z.shape
    assert type(z.grad_fn).__name__ == "_BatchNormBackward"
