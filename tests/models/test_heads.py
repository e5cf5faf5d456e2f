from __future__ import annotations

import inspect
import itertools
import math
from types import SimpleNamespace

import pytest
import torch

from raypose import HEADS, RayPoseError
from raypose.kinds import KINDS
from raypose.models.heads import (
    DeepposeRegressionHead,
    DSNTHead,
    HeatmapHead,
    IntegralRegressionHead,
    RLEHead,
    RTMCCHead,
    SimCCHead,
    TopdownHeatmapMultiStageHead,
)
from raypose.models.heads.gau import GatedAttentionUnit, GAUConfig
from raypose.registry import build_from_cfg, parameters

BINS = SimpleNamespace(output="simcc", simcc_split_ratio=2.0)
COMBINED = SimpleNamespace(output="combined", maps=3)
CODECS = {"simcc": BINS, "combined": COMBINED}
STAGES, KEYPOINTS, CHANNELS = 2, 5, 8
BUILTIN = [name for name in HEADS if HEADS.get(name).__module__.startswith("raypose.")]


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def kinds(name):
    output = HEADS.get(name).output
    return (output,) if isinstance(output, str) else output


EVERY_KIND = [(name, kind) for name in BUILTIN for kind in kinds(name)]


def build(name, kind, size=(2, 3), stride=32, **cfg):
    """A head that gives `kind`, for maps of `size` (width, height)."""
    given = {
        "in_channels": CHANNELS, "num_keypoints": KEYPOINTS, "in_stride": stride, "in_featuremap_size": size,
        "input_size": (size[0] * stride, size[1] * stride), "num_stages": STAGES, "codec": CODECS.get(kind),
    }  # fmt: skip
    taken = {key: value for key, value in given.items() if key in parameters(HEADS.get(name))}
    small = {"num_deconv_filters": 6} if "num_deconv_filters" in parameters(HEADS.get(name)) else {}
    return build_from_cfg({"type": name, **taken, **small, **cfg}, HEADS)


def features(head, size=(2, 3), number=2, layout=torch.contiguous_format):
    """What the head takes: a map, or the maps of its stages."""
    generator = torch.Generator().manual_seed(0)
    maps = [torch.randn(number, CHANNELS, size[1], size[0], generator=generator) for _ in range(STAGES)]
    maps = [each.contiguous(memory_format=layout) for each in maps]
    return tuple((each,) for each in maps) if getattr(head, "multi_stage", False) else maps[0]


def parts(output):
    """Every tensor of an output."""
    return list(itertools.chain.from_iterable(map(parts, output))) if isinstance(output, (list, tuple)) else [output]


