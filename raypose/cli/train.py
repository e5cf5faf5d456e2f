from __future__ import annotations

from pathlib import Path

import click

from raypose.cli import _space


@click.command("train")
@click.argument("source", type=click.Path(path_type=Path))
@_space.overrides
@click.option("--to", "target", type=click.Path(path_type=Path),
              help="The model folder to make (default: experiments/NAME-train, with a number if that exists).")  # fmt: skip
@click.option("--resume", is_flag=True, help="Go on from the last checkpoint in the folder that --to names.")
@click.option("--epochs", type=click.IntRange(min=1), help="Epochs, instead of training.epochs.")
@click.option("--threads", type=click.IntRange(min=1),
              help="Threads of the processor (default: those that the model folder was trained with, else one a core).",
              )  # fmt: skip
@click.option("--device", help="cpu or cuda (default: cuda where there is one).")
def command(
    source: Path, overrides: tuple[str, ...], target: Path | None, resume: bool, epochs: int | None,
    threads: int | None, device: str | None,
) -> int:  # fmt: skip
    """Train one configuration at its full length: SOURCE is a YAML file without dimensions, or a model folder.

    Ends with a model folder: config.yaml, weights.pt and metrics.json. A model folder is trained again as it was: with the
    same seed, number format and number of threads; at the end both are compared.
    """
    from raypose.cli._device import device as there
    from raypose.training_run import train_one

    return train_one(
        source, target, resume=resume, epochs=epochs, device=there(device), threads=threads, overrides=overrides
    )
