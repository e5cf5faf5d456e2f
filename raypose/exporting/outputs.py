"""What an exported model gives, by the kind of its head's output."""

from __future__ import annotations

from dataclasses import dataclass

XY = "(x, y) in pixels of the input, whose centres are at integers"


@dataclass(frozen=True)
class Output:
    """A tensor, float32: its name, and what it is."""

    name: str
    meaning: str


DECODED = (
    Output("keypoints", f"[N,K,2]: {XY}"),
    Output("scores", "[N,K]: how sure the model is of each keypoint"),
)

# As `raypose.kinds` has them, activated: what the codec decodes.
BY_KIND = {
    "heatmap": (Output("heatmaps", "[N,K,h,w]: a map a keypoint, with a peak of about 1 where it is"),),
    "combined": (
        Output("heatmaps_and_offsets", "[N,K,3,h,w]: a map, and the offsets along x and y to the keypoint, in radii"),
    ),
    "coordinates": (Output("coordinates", "[N,K,2]: (x + 0.5) / width, (y + 0.5) / height of the input"),),
    "rle": (
        Output(
            "coordinates_and_sigmas",
            "[N,K,4]: (x + 0.5) / width, (y + 0.5) / height of the input, and the sigmas of both",
        ),
    ),
    "simcc": (
        Output("simcc_x", "[N,K,Lx]: logits of the bins along x"),
        Output("simcc_y", "[N,K,Ly]: logits of the bins along y"),
    ),
    "coordinates+density": (
        Output("coordinates", "[N,K,2]: (x + 0.5) / width, (y + 0.5) / height of the input"),
        Output("density", "[N,K,h,w]: maps of sum 1, whose mean the coordinates are"),
    ),
}


def outputs(kind: str | None, decode: bool, count: int) -> tuple[Output, ...]:
    """Of a model whose head gives `count` tensors of a kind; those of an unknown kind are called `output_0`, `output_1`, ...

    Example:
        >>> [each.name for each in outputs("simcc", decode=False, count=2)]
        ['simcc_x', 'simcc_y']
    """
    if decode:
        return DECODED
    known = BY_KIND.get(kind or "", ())
    if len(known) == count:
        return known
    return tuple(Output(f"output_{i}", "the head's output, activated") for i in range(count))