def expected_shapes(kind, size, stride, number=2):
    width, height = size[0] * stride, size[1] * stride
    maps = (height // 4, width // 4)
    of_keypoints = {
        "heatmap": [maps], "combined": [(3, *maps)], "coordinates": [(2,)], "rle": [(4,)],
        "simcc": [(2 * width,), (2 * height,)], "coordinates+density": [(2,), maps],
    }  # fmt: skip
    return [(number, KEYPOINTS, *shape) for shape in of_keypoints[kind]]


@pytest.mark.parametrize(("name", "kind"), EVERY_KIND)
class TestEveryHead:
    @pytest.mark.parametrize(("size", "stride"), [((2, 3), 32), ((5, 3), 16), ((4, 4), 4)])
    @pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
    def test_gives_its_kind_and_learns(self, name, kind, size, stride, layout):
        head = build(name, kind, size, stride).to(memory_format=layout)
        head.init_weights()
        output = head(features(head, size, layout=layout))
        assert isinstance(output, list) == getattr(head, "multi_stage", False)
        assert isinstance(output, tuple) == (kind in ("simcc", "coordinates+density"))
        for stage in output if isinstance(output, list) else [output]:
            assert [tuple(each.shape) for each in parts(stage)] == expected_shapes(kind, size, stride)
        sum((each**2).sum() for each in parts(output)).backward()
        for parameter_name, parameter in head.named_parameters():
            assert parameter.grad is not None, parameter_name
            assert parameter.grad.isfinite().all(), parameter_name

    def test_declares_a_known_kind_and_says_which_one_it_gives(self, name, kind):
        assert kind in KINDS
        assert build(name, kind).output == kind

    def test_memory_layout_and_batch_change_nothing(self, name, kind):
        head = build(name, kind).eval()
        both = parts(head(features(head)))
        last = parts(head.to(memory_format=torch.channels_last)(features(head, layout=torch.channels_last)))
        torch.testing.assert_close(last, both, atol=1e-5, rtol=1e-5)
        first = features(head)
        first = tuple((maps[0][:1],) for maps in first) if isinstance(first, tuple) else first[:1]
        torch.testing.assert_close(parts(head(first)), [each[:1] for each in both], atol=1e-5, rtol=1e-5)

    def test_runs_on_meta(self, name, kind):
        with torch.device("meta"):
            head = build(name, kind, (6, 8))
        output = head(_to_meta(features(head, (6, 8))))
        assert all(each.is_meta for each in parts(output))
        stages = output if isinstance(output, list) else [output]
        for each in stages:
            assert [tuple(part.shape) for part in parts(each)] == expected_shapes(kind, (6, 8), 32)

    def test_owns_codec_and_loss_and_leaves_the_losss_weights_alone(self, name, kind):
        loss = torch.nn.Linear(2, 2)
        before = loss.weight.clone()
        head = build(name, kind, loss_keypoint=loss)
        head.init_weights()
        assert head.loss_keypoint is loss
        assert head.codec is CODECS.get(kind)
        torch.testing.assert_close(loss.weight, before)
        assert [key for key in head.state_dict() if "loss" in key] == ["loss_keypoint.weight", "loss_keypoint.bias"]

    def test_first_weights_are_small(self, name, kind):
        head = build(name, kind, (6, 8))
        head.init_weights()
        for module in head.modules():
            if isinstance(module, (torch.nn.Conv2d, torch.nn.ConvTranspose2d, torch.nn.Linear)):
                std = 0.01 if isinstance(module, torch.nn.Linear) else 0.001
                assert module.weight.std().item() == pytest.approx(std, rel=0.5)
                assert module.bias is None or not module.bias.any()

    def test_its_signature_shows_every_argument(self, name, kind):
        known = inspect.signature(HEADS.get(name)).parameters
        assert {"in_channels", "num_keypoints", "codec", "loss_keypoint"} <= known.keys()
        assert not {"self", "args", "kwargs"} & known.keys()
        assert not [each for each in parameters(HEADS.get(name)).values() if isinstance(each.annotation, str)]

    def test_what_it_cannot_take_is_named(self, name, kind):
        head = build(name, kind)
        for wrong in (torch.zeros(2, CHANNELS, 3), (torch.zeros(2, CHANNELS, 3, 2),)):
            given = ((wrong,), (wrong,)) if getattr(head, "multi_stage", False) else wrong
            got = r"\[2, 8, 3\]" if isinstance(wrong, torch.Tensor) else "a tuple"
            with pytest.raises(RayPoseError, match=rf"{type(head).__name__} needs a map \[N,C,.*, but got {got}"):
                head(given)


def _to_meta(value):
    return tuple(map(_to_meta, value)) if isinstance(value, tuple) else value.to("meta")


def count(module):
    return sum(each.numel() for each in module.parameters())


class TestHeatmaps:
    def test_names_of_mmpose(self):
        assert HEADS.get("TopdownHeatmapSimpleHead") is HeatmapHead
        with torch.device("meta"):
            plain = HeatmapHead(8, 5, num_deconv_layers=2).state_dict()
            stacked = TopdownHeatmapMultiStageHead(8, 5, num_stages=2, num_deconv_layers=1).state_dict()
        norm = ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]
        layer = ["0.weight", *(f"1.{each}" for each in norm)]
        second = ["3.weight", *(f"4.{each}" for each in norm)]
        final = ["weight", "bias"]
        expected = [f"deconv_layers.{each}" for each in layer + second] + [f"final_layer.{each}" for each in final]
        assert list(plain) == expected
        expected = [f"multi_deconv_layers.{i}.{each}" for i in (0, 1) for each in layer]
        assert list(stacked) == expected + [f"multi_final_layers.{i}.{each}" for i in (0, 1) for each in final]

    @pytest.mark.parametrize(
        ("channels", "classifier", "published"), [(384, 2.73, 6.03), (512, 4.89, 8.58), (1024, 27.16, 32.44)]
    )
    def test_published_parameters(self, channels, classifier, published):
        """MMPose's table of CSPNeXt with deconvolutions: the ImageNet model less its last layer, plus this head."""
        with torch.device("meta"):
            head = HeatmapHead(channels, 17)
        backbone = classifier - 1000 * (channels + 1) / 1e6
        assert backbone + count(head) / 1e6 == pytest.approx(published, abs=0.011)  # of figures rounded to 0.01

    @pytest.mark.parametrize("kernel", [1, 3])
    def test_combined_channels_are_in_mmposes_order(self, kernel):
        head = HeatmapHead(CHANNELS, KEYPOINTS, codec=COMBINED, final_conv_kernel=kernel).eval()
        x = features(head)
        flat = head.final_layer(head.deconv_layers(x))
        assert flat.shape == (2, 3 * KEYPOINTS, 24, 16)
        assert head.final_layer.kernel_size == (kernel, kernel)
        output = head(x)
        for k, part in itertools.product(range(KEYPOINTS), range(3)):
            torch.testing.assert_close(output[:, k, part], flat[:, 3 * k + part])

    def test_each_stage_has_its_own_layers(self):
        head = build("TopdownHeatmapMultiStageHead", "combined").eval()
        stages = features(head)
        for i, output in enumerate(head(stages)):
            flat = head.multi_final_layers[i](head.multi_deconv_layers[i](stages[i][0]))
            torch.testing.assert_close(output[:, 1, 2], flat[:, 5])

    def test_no_stage_is_named(self):
        with pytest.raises(RayPoseError, match="'num_stages' must be greater than 0, but got 0"):
            build("TopdownHeatmapMultiStageHead", "heatmap", num_stages=0)

    def test_another_number_of_stages_is_named(self):
        head = build("TopdownHeatmapMultiStageHead", "heatmap", num_stages=3)
        with pytest.raises(RayPoseError, match="num_stages is 3, but the backbone has 2"):
            head(features(head))

    @pytest.mark.parametrize(("name", "cfg", "message"), [
        ("HeatmapHead", {"num_deconv_kernels": 5}, "'num_deconv_kernels' must be 2, 3 or 4, but got 5"),
        ("HeatmapHead", {"num_deconv_kernels": [4, 4, 1]}, "'num_deconv_kernels' must be 2, 3 or 4, but got 1"),
        ("HeatmapHead", {"num_deconv_filters": 0}, "'num_deconv_filters' must be greater than 0, but got 0"),
        ("HeatmapHead", {"num_deconv_filters": [8, 8, -1]}, "'num_deconv_filters' must be greater than 0, but got -1"),
        ("HeatmapHead", {"num_deconv_filters": [8, 8]}, "num_deconv_filters is one number or 3"),
        ("HeatmapHead", {"num_deconv_layers": 4}, "'num_deconv_layers' must be 0, 1, 2 or 3, but got 4"),
        ("HeatmapHead", {"num_keypoints": 0}, "'num_keypoints' must be greater than 0"),
        ("IntegralRegressionHead", {"beta": 0}, "'beta' must be greater than 0"),
        ("DSNTHead", {"beta": -1}, "'beta' must be greater than 0"),
        ("SimCCHead", {"num_deconv_kernels": 1}, "'num_deconv_kernels' must be 2, 3 or 4"),
        ("RTMCCHead", {"final_layer_kernel_size": 2}, "'final_layer_kernel_size' must be 1, 3, 5, 7 or 9"),
    ])  # fmt: skip
    def test_wrong_values(self, name, cfg, message):
        with pytest.raises(RayPoseError, match=message):
            build(name, "simcc" if "CC" in name else None, **cfg)

    def test_a_codec_of_another_kind_narrows_nothing(self):
        head = HeatmapHead(8, 5, codec=SimpleNamespace(output="coordinates"))
        assert head.output == HeatmapHead.output == ("heatmap", "combined")


