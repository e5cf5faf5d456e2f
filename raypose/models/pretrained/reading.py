"""From a file to named tensors, without running any code that the file holds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from raypose.errors import RayPoseError
from raypose.models.pretrained.inert import inert_globals

# Under which key a checkpoint keeps the weights, the first that it has. Averaged ones come before those they are the
# mean of: timm's `state_dict_ema`, `model_ema`. In MMEngine's and mmcv's checkpoints `state_dict` is the averaged one
# already, and `ema_state_dict` the other.
PLACES = (
    "state_dict_ema",
    "model_ema",
    "ema",
    "state_dict",
    "model_state_dict",
    "model",
    "teacher",
    "module",
)


def read_weights(path: Path) -> dict[str, Tensor]:
    """The named tensors of a checkpoint: a `.safetensors` file, or torch's, also MMEngine's while training.

    Objects of other libraries in it are skipped: no code of the file, and none that it names, is run.

    Raises:
        RayPoseError: the file is damaged, holds no weights, or names what only an attack would.
    """
    try:
        content = _read(path)
    except Exception as error:
        raise RayPoseError(
            f"the weights in {path} can't be read: {_reason(error)}",
            hint="a file of tensors alone can: torch.save(model.state_dict(), path)",
            rule="pretrained",
        ) from error
    weights = _weights(content)
    if not weights:
        raise RayPoseError(
            f"{path} holds no weights but {_contents(content)}",
            hint="torch.save(model.state_dict(), path) writes weights",
            rule="pretrained",
        )
    return weights


def _read(path: Path) -> Any:
    if path.suffix == ".safetensors":
        return safetensors.torch.load_file(path)
    with torch.serialization.safe_globals(inert_globals(path)):
        return torch.load(path, map_location="cpu", weights_only=True)


def _weights(content: Any) -> dict[str, Tensor]:
    while isinstance(content, Mapping):
        inner = next((content[key] for key in PLACES if _has_tensors(content.get(key))), None)
        if inner is None:
            return {key: value for key, value in content.items() if isinstance(value, Tensor) and isinstance(key, str)}
        content = inner
    return {}


def _has_tensors(value: Any) -> bool:
    return isinstance(value, Mapping) and any(isinstance(each, Tensor) or _has_tensors(each) for each in value.values())


def _contents(content: Any) -> str:
    return ", ".join(map(str, list(content)[:5])) if isinstance(content, Mapping) else f"a {type(content).__name__}"


def _reason(error: Exception) -> str:
    # Torch's text has the advice to run the file's code, before or after what is wrong.
    found = re.search(r"WeightsUnpickler error:\s*(.+)", str(error)) or re.search(r"load failed.+\n\s*(.+)", str(error))
    lines = [found[1]] if found else str(error).strip().splitlines()
    return lines[0].partition(" In PyTorch")[0] if lines else type(error).__name__
