"""How long each codec takes to decode 256 x 17 heatmaps of 64 x 48, and how near to the keypoints it comes.

Usage: python benchmarks/decoding.py [--rounds 15] [--threads 2] [--noise 0.02]

Codecs take turns, so that what else the machine does falls on all of them, and the median of the rounds counts. The last
two rows decode as MMPose does: image by image in NumPy, and for DARK with OpenCV's blur of every whole map. Errors are in
pixels of the 192 x 256 input; to MMPose's codecs the targets are given in MMPose's own scale.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import torch

from raypose.codecs import IntegralRegressionLabel, MegviiHeatmap, MSRAHeatmap, RegressionLabel, SimCCLabel, UDPHeatmap

INPUT, (WIDTH, HEIGHT) = (192, 256), (48, 64)
HEATMAP = (17, HEIGHT, WIDTH)
CODECS = {
    "MSRAHeatmap, unbiased: false": (MSRAHeatmap(INPUT, unbiased=False), HEATMAP),
    "MSRAHeatmap (DARK)": (MSRAHeatmap(INPUT), HEATMAP),
    "UDPHeatmap": (UDPHeatmap(INPUT), HEATMAP),
    "UDPHeatmap, combined": (UDPHeatmap(INPUT, "combined"), (17, 3, HEIGHT, WIDTH)),
    "MegviiHeatmap": (MegviiHeatmap(INPUT), HEATMAP),
    "SimCCLabel": (SimCCLabel(INPUT), ((17, 384), (17, 512))),
    "SimCCLabel, use_dark": (SimCCLabel(INPUT, use_dark=True), ((17, 384), (17, 512))),
    "RegressionLabel": (RegressionLabel(INPUT), (17, 2)),
    "IntegralRegressionLabel, density": (IntegralRegressionLabel(INPUT), ((17, 2), HEATMAP)),
}


def peer_plain(batch: np.ndarray) -> np.ndarray:
    """Highest pixels and quarter pixels [N,K,2] of heatmaps [N,K,h,w]."""
    return np.stack([_quarter(heatmaps, _highest(heatmaps)) for heatmaps in batch]) * 4


def peer_dark(batch: np.ndarray) -> np.ndarray:
    """Highest pixels and DARK's step [N,K,2] of heatmaps [N,K,h,w]."""
    points = []
    for heatmaps in batch:
        peaks, logs = _highest(heatmaps), [np.log(np.maximum(_blur(heatmap), 1e-10)) for heatmap in heatmaps]
        points.append([peak + _newton(log, *peak.astype(int)) for peak, log in zip(peaks, logs, strict=True)])
    return np.array(points) * 4


def _highest(heatmaps: np.ndarray) -> np.ndarray:
    y, x = np.unravel_index(heatmaps.reshape(len(heatmaps), -1).argmax(1), heatmaps.shape[1:])
    return np.stack((x, y), 1).astype(np.float32)


def _quarter(heatmaps: np.ndarray, peaks: np.ndarray) -> np.ndarray:
    padded = np.pad(heatmaps, ((0, 0), (1, 1), (1, 1)), "edge")
    k, (x, y) = np.arange(len(heatmaps)), peaks.T.astype(int) + 1
    slope = np.stack((padded[k, y, x + 1] - padded[k, y, x - 1], padded[k, y + 1, x] - padded[k, y - 1, x]), 1)
    return peaks + 0.25 * np.sign(slope)


def _blur(heatmap: np.ndarray, size: int = 11) -> np.ndarray:
    border = size // 2
    blurred = cv2.GaussianBlur(np.pad(heatmap, border), (size, size), 0)[border:-border, border:-border]
    return blurred * (heatmap.max() / blurred.max())


def _newton(log: np.ndarray, x: int, y: int) -> np.ndarray:
    if not (1 < x < WIDTH - 2 and 1 < y < HEIGHT - 2):
        return np.zeros(2)
    slope = np.array([log[y, x + 1] - log[y, x - 1], log[y + 1, x] - log[y - 1, x]]) / 2
    xx = (log[y, x + 2] - 2 * log[y, x] + log[y, x - 2]) / 4
    yy = (log[y + 2, x] - 2 * log[y, x] + log[y - 2, x]) / 4
    xy = (log[y + 1, x + 1] - log[y - 1, x + 1] - log[y + 1, x - 1] + log[y - 1, x - 1]) / 4
    return np.zeros(2) if xx * yy == xy**2 else -np.linalg.inv([[xx, xy], [xy, yy]]) @ slope


def runs(noise: float) -> tuple[torch.Tensor, dict[str, Callable[[], Any]]]:
    """The keypoints, and for each row of the table what decodes them."""
    generator = torch.Generator().manual_seed(0)
    keypoints = torch.rand(256, 17, 2, generator=generator) * torch.tensor(INPUT) - 0.5
    visible = torch.ones(256, 17)

    def disturbed(part: torch.Tensor, size: float = noise) -> torch.Tensor:
        return part + size * torch.randn(part.shape, generator=generator)

    found: dict[str, Callable[[], Any]] = {}
    for name, (codec, shape) in CODECS.items():
        output, _ = codec.encode(keypoints, visible, shape)
        if codec.output == "simcc":
            output = tuple(disturbed(torch.log(part + 1e-6), 5 * noise) for part in output)
        elif isinstance(codec, MSRAHeatmap | MegviiHeatmap | UDPHeatmap):
            output = disturbed(output)
        found[name] = lambda codec=codec, output=output: codec.decode(output)[0]
    for name, unbiased, peer in (("as MMPose, plain", False, peer_plain), ("as MMPose, DARK", True, peer_dark)):
        centers = keypoints / 4  # a heatmap pixel i stands for input pixel 4 i
        codec = MSRAHeatmap((WIDTH, HEIGHT), unbiased=unbiased)
        maps = disturbed(
            codec.encode(centers.clamp(max=torch.tensor([WIDTH - 1, HEIGHT - 1])), visible, HEATMAP)[0]
        ).numpy()
        found[name] = lambda peer=peer, maps=maps: torch.from_numpy(peer(maps))
    return keypoints, found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--noise", type=float, default=0.02, help="standard deviation on heatmaps of peak 1")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    cv2.setNumThreads(args.threads)

    keypoints, found = runs(args.noise)
    errors = {name: (decode() - keypoints).norm(dim=-1).median().item() for name, decode in found.items()}
    seconds: dict[str, list[float]] = {name: [] for name in found}
    for _ in range(args.rounds):
        for name, decode in found.items():
            start = time.perf_counter()
            decode()
            seconds[name].append(time.perf_counter() - start)

    print(f"{args.rounds} rounds, {args.threads} threads, noise {args.noise}, torch {torch.__version__}")
    print(f"{'':34}{'median ms':>10}{'min ms':>10}{'median error, px':>18}")
    for name, times in seconds.items():
        median, least = 1e3 * statistics.median(times), 1e3 * min(times)
        print(f"{name:34}{median:10.1f}{least:10.1f}{errors[name]:18.3f}")


if __name__ == "__main__":
    main()