class TestMeansOfHeatmaps:
    def test_soft_argmax_against_loops(self):
        head = build("IntegralRegressionHead", "coordinates", beta=3.0).eval()
        x = features(head)
        heatmaps = HeatmapHead.forward(head, x).detach()
        height, width = heatmaps.shape[2:]
        coordinates = head(x)
        for n, k in itertools.product(range(2), range(KEYPOINTS)):
            exponentials = [[math.exp(3 * v) for v in row] for row in heatmaps[n, k].tolist()]
            total = sum(map(sum, exponentials))
            mean_x = sum(e / total * (j + 0.5) / width for row in exponentials for j, e in enumerate(row))
            mean_y = sum(e / total * (i + 0.5) / height for i, row in enumerate(exponentials) for e in row)
            assert coordinates[n, k].tolist() == pytest.approx([mean_x, mean_y], abs=1e-5)

    def test_dsnt_gives_the_density_that_its_coordinates_are_the_mean_of(self):
        head, plain = (build(name, None).eval() for name in ("DSNTHead", "IntegralRegressionHead"))
        plain.load_state_dict(head.state_dict())
        coordinates, density = head(features(head))
        torch.testing.assert_close(coordinates, plain(features(head)))
        torch.testing.assert_close(density.sum((2, 3)), torch.ones(2, KEYPOINTS))
        assert (density >= 0).all()
        assert isinstance(head, HeatmapHead)
        assert (DSNTHead.output, IntegralRegressionHead.output) == ("coordinates+density", "coordinates")

    def test_arguments_arrive_by_position_and_by_name(self):
        head = IntegralRegressionHead(CHANNELS, KEYPOINTS, 1, 4, num_deconv_kernels=2, beta=2.0)
        assert (head.beta, head.final_layer.in_channels, head.deconv_layers[0].kernel_size) == (2.0, 4, (2, 2))
        known = inspect.signature(DSNTHead).parameters
        assert known["beta"].default == 10.0
        assert known["num_deconv_filters"].annotation == parameters(HeatmapHead)["num_deconv_filters"].annotation


