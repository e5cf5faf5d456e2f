"""`raypose train`: one configuration, trained outside a search, in a folder like a trial's."""

from __future__ import annotations

import logging
import shlex
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from raypose import trial
from raypose.config import Goal, Training, Tune, read
from raypose.errors import RayPoseError
from raypose.files import read_json
from raypose.model_folder import config_file
from raypose.plugins import keep_plugins, relative
from raypose.reporting.words import counted
from raypose.reproduced import WENT_ON, Reproduced
from raypose.space import Space, defaults, dump
from raypose.training.checkpoints import newest
from raypose.training.run import Run
from raypose.training.trial_folder import TrialFolder, git_state, read_meta, read_metrics
from raypose.tuning.checked import check_space

logger = logging.getLogger("raypose")


def train_one(
    source: Path,
    target: Path | None,
    *,
    resume: bool = False,
    epochs: int | None = None,
    device: str = "cpu",
    threads: int | None = None,
    overrides: Iterable[str] = (),
) -> int:
    """Train the configuration in `source`, changed by `overrides` such as `seed=3`; returns the exit status.

    Of a model folder it trains the same again, with what its training found out or was given, and tells how both compare.

    Raises:
        RayPoseError: `source` is no configuration, or `target` holds a training already.
    """
    console = Console()
    space = Space.load(config_file(source), overrides=overrides)
    config = space.config()
    check_space(space, structure=not resume)
    portable = space.sample(defaults, portable=True)
    if epochs is not None:
        for each in (config, portable):
            each["training"] = {**(each.get("training") or {}), "epochs": epochs}
    folder = TrialFolder(_target(target, config, resume))
    if plugins := config.get("plugins"):
        portable["plugins"] = relative(keep_plugins(plugins, folder.path / "plugins"), folder.path)
    changed = bool(overrides) or epochs is not None
    known = Reproduced() if overrides else Reproduced.read(source)
    console.out(f"training {config['name']} into {folder.path}", highlight=False)
    if known.went_on:
        console.out(WENT_ON, highlight=False)
    started = time.monotonic()
    state = "FAIL"
    found = {"precision": known.precision} if known.precision and "precision" not in read_meta(folder.path) else {}
    folder.open(dump(portable), {"seed": config.get("seed", 0), **git_state(), **found})
    try:
        run = _run(folder, config, device, threads or known.threads, console)
        trial.train(config, run, _telling(console))
        state = "COMPLETE"
    except KeyboardInterrupt:
        if newest(folder.checkpoints) is not None:
            resume_by = shlex.join(["raypose", "train", str(source), "--to", str(folder.path), "--resume"])
            console.out(f"\ngo on with: {resume_by}", highlight=False)
        raise
    except Exception:
        logger.error("the training failed\n%s", traceback.format_exc())
        raise
    finally:
        folder.close(state)
        folder.update_meta({"state": state, "ended": time.time()})
    console.out(f"done in {time.monotonic() - started:.0f} s; model: {folder.path}", highlight=False)
    for line in [] if changed else known.lines(_goals(config), read_metrics(folder.path), _kept(folder.path)):
        console.out(line, highlight=False)
    model = shlex.quote(str(folder.path))
    console.out(f"next: raypose evaluate {model}; raypose predict {model} IMAGE ...", highlight=False)
    return 0


def _goals(config: dict[str, Any]) -> Sequence[Goal]:
    return read(Tune, config.get("tune")).goals


def _kept(folder: Path) -> dict[str, Any]:
    return read_json(folder / "metrics.json")


def _run(folder: TrialFolder, config: dict[str, Any], device: str, threads: int | None, console: Console) -> Run:
    import torch

    epochs = (config.get("training") or {}).get("epochs", Training.epochs)

    def report(epoch: int, metrics: dict[str, float]) -> None:
        if not folder.record(epoch, metrics):
            return
        shown = ", ".join(f"{name} {value:.4g}" for name, value in metrics.items())
        console.print(f"epoch {epoch}/{epochs}: {shown}", highlight=False, soft_wrap=True)

    return Run(
        seed=int(config.get("seed", 0)),
        dir=folder.path,
        report=report,
        device=device,
        threads=threads or torch.get_num_threads(),
        checkpoint=newest(folder.checkpoints),
        show=folder.show,
    )


def _telling(console: Console) -> Callable[[int, int], None]:
    """Says that crops are cut, where that begins."""

    def progress(done: int, total: int) -> None:
        if done == 1:
            console.out(f"cutting crops from {counted(total, 'image')} ...", highlight=False)

    return progress


def _target(target: Path | None, config: dict[str, Any], resume: bool) -> Path:
    if target is None:
        if resume:
            raise RayPoseError("--resume needs --to, the folder of the training to go on with", rule="missing-option")
        base = Path("experiments") / f"{config['name']}-train"
        names = [base, *(base.with_name(f"{base.name}-{n}") for n in range(2, 10_000))]
        return next(path for path in names if not path.exists())
    if (target / "metrics.jsonl").exists() and not resume:
        raise RayPoseError(
            f"{target} holds a training already", hint="add --resume to go on with it, or name another folder",
            rule="experiment-exists",
        )  # fmt: skip
    return target
