from __future__ import annotations

import math

import pytest
import torch

from raypose import LOSSES
from raypose.models.losses.flow import RealNVP
from raypose.models.losses.rle import RLELoss


@pytest.fixture(scope="module")
def flow():
    """A flow that bends the plane noticeably."""
    torch.manual_seed(0)
    found = RealNVP(num_layers=4, channels=8).requires_grad_(False)
    for parameter in found.parameters():
        parameter.copy_(torch.randn_like(parameter) * 0.5)
    return found


def slow_latent(flow, x, y):
    """The coupling layers as the paper has them, number by number, from the data's side."""

    def net(layers, value, position):
        values = [0.0, 0.0]
        values[position] = value
        for layer in layers:
            if isinstance(layer, torch.nn.Linear):
                rows, bias = layer.weight.tolist(), layer.bias.tolist()
                values = [
                    b + sum(w * v for w, v in zip(r, values, strict=True)) for r, b in zip(rows, bias, strict=True)
                ]
            elif isinstance(layer, torch.nn.Tanh):
                values = [math.tanh(v) for v in values]
            else:
                values = [v if v > 0 else 0.01 * v for v in values]
        return values

    point = [x, y]
    for i in reversed(range(len(flow.s))):
        kept, moved = (1, 0) if i % 2 == 0 else (0, 1)
        scale, shift = (net(nets[i], point[kept], kept)[moved] for nets in (flow.s, flow.t))
        point[moved] = (point[moved] - shift) * math.exp(-scale)
    return point


class TestFlow:
    def test_equals_a_slow_loop(self, flow):
        points = torch.tensor([[0.3, -1.2], [2.0, 0.5], [-0.7, -0.1]])
        expected = torch.tensor([slow_latent(flow, *point) for point in points.tolist()])
        torch.testing.assert_close(flow.to_latent(points)[0], expected, atol=1e-5, rtol=1e-4)

    def test_density_is_the_change_of_variables(self, flow):
        normal = torch.distributions.MultivariateNormal(torch.zeros(2), torch.eye(2))
        for point in torch.tensor([[0.3, -1.2], [2.0, 0.5], [-0.7, -0.1]]):
            jacobian = torch.autograd.functional.jacobian(lambda x: flow.to_latent(x)[0], point)
            expected = normal.log_prob(flow.to_latent(point)[0]) + jacobian.det().abs().log()
            torch.testing.assert_close(flow.log_prob(point), expected, atol=1e-5, rtol=1e-4)

    def test_density_integrates_to_one(self, flow):
        side = torch.linspace(-20, 20, 401)
        grid = torch.cartesian_prod(side, side)
        total = flow.log_prob(grid).exp().sum() * (side[1] - side[0]) ** 2
        assert total.item() == pytest.approx(1, abs=0.01)

    def test_starts_as_a_standard_normal(self):
        torch.manual_seed(0)
        points = torch.randn(100, 2)
        expected = torch.distributions.Normal(0, 1).log_prob(points).sum(-1)
        assert (RealNVP().log_prob(points) - expected).abs().mean() < 0.2

    def test_layers_reach_both_coordinates(self, flow):
        jacobian = torch.autograd.functional.jacobian(lambda x: flow.to_latent(x)[0], torch.tensor([0.3, -1.2]))
        assert jacobian.abs().min() > 1e-3


def example():
    generator = torch.Generator().manual_seed(0)
    points, sigma = torch.rand(3, 5, 2, generator=generator), torch.rand(3, 5, 2, generator=generator)
    return torch.cat((points, 0.1 + 0.4 * sigma), -1), torch.rand(3, 5, 2, generator=generator)


class TestRLELoss:
    @pytest.mark.parametrize("residual", [True, False])
    @pytest.mark.parametrize(("name", "density"), [
        ("laplace", torch.distributions.Laplace(0, 1)), ("gaussian", torch.distributions.Normal(0, 1)),
    ])  # fmt: skip
    def test_is_minus_the_log_of_the_densities(self, name, density, residual):
        loss = RLELoss(q_distribution=name, residual=residual)
        output, target = example()
        sigma = output[..., 2:] + 1e-4
        error = (output[..., :2] - target) / sigma
        likelihood = loss.flow_model.log_prob(error) - sigma.log().sum(-1)
        if residual:
            likelihood = likelihood + density.log_prob(error).sum(-1)
        torch.testing.assert_close(loss(output, target, torch.ones(3, 5, 1)), -likelihood.mean())

    def test_without_size_average_is_the_sum(self):
        torch.manual_seed(0)
        loss, (output, target) = RLELoss(), example()
        weight = torch.ones(3, 5, 1)
        weight[0, :3] = 0
        mean, ones = loss(output, target, weight), loss(output, target)
        loss.size_average = False
        torch.testing.assert_close(loss(output, target, weight), 12 * mean)
        torch.testing.assert_close(loss(output, target), 15 * ones)

    def test_is_the_same_under_autocast(self):
        loss, (output, target) = RLELoss(), example()
        with torch.autocast("cpu", torch.bfloat16):
            value = loss(output, target)
        assert value.dtype == torch.float32
        assert value.item() == loss(output, target).item()

    def test_half_precision_is_widened(self):
        loss, (output, target) = RLELoss(), example()
        value = loss(output.half(), target.half())
        assert value.dtype == torch.float32
        assert value.item() == pytest.approx(loss(output, target).item(), rel=1e-2)

    def test_no_sigma_and_enormous_errors_are_finite(self):
        loss, (output, target) = RLELoss(), example()
        output[..., 2:] = 0
        output[0, 0, :2] = 1e16
        value = loss(output.requires_grad_(), target)
        value.backward()
        assert value.isfinite()
        assert output.grad.isfinite().all()

    def test_flow_is_trained(self):
        """Errors to one side are what the flow can learn and a symmetric density can't."""
        torch.manual_seed(0)
        loss = LOSSES.build({"type": "RLELoss"})
        error = torch.distributions.Gamma(2.0, 2.0).sample((1, 128, 2)) - 1
        output = torch.cat((torch.full((1, 128, 2), 0.5), torch.full((1, 128, 2), 0.2)), -1)
        optimizer = torch.optim.Adam(loss.parameters(), lr=5e-3)
        values = []
        for _ in range(40):
            optimizer.zero_grad()
            value = loss(output, 0.5 + 0.2 * error)
            value.backward()
            optimizer.step()
            values.append(value.item())
        assert all(parameter.grad is not None for parameter in loss.parameters())
        assert values[-1] < values[0] - 0.3

    def test_sigma_becomes_the_spread_of_the_errors(self):
        """Under a flow that stays a standard normal."""
        loss = RLELoss(residual=False)
        loss.flow_model = RealNVP(num_layers=1, channels=1)
        for parameter in loss.parameters():
            torch.nn.init.zeros_(parameter)
        target = 0.5 + 0.1 * torch.randn(1, 500, 2, generator=torch.Generator().manual_seed(0))
        mean, raw = torch.full((1, 500, 2), 0.5), torch.zeros(1, 1, 2, requires_grad=True)
        optimizer = torch.optim.Adam([raw], lr=0.1)
        for _ in range(80):
            optimizer.zero_grad()
            loss(torch.cat((mean, raw.sigmoid().expand_as(mean)), -1), target).backward()
            optimizer.step()
        assert raw.sigmoid().flatten().tolist() == pytest.approx([0.1, 0.1], abs=0.01)