class TestRegression:
    @pytest.mark.parametrize(("head", "values"), [(DeepposeRegressionHead, 2), (RLEHead, 4)])
    def test_against_loops(self, head, values):
        head = head(CHANNELS, KEYPOINTS)
        x = features(head)
        pooled = [[sum(map(sum, x[n, c].tolist())) / 6 for c in range(CHANNELS)] for n in range(2)]
        weight, bias = head.fc.weight.tolist(), head.fc.bias.tolist()
        output = head(x)
        for n, k, v in itertools.product(range(2), range(KEYPOINTS), range(values)):
            row = k * values + v
            expected = sum(w * p for w, p in zip(weight[row], pooled[n], strict=True)) + bias[row]
            expected = 1 / (1 + math.exp(-expected)) if v >= 2 else expected
            assert output[n, k, v].item() == pytest.approx(expected, abs=1e-5)
        torch.testing.assert_close(head(x.mean((2, 3))), output)
        with pytest.raises(RayPoseError, match=r"needs a map \[N,C,H,W\] or vectors \[N,C\], but got \[8\]"):
            head(x[0, :, 0, 0])

    def test_names_of_mmpose(self):
        assert HEADS.get("RegressionHead") is DeepposeRegressionHead
        for head, rows in ((DeepposeRegressionHead, 34), (RLEHead, 68)):
            shapes = {name: tuple(each.shape) for name, each in head(2048, 17).state_dict().items()}
            assert shapes == {"fc.weight": (rows, 2048), "fc.bias": (rows,)}


