"""The number format of a trial: measured once for a model on a device, and remembered."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from raypose.files import read_json, write_json
from raypose.training.fastest import Probe, fastest, formats
from raypose.training.precision import FORMATS
from raypose.training.trial_folder import TrialFolder, read_meta

MOST = 1000  # models that the file remembers
logger = logging.getLogger("raypose")


def settle(wanted: str, probe: Probe, architecture: str, trial: Path, memory: Path) -> str:
    """`training.precision`, where it is `auto` what the trial began with, else what is known of such a model here, else
    what is measured now.

    Args:
        architecture: equal for models of equal modules.
        trial: its folder; meta.json there says `precision`, so that a resumed trial goes on as it began.
        memory: a JSON file for all trials of this machine's user; one that is damaged or can't be written does no harm.

    Example:
        >>> settle("auto", probe, fingerprint(model, optimizer)["model"], run.dir, cache_folder() / "precision.json")
        'bf16'
    """
    if wanted != "auto":
        return wanted
    names = formats(probe.device)
    # A trial that goes on elsewhere may find a device that would be many times slower in the format that it began with.
    if (name := read_meta(trial).get("precision")) not in names:
        name = names[0] if len(names) == 1 else _known_or_measured(names, probe, architecture, memory)
        TrialFolder(trial).update_meta({"precision": name})
    return name


def _known_or_measured(names: Sequence[str], probe: Probe, architecture: str, memory: Path) -> str:
    facts = {
        **_where(probe.device),
        "model": architecture,
        "input_size": list(probe.input_size),
        "images": probe.images,
    }
    key = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]
    if (name := _remembered(memory, key)) in names:
        logger.info("precision %s: as measured before", name)
        return name
    name, ratio = fastest(names, probe.timer())
    if torch.device(probe.device).type == "cuda":
        torch.cuda.empty_cache()  # for the neighbours on the same GPU
    logger.info("precision %s: %s", name, _said(name, names[0], ratio))
    return _remember(memory, key, {"precision": name, **facts})


def _said(name: str, first: str, ratio: float) -> str:
    if name == first:
        return "nothing is clearly faster here"
    return f"{ratio:.1f} times as fast as {first} here" if math.isfinite(ratio) else f"{first} does not work here"


def _where(device: str) -> dict[str, Any]:
    if torch.device(device).type == "cuda":
        return {"torch": torch.__version__, "device": torch.cuda.get_device_name(device)}
    name = torch.cpu.get_capabilities().get("cpu_name", "cpu")
    return {"torch": torch.__version__, "device": name, "threads": torch.get_num_threads()}


def _remembered(memory: Path, key: str) -> Any:
    entry = _read(memory).get(key)
    return entry.get("precision") if isinstance(entry, dict) else None


def _remember(memory: Path, key: str, entry: dict[str, Any]) -> str:
    """What is remembered from now on: another trial may have been the first."""
    if (name := _remembered(memory, key)) in FORMATS:
        return name
    entries = {**_read(memory), key: entry}
    with contextlib.suppress(OSError):
        memory.parent.mkdir(parents=True, exist_ok=True)
        write_json(memory, dict(list(entries.items())[-MOST:]))
    return entry["precision"]


def _read(memory: Path) -> dict[str, Any]:
    try:
        return read_json(memory)
    except OSError:  # not ours to read
        return {}
