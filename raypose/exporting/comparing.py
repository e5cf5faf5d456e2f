"""Whether onnxruntime finds the keypoints that PyTorch finds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from raypose.exporting.graph import INPUT

LIMIT = 0.1  # pixels of the input
SCORE_LIMIT = 0.01  # of the score, or of 1 where that is less
BATCH_SIZES = (1, 3)
# Of two peaks that are equally high, rounding decides, differently in each library. So it does in PyTorch where pixels
# change by as little as this, in units of the normalised input.
_ROUNDING, _TRIES = 1e-5, 8


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """`keypoints`: the largest distance between onnxruntime's and PyTorch's keypoints in pixels of the input; `scores`: the
    largest difference of scores. `undecided`: how many of `total` keypoints were left out, since PyTorch itself moves them
    by more than the limit where pixels change by a rounding error."""

    images: int
    keypoints: float
    scores: float
    undecided: int
    total: int

    @property
    def passed(self) -> bool:
        return self.keypoints <= LIMIT and self.scores <= SCORE_LIMIT

    def told(self, source: str) -> dict[str, Any]:
        """For the description of what was exported; `source` says where the images are from."""
        return {
            "largest_difference": {"keypoints": self.keypoints, "unit": "pixels of the input", "scores": self.scores},
            "limit": LIMIT,
            "undecided": self.undecided,
            "images": self.images,
            "source": source,
            "batch_sizes": list(BATCH_SIZES),
        }


def compare(model: Any, file: Path, crops: Tensor, decode: bool) -> Comparison:
    """Hold an exported model against the one that it was made of.

    Args:
        model: a `TopDown` in evaluation mode, on the CPU.
        file: its ONNX.
        crops: [N,3,H,W], what it takes.
        decode: whether the codec's `decode` is in the file, else it is done here.

    Example:
        >>> compare(predictor.model, Path("model.onnx"), crops, decode=True).passed
        True
    """
    session, images = _session(file), len(crops)
    crops = crops.repeat(-(-sum(BATCH_SIZES) // images), 1, 1, 1)[: max(images, sum(BATCH_SIZES))]
    parts = crops.split([BATCH_SIZES[0], *_sizes(len(crops) - BATCH_SIZES[0])])
    found = [_run(session, model, part, decode) for part in parts]
    keypoints, scores = (torch.cat(each) for each in zip(*found, strict=True))
    wanted, wanted_scores = model.predict(crops)
    far = _distance(keypoints, wanted)
    undecided = (far > LIMIT) & (_spread(model, crops, wanted) > LIMIT if (far > LIMIT).any() else False)
    off = _gap(scores, wanted_scores) / wanted_scores.abs().nan_to_num(1).clamp(min=1)
    decided = ~undecided
    return Comparison(
        images=images,
        keypoints=float(far[decided].max()) if decided.any() else float("inf"),
        scores=float(off[decided].max()) if decided.any() else float("inf"),
        undecided=int(undecided.sum()),
        total=undecided.numel(),
    )


def _session(file: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    options.intra_op_num_threads = torch.get_num_threads()
    return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


def _sizes(left: int) -> Sequence[int]:
    size = BATCH_SIZES[1]
    return [size] * (left // size) + ([left % size] if left % size else [])


def _run(session: Any, model: Any, crops: Tensor, decode: bool) -> tuple[Tensor, Tensor]:
    given = [torch.from_numpy(each) for each in session.run(None, {INPUT: np.ascontiguousarray(crops.numpy())})]
    if decode:
        return given[0], given[1]
    with torch.no_grad():
        return model.codec.decode(given[0] if len(given) == 1 else tuple(given))


def _spread(model: Any, crops: Tensor, wanted: Tensor) -> Tensor:
    """[N,K]: how far PyTorch's own keypoints move where pixels change by a rounding error."""
    generator = torch.Generator().manual_seed(0)
    noise = (_ROUNDING * torch.randn(crops.shape, generator=generator) for _ in range(_TRIES))
    return torch.stack([_distance(model.predict(crops + each)[0], wanted) for each in noise]).amax(0)


def _distance(one: Tensor, other: Tensor) -> Tensor:
    """[N,K], infinite where one of them is not a number and the other is."""
    return _gap(one, other).square().sum(-1).sqrt()


def _gap(one: Tensor, other: Tensor) -> Tensor:
    gap = torch.where(one == other, 0, (one.float() - other.float()).abs())
    return torch.where(one.isnan() & other.isnan(), 0, gap.nan_to_num(float("inf")))