class TestSimCC:
    @pytest.mark.parametrize("deconvs", [0, 1])
    def test_against_loops(self, deconvs):
        head = build("SimCCHead", "simcc", num_deconv_layers=deconvs).eval()
        x = features(head)
        maps = head.deconv_head(x) if deconvs else head.final_layer(x)
        assert maps.shape == (2, KEYPOINTS, 3 * 2**deconvs, 2 * 2**deconvs)
        rows = [[value for line in maps[1, k].tolist() for value in line] for k in range(KEYPOINTS)]
        for logits, layer in zip(head(x), (head.mlp_head_x, head.mlp_head_y), strict=True):
            for k, line in itertools.product(range(KEYPOINTS), (0, 7, -1)):
                products = [w * v for w, v in zip(layer.weight[line].tolist(), rows[k], strict=True)]
                assert logits[1, k, line].item() == pytest.approx(sum(products) + layer.bias[line].item(), abs=1e-4)

    def test_names_and_shapes_of_mmpose(self):
        """MMPose's ResNet-50 with SimCC at 256x192, and its variant without deconvolutions."""
        size = {"input_size": (192, 256), "in_featuremap_size": (6, 8), "codec": BINS}
        with torch.device("meta"):
            state = SimCCHead(2048, 17, **size).state_dict()
            without = SimCCHead(2048, 17, num_deconv_layers=0, **size).state_dict()
        assert state["deconv_head.deconv_layers.0.weight"].shape == (2048, 256, 4, 4)
        assert state["deconv_head.final_layer.weight"].shape == (17, 256, 1, 1)
        assert {key.rpartition(".")[0] for key in state if "deconv_layers" not in key} == {
            "deconv_head.final_layer", "mlp_head_x", "mlp_head_y",
        }  # fmt: skip
        assert [state[f"mlp_head_{axis}.weight"].shape for axis in "xy"] == [(384, 48 * 64), (512, 48 * 64)]
        assert {key: tuple(each.shape) for key, each in without.items()} == {
            "final_layer.weight": (17, 2048, 1, 1), "final_layer.bias": (17,),
            "mlp_head_x.weight": (384, 48), "mlp_head_x.bias": (384,),
            "mlp_head_y.weight": (512, 48), "mlp_head_y.bias": (512,),
        }  # fmt: skip

    @pytest.mark.parametrize("name", ["SimCCHead", "RTMCCHead"])
    def test_bins_are_whole(self, name):
        codec = SimpleNamespace(output="simcc", simcc_split_ratio=1.3)
        head = build(name, "simcc", codec=codec, input_size=(65, 99))
        assert [each.shape[2] for each in head(features(head))] == [84, 128]

    @pytest.mark.parametrize("name", ["SimCCHead", "RTMCCHead"])
    def test_mistakes_are_named(self, name):
        head = build(name, "simcc")
        with pytest.raises(RayPoseError, match=rf"{name} needs a map \[N,C,3,2\], but got \[2, 8, 2, 3\]"):
            head(features(head, (3, 2)))
        with pytest.raises(RayPoseError, match=rf"{name} needs a map \[N,C,H,W\], but gets vectors"):
            build(name, "simcc", in_featuremap_size=None)
        with pytest.raises(
            RayPoseError, match="needs a codec with a 'simcc_split_ratio', but SimpleNamespace has none"
        ):
            build(name, "simcc", codec=COMBINED)
        with pytest.raises(RayPoseError, match=f"{name} needs the argument 'codec'"):
            build_from_cfg({"type": name, "in_channels": 8}, HEADS)


