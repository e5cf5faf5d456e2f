"""A trained model as an ONNX file, with its preprocessing described beside it: `raypose export`."""

from __future__ import annotations

import os
import uuid
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from raypose.errors import RayPoseError
from raypose.exporting.comparing import LIMIT, Comparison, compare
from raypose.exporting.description import describe
from raypose.exporting.graph import to_onnx
from raypose.exporting.outputs import outputs
from raypose.exporting.possible import check_opset, refuse_other_files, require_packages
from raypose.exporting.real_images import real_crops
from raypose.files import to_json, write_json
from raypose.inference import Predictor, load
from raypose.model_folder import read_config

__all__ = ["Exported", "export"]


@dataclass(frozen=True)
class Exported:
    """`file` is the ONNX, `description` what is in the JSON file beside it, `check` None where none was made."""

    file: Path
    description: dict[str, Any]
    check: Comparison | None


def export(
    folder: str | Path,
    file: str | Path | None = None,
    *,
    decode: bool = True,
    opset: int | None = None,
    check: bool = True,
    images: str | Path | None = None,
) -> Exported:
    """Write the model in `folder` as ONNX in fp32, for batches of any size, and `FILE.json`, its preprocessing. Either is
    written whole or not at all.

    Args:
        folder: a model folder.
        file: ends in `.onnx`; default: `model.onnx` in the folder.
        decode: whether the outputs are keypoints [N,K,2] in pixels of the input and scores [N,K], else what the head gives.
        opset: of ONNX; default: what torch recommends.
        check: whether onnxruntime is to find the same keypoints as PyTorch.
        images: a file or a folder to check with; default: what the training kept, else its validation data.

    Raises:
        RayPoseError: a package is missing, a part cannot be exported, there is no image to check with, the check failed.

    Example:
        >>> export("experiments/quickstart/best").check.keypoints
        0.00012
    """
    folder = Path(folder)
    target = folder / "model.onnx" if file is None else Path(file)
    beside = target.with_suffix(".json")
    refuse_other_files(target, beside)
    require_packages(("onnx", "onnxscript", *(("onnxruntime",) if check else ())))
    check_opset(opset)
    predictor, config = load(folder), read_config(folder, expand=False)
    predictor = replace(predictor, model=predictor.model.float())
    crops, source = None, ""
    if check:
        crops, source = real_crops(folder, predictor.preprocessing, None if images is None else Path(images))
    program, description = _program(predictor, config, decode, opset)
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = target.with_name(f".{target.name}.{uuid.uuid4().hex[:12]}.tmp")
    try:
        program.save(str(scratch), external_data=False)
        found = None if crops is None else _checked(predictor.model, scratch, crops, decode, source)
        description["check"] = None if found is None else found.told(source)
        write_json(beside, description)
        os.replace(scratch, target)
    except OSError as error:
        if error.filename == str(scratch):
            error.filename = str(target)  # what people know
        raise
    finally:
        scratch.unlink(missing_ok=True)
    return Exported(target, description, found)


def _program(predictor: Predictor, config: dict[str, Any], decode: bool, opset: int | None) -> tuple[Any, dict]:
    """The ONNX program, and its description."""
    model, (width, height) = predictor.model, predictor.input_size
    image = torch.zeros(2, 3, height, width)
    with torch.no_grad():
        count = 2 if decode else _count(model, image)
    given = outputs(getattr(model, "kind", None), decode, count)
    program = to_onnx(model, image, [each.name for each in given], decode, opset)
    made = program.model.opset_imports[""]
    if opset not in (None, made):
        message = f"this model cannot be written in ONNX opset {opset}, but in {made}"
        raise RayPoseError(message, rule="export", exit_status=1)
    shapes = [["N", *(int(size) for size in list(each.shape)[1:])] for each in program.model.graph.outputs]
    description = describe(predictor, config, given, shapes, made)
    program.model.metadata_props["raypose"] = to_json(description, indent=None)
    return program, description


def _count(model: Any, image: torch.Tensor) -> int:
    from raypose.models.outputs import stages

    last = stages(model(image))[-1]
    return 1 if isinstance(last, torch.Tensor) else len(last)


def _checked(model: Any, file: Path, crops: torch.Tensor, decode: bool, source: str) -> Comparison:
    try:
        found = compare(model, file, crops, decode)
    except Exception as error:  # onnxruntime's own have no common class
        message = f"onnxruntime cannot run the exported model: {error}"
        raise RayPoseError(message, hint="try a lower --opset", rule="export-check", exit_status=1) from error
    if not found.passed:
        message = (
            f"onnxruntime does not find PyTorch's keypoints: the largest difference on {found.images} images of {source} is "
            f"{found.keypoints:.3g} px (at most {LIMIT:g}), of scores {found.scores:.3g}; nothing was written"
        )
        raise RayPoseError(message, hint="try another --opset", rule="export-check", exit_status=1)
    return found
