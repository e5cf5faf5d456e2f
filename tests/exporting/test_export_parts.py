"""What every head, codec and loss does with an output can be traced for any batch, and written as ONNX."""

from __future__ import annotations

import pytest
import torch
from tiny import KEYPOINTS, SIZE, build, crops

from raypose import CODECS, HEADS, LOSSES
from raypose.exporting.comparing import compare
from raypose.exporting.graph import to_onnx
from raypose.exporting.outputs import BY_KIND, outputs
from raypose.kinds import KINDS, mismatches

# Arguments of a codec that take another way through `decode`.
VARIANTS = {
    "MSRAHeatmap": [{}, {"unbiased": False}],
    "UDPHeatmap": [{}, {"heatmap_type": "combined"}],
    "SimCCLabel": [{}, {"use_dark": True}],
}
ARGUMENTS = {
    "HeatmapHead": {"num_deconv_layers": 0},
    "TopdownHeatmapMultiStageHead": {"num_deconv_layers": 0},
    "DSNTHead": {"num_deconv_layers": 0},
    "IntegralRegressionHead": {"num_deconv_layers": 0},
    "SimCCHead": {"num_deconv_layers": 0},
    "RTMCCHead": {"gau_cfg": {"hidden_dims": 16, "s": 8, "pos_enc": True, "use_rel_bias": True}},
}
MAP = (SIZE[1] // 4, SIZE[0] // 4)
OUTPUTS = {
    "heatmap": [MAP], "combined": [(3, *MAP)], "coordinates": [(2,)], "rle": [(4,)],
    "simcc": [(2 * SIZE[0],), (2 * SIZE[1],)], "coordinates+density": [(2,), MAP],
}  # fmt: skip


def shipped(registry):
    """One name of each class of ours."""
    named = {registry.get(name): name for name in reversed(list(registry))}
    return {name: each for each, name in named.items() if each.__module__.startswith("raypose.")}


def kinds(component, attribute):
    found = getattr(component, attribute)
    return (found,) if isinstance(found, str) else found


def output(kind, number):
    """Of a head, with `number` images."""
    generator = torch.Generator().manual_seed(number)
    parts = [torch.rand(number, KEYPOINTS, *shape, generator=generator) for shape in OUTPUTS[kind]]
    return parts[0] if len(parts) == 1 else tuple(parts)


class Step(torch.nn.Module):
    def __init__(self, step):
        super().__init__()
        self.step = step

    def forward(self, given):
        return self.step(given)


def check_traced(step, kind):
    batch, example = {0: torch.export.Dim("batch")}, output(kind, 2)
    shapes = batch if isinstance(example, torch.Tensor) else (batch,) * len(example)
    traced = torch.export.export(Step(step), (example,), dynamic_shapes=(shapes,)).module()
    for number in (1, 5):
        torch.testing.assert_close(traced(output(kind, number)), step(output(kind, number)))


CODECS_BUILT = [
    pytest.param(CODECS.get(name)(SIZE, **variant), kind, id=f"{name}-{'-'.join(variant)}-{kind}")
    for name in shipped(CODECS)
    for variant in VARIANTS.get(name, [{}])
    for kind in kinds(CODECS.get(name)(SIZE, **variant), "output")
]
ACTIVATING = [
    (name, kind) for name, loss in shipped(LOSSES).items() if hasattr(loss, "activate") for kind in loss.accepts or ()
]


@pytest.mark.parametrize(("codec", "kind"), CODECS_BUILT)
def test_decode_is_traced_for_any_batch(codec, kind):
    check_traced(codec.decode, kind)


@pytest.mark.parametrize(("loss", "kind"), ACTIVATING)
def test_activation_is_traced_for_any_batch(loss, kind):
    check_traced(LOSSES.get(loss)().activate, kind)


def test_every_kind_has_names():
    assert set(BY_KIND) == set(KINDS)
    for kind, names in BY_KIND.items():
        assert len(names) == len(OUTPUTS[kind])
        assert outputs(kind, False, len(names)) == names
    assert [each.name for each in outputs("own", False, 2)] == ["output_0", "output_1"]


def pairs():
    """Each head with each codec; what only repeats another head's maps, once."""
    for name, head in shipped(HEADS).items():
        for codec in shipped(CODECS):
            for variant in VARIANTS.get(codec, [{}]):
                repeated = name == "TopdownHeatmapMultiStageHead" and (codec, variant) != ("MSRAHeatmap", {})
                if not repeated and not mismatches(head, CODECS.get(codec)(SIZE, **variant), []):
                    yield name, {"type": codec, **variant}


PAIRS = list(pairs())
UNDECODED = [(head, codec) for head, codec in PAIRS if head in ("DSNTHead", "RLEHead")]
UNDECODED += [("SimCCHead", {"type": "SimCCLabel"}), ("HeatmapHead", {"type": "MSRAHeatmap"})]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("head", "codec", "decode"), [*((*pair, True) for pair in PAIRS), *((*pair, False) for pair in UNDECODED)]
)
def test_heads_and_codecs(head, codec, decode, tmp_path):
    model, image = build({"type": head, **ARGUMENTS.get(head, {}), "codec": codec}), torch.zeros(2, 3, *SIZE[::-1])
    given = outputs(model.kind, decode, 2 if decode else len(OUTPUTS[model.kind]))
    file = tmp_path / "model.onnx"
    program = to_onnx(model, image, [each.name for each in given], decode)
    program.save(str(file), external_data=False)
    assert [each.name for each in program.model.graph.outputs] == [each.name for each in given]
    found = compare(model, file, crops(5), decode)
    assert found.passed, found
    assert (found.undecided, found.total) == (0, 5 * KEYPOINTS)