def slow_gau(unit, x, cfg):
    """The unit on tokens x [T][D], by loops over Python floats."""
    state = {name: each.tolist() for name, each in unit.state_dict().items()}
    act = {"SiLU": lambda v: v / (1 + math.exp(-v)), "ReLU": lambda v: max(v, 0)}[cfg.act_fn]
    inner, number = int(cfg.hidden_dims * cfg.expansion_factor), len(x)
    gates, values, queries, keys = [], [], [], []
    for position, token in enumerate(x):
        root = max(math.sqrt(sum(v * v for v in token) / len(token)), 1e-5)
        normed = [v / root * state["ln.g"][0] for v in token]
        projected = [act(sum(w * v for w, v in zip(row, normed, strict=True))) for row in state["uv.weight"]]
        gates.append(projected[:inner])
        values.append(projected[inner : 2 * inner])
        for i, rows in enumerate((queries, keys)):
            row = [v * state["gamma"][i][j] + state["beta"][i][j] for j, v in enumerate(projected[2 * inner :])]
            half = cfg.s // 2
            if cfg.pos_enc:
                turned = [
                    complex(row[j], row[j + half]) * complex(math.cos(a), math.sin(a))
                    for j in range(half)
                    for a in [position * 10000 ** (-j / half)]
                ]
                row = [v.real for v in turned] + [v.imag for v in turned]
            rows.append(row)
    output = []
    for t in range(number):
        mixed = [0.0] * inner
        for u in range(number):
            score = sum(q * k for q, k in zip(queries[t], keys[u], strict=True))
            score += state["w"][number - 1 + u - t] if cfg.use_rel_bias else 0
            weight = max(score / math.sqrt(cfg.s), 0) ** 2
            mixed = [m + weight * v for m, v in zip(mixed, values[u], strict=True)]
        gated = [m * g for m, g in zip(mixed, gates[t], strict=True)]
        main = [sum(w * v for w, v in zip(row, gated, strict=True)) for row in state["o.weight"]]
        output.append([s * v + m for s, v, m in zip(state["res_scale.scale"], x[t], main, strict=True)])
    return output


