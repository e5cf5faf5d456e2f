"""What lies beside an exported model: how its input is made of an image, and what its output means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib import metadata
from typing import Any

import raypose
from raypose.data.crops.regions import BORDER, OVERSAMPLED
from raypose.exporting.graph import INPUT
from raypose.exporting.outputs import Output
from raypose.registry import parameters

FORMAT = "raypose-export/1"
_PACKAGES = ("torch", "onnx", "onnxscript", "onnxruntime")

# `crop` of the description in words. Numbers that are the model's own are its other entries.
_CROP = {
    "box": "(x, y, w, h) in pixels of the upright RGB image, whose centres are at integers; without a box, all of it: "
    "(0, 0, image width, image height)",
    "zoom": "zoom = min(width / max(w, 1), height / max(h, 1)) / padding",
    "matrix": "from the image to the input: u = zoom * px + (width - 1) / 2 - zoom * (x + (w - 1) / 2), "
    "v = zoom * py + (height - 1) / 2 - zoom * (y + (h - 1) / 2)",
    "reduction": "only where zoom * oversampling < 1: left = floor(cx - width / (2 * zoom)) - border, with "
    "cx = x + (w - 1) / 2, right = ceil(cx + width / (2 * zoom)) + border + 1, clipped to 0 .. image width, likewise top "
    "and bottom with height; this part of the image is resized by area to round((right - left) * zoom * oversampling) x "
    "round((bottom - top) * zoom * oversampling); with r = new / old size, its pixel is "
    "r * (px - left + 0.5) - 0.5, and the matrix is composed with the inverse of that",
    "sampling": "bilinear (cv2.warpAffine with that matrix); beyond the image is the colour `outside`",
    "normalisation": "(red - mean[0]) / std[0], likewise green and blue, of values in 0..255",
    "back": "keypoints to pixels of the image: px = x + (w - 1) / 2 + (u - (width - 1) / 2) / zoom, likewise py",
}


def describe(
    predictor: Any, config: Mapping[str, Any], outputs: Sequence[Output], shapes: Sequence[Any], opset: int
) -> dict[str, Any]:
    """The description of an exported model, ready for JSON.

    Args:
        predictor: whose model it is.
        config: its configuration.
        outputs: of the exported model.
        shapes: theirs; the batch is "N".
        opset: of ONNX.
    """
    preprocessing, info = predictor.preprocessing, predictor.info
    width, height = preprocessing.input_size
    kept = ("names", "skeleton", "flip_pairs", "sigmas", "category", "colors")
    return {
        "format": FORMAT,
        "name": config.get("name"),
        "input": {
            "name": INPUT,
            "type": "float32",
            "layout": "NCHW",
            "shape": ["N", 3, height, width],
            "width": width,
            "height": height,
            "color": "RGB",
            "mean": list(preprocessing.mean),
            "std": list(preprocessing.std),
        },
        "crop": {
            "padding": preprocessing.padding,
            "oversampling": OVERSAMPLED,
            "border": BORDER,
            "outside": list(preprocessing.outside),
            **_CROP,
        },
        "outputs": [
            {"name": each.name, "type": "float32", "shape": list(shape), "meaning": each.meaning}
            for each, shape in zip(outputs, shapes, strict=True)
        ],
        "codec": _codec(predictor.model.codec),
        "keypoints": {name: value for name, value in asdict(info).items() if name in kept},
        "flip_test": {"in_training": predictor.flip_test, "in_model": False},
        "precision": "fp32",
        "opset": opset,
        "versions": {"raypose": raypose.__version__, **_versions()},
    }


def _codec(codec: Any) -> dict[str, Any]:
    """What decodes the head's output, in the model or, where that is left out, after it."""
    known = {name: getattr(codec, name) for name in parameters(type(codec)) if hasattr(codec, name)}
    return {"type": type(codec).__name__, **known}


def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:  # built from source, under another name
            continue
    return found
