"""A model folder: config.yaml, weights.pt and metrics.json. What a search leaves as `best/`, and what `train`,
`evaluate`, `predict` and `raypose.load` take."""

from __future__ import annotations

import ctypes
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from raypose.errors import RayPoseError
from raypose.files import write_text
from raypose.space import Space

FILES = ("config.yaml", "weights.pt", "metrics.json")
LINEAGE = "lineage.jsonl"  # a file that lies beside them if a trial went on from others
SAMPLES = "samples"  # a folder that may lie beside them, see `raypose.samples`


def save_weights(
    model: Any, info: Any, input_size: tuple[int, int], epoch: int, path: Path, **training: str | int
) -> None:
    """Write `{state_dict, meta}`, MMPose's layout; `meta` says what a model needs to be built without its data, and of its
    `training` what its configuration leaves open: `precision`, `threads`."""
    from raypose.training import checkpoints

    meta = {"epoch": epoch, "input_size": list(input_size), "info": asdict(info), **training}
    state = {name: tensor.detach().cpu() for name, tensor in model.state_dict().items()}
    checkpoints.save({"state_dict": state, "meta": meta}, path)


def config_file(path: Path) -> Path:
    """The configuration file of a model folder; a file is one itself."""
    file = path / "config.yaml" if path.is_dir() else path
    if path.is_dir() and not file.exists():
        hint = f"its best model is {path / 'best'}" if (path / "best").exists() else ""
        raise RayPoseError(f"{path} is not a model folder: it has no config.yaml", hint=hint, rule="missing-file")
    return file


def read_config(path: Path, expand: bool = True) -> dict[str, Any]:
    """The configuration in a model folder, or in a YAML file without dimensions; `expand=False` leaves `${VAR}` and
    paths as written, for who needs no data."""
    return Space.load(config_file(path), expand=expand).config()


def load(path: str | Path, device: str = "cpu", plugins: bool = True) -> Any:
    """The trained model of a model folder, in evaluation mode; `model.meta` holds `info` and `input_size`. It runs the
    users' modules that the folder names; `plugins=False`: none, since those that are needed are loaded. For who has
    images, and not crops, there is `raypose.load`.

    Raises:
        RayPoseError: not a model folder, or its weights do not fit its configuration.

    Example:
        >>> model = load("experiments/quickstart/best")
        >>> keypoints, scores = model.predict(images)  # [N,3,H,W], ImageNet-normalised
    """
    from raypose.data.table import DatasetInfo
    from raypose.models.builder import build_model
    from raypose.plugins import load_plugins
    from raypose.training import checkpoints

    folder = Path(path)
    config = read_config(folder, expand=False)
    beside = config_file(folder).parent
    names = (config.get("plugins") or []) if plugins else []
    load_plugins([str(beside / name) if name.endswith(".py") else name for name in names])
    saved = checkpoints.load(folder / "weights.pt", device)
    meta = saved["meta"]
    info = DatasetInfo(**meta["info"])
    model = build_model(config["model"], len(info.names), tuple(meta["input_size"]), init_weights=False, info=info)
    try:
        model.load_state_dict(saved["state_dict"])
    except RuntimeError as error:
        raise RayPoseError(f"{folder}: weights.pt does not fit config.yaml: {error}", rule="bad-checkpoint") from None
    model.meta = meta
    return model.to(device).eval()


def publish(source: Path, target: Path, finish: Callable[[Path], None] = lambda folder: None) -> None:
    """Copy the model folder files of `source` to the folder `target`, which is replaced in one step. `finish` is called
    with the new folder before that, to add to it.

    Example:
        >>> publish(Path("experiments/mice/best"), Path("mouse"), lambda folder: write_text(folder / "README.md", "# Mice"))
    """
    scratch = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.rmtree(scratch, ignore_errors=True)
    try:
        scratch.mkdir(parents=True)
        for name in FILES:
            shutil.copy2(source / name, scratch / name)
        if (source / LINEAGE).exists():
            shutil.copy2(source / LINEAGE, scratch / LINEAGE)
        if (source / SAMPLES).exists():
            shutil.copytree(source / SAMPLES, scratch / SAMPLES)
        _take_plugins_along(source, scratch)
        finish(scratch)
        if target.exists():
            _exchange(scratch, target)
        else:
            scratch.rename(target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _take_plugins_along(source: Path, target: Path) -> None:
    """Copy the users' modules that the configuration in `source` names into `target`, so that it can be moved."""
    text = (source / "config.yaml").read_text(encoding="utf-8")
    for name in read_config(source, expand=False).get("plugins") or []:
        if name.endswith(".py"):
            kept = Path("plugins") / Path(name).parent.name / Path(name).name
            (target / kept).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / name, target / kept)
            text = text.replace(name, str(kept))
    write_text(target / "config.yaml", text)


def _exchange(one: Path, other: Path) -> None:
    # Linux swaps two folders in one step; elsewhere there is a moment without the target.
    renameat2 = getattr(ctypes.CDLL(None), "renameat2", None)
    at_cwd, exchange = -100, 2
    if renameat2 is not None and renameat2(at_cwd, os.fsencode(one), at_cwd, os.fsencode(other), exchange) == 0:
        return
    aside = other.with_name(f".{other.name}.old")
    shutil.rmtree(aside, ignore_errors=True)
    other.rename(aside)
    one.rename(other)
    aside.rename(one)