class TestRTMCC:
    @pytest.mark.parametrize(
        "arguments",
        [{}, {"act_fn": "ReLU"}, {"use_rel_bias": True}, {"pos_enc": True}, {"expansion_factor": 1.5, "s": 6}],
    )
    def test_the_gated_attention_unit_against_loops(self, arguments):
        cfg = GAUConfig(**{"hidden_dims": 6, "s": 4, **arguments})
        unit = GatedAttentionUnit(4, cfg)
        for parameter in unit.parameters():
            torch.nn.init.normal_(parameter)
        tokens = torch.randn(2, 4, 6)
        expected = torch.tensor([slow_gau(unit, each.tolist(), cfg) for each in tokens])
        torch.testing.assert_close(unit(tokens), expected, atol=1e-4, rtol=1e-4)

    def test_the_head_against_its_parts(self):
        head = build("RTMCCHead", "simcc", gau_cfg={"hidden_dims": 6, "s": 4}).eval()
        x = features(head)
        maps = torch.nn.functional.conv2d(x, head.final_layer.weight, head.final_layer.bias, padding=3)
        for n in range(2):
            tokens = []
            for k in range(KEYPOINTS):
                pixels = [value for line in maps[n, k].tolist() for value in line]
                root = math.sqrt(sum(v * v for v in pixels) / 6)
                weight = head.mlp[1].weight.tolist()
                tokens.append([sum(w * v / root for w, v in zip(row, pixels, strict=True)) for row in weight])
            attended = torch.tensor(slow_gau(head.gau, tokens, GAUConfig(hidden_dims=6, s=4)))
            for logits, layer in zip(head(x), (head.cls_x, head.cls_y), strict=True):
                torch.testing.assert_close(logits[n], attended @ layer.weight.T, atol=1e-4, rtol=1e-4)

    def test_names_and_shapes_of_mmpose(self):
        """RTMPose-m's published weights at 256x192."""
        with torch.device("meta"):
            state = RTMCCHead(768, 17, (192, 256), (6, 8), BINS).state_dict()
        assert {key: tuple(each.shape) for key, each in state.items()} == {
            "final_layer.weight": (17, 768, 7, 7), "final_layer.bias": (17,),
            "mlp.0.g": (1,), "mlp.1.weight": (256, 48),
            "gau.gamma": (2, 128), "gau.beta": (2, 128), "gau.o.weight": (256, 512), "gau.uv.weight": (1152, 256),
            "gau.ln.g": (1,), "gau.res_scale.scale": (256,),
            "cls_x.weight": (384, 256), "cls_y.weight": (512, 256),
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("channels", "classifier", "published"),
        [(384, 2.73, 3.34), (512, 4.89, 5.47), (768, 13.05, 13.59), (1024, 27.16, 27.66)],
    )
    def test_published_parameters(self, channels, classifier, published):
        """RTMPose's table: the ImageNet model less its last layer, plus this head."""
        with torch.device("meta"):
            head = RTMCCHead(channels, 17, (192, 256), (6, 8), BINS)
        backbone = classifier - 1000 * (channels + 1) / 1e6
        assert backbone + count(head) / 1e6 == pytest.approx(published, abs=0.011)  # of figures rounded to 0.01

    def test_drop_path_and_dropout_work_in_training_alone(self):
        x = torch.randn(3, 4, 8)
        plain = GatedAttentionUnit(4, GAUConfig(hidden_dims=8, s=4))
        for name in ("drop_path", "dropout_rate"):
            unit = GatedAttentionUnit(4, GAUConfig(hidden_dims=8, s=4, **{name: 1.0}))
            unit.load_state_dict(plain.state_dict())
            torch.testing.assert_close(unit(x), x)
            assert not torch.allclose(plain(x), x)
            torch.testing.assert_close(unit.eval()(x), plain(x))

    @pytest.mark.parametrize(
        ("gau_cfg", "message"),
        [
            ({"hidden_dim": 128}, "gau_cfg has no key 'hidden_dim'; did you mean 'hidden_dims'"),
            ({"act_fn": "Silu"}, "gau_cfg: 'act_fn' must be 'SiLU' or 'ReLU', but got 'Silu'"),
            ({"hidden_dims": "big"}, "gau_cfg: 'hidden_dims' must be an? .*integer.*, but got 'big'"),
            ({"hidden_dims": -1}, "gau_cfg: 'hidden_dims' must be greater than 0, but got -1"),
            ({"dropout_rate": 2}, "gau_cfg: 'dropout_rate' must be less than or equal to 1, but got 2"),
            ({"s": 63, "pos_enc": True}, "gau_cfg: pos_enc turns pairs of values: s must be even, but got 63"),
            ({"expansion_factor": 0.001}, r"hidden_dims \* expansion_factor must be at least 1"),
            ({"heads": 8, "act_fn": "Tanh"}, "(?s)no key 'heads'.*'act_fn' must be .* got 'Tanh'"),
        ],
    )
    def test_mistakes_are_named(self, gau_cfg, message):
        with pytest.raises(RayPoseError, match=message):
            build("RTMCCHead", "simcc", gau_cfg=gau_cfg)

    def test_takes_mmposes_gau_cfg(self):
        gau_cfg = {"hidden_dims": 256, "s": 128, "expansion_factor": 2, "dropout_rate": 0.0, "drop_path": 0.0}
        build("RTMCCHead", "simcc", gau_cfg={**gau_cfg, "act_fn": "SiLU", "use_rel_bias": False, "pos_enc": False})


@pytest.mark.parametrize("name", ["DeepposeRegressionHead", "RLEHead", "SimCCHead", "RTMCCHead", "DSNTHead"])
def test_positions_keep_their_precision_under_autocast(name):
    head = build(name, kinds(name)[0]).eval()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = parts(head(features(head)))
    assert {each.dtype for each in output} == {torch.float32}
