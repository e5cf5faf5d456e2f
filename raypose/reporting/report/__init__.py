"""The report of an experiment: one HTML file that needs no network, and pictures of its figures. It reads the experiment's
folder, builds no model and runs no plugin."""

from __future__ import annotations

from pathlib import Path

from raypose.errors import RayPoseError
from raypose.files import write_text
from raypose.reporting.experiment import Experiment

__all__ = ["write_report"]

FILE_NAME = "report.html"


def write_report(experiment: Experiment, to: str | Path | None = None, png: str | Path | None = None) -> list[Path]:
    """Write the report of an experiment, finished or running, and into the folder `png` a picture of each figure. The files
    that were written, the report first; it is written whole or not at all.

    Raises:
        RayPoseError: `to` is a folder.

    Example:
        >>> write_report(raypose.load_experiment("experiments/quickstart"))
        [PosixPath('experiments/quickstart/report.html')]
    """
    from raypose.reporting.report.figures import FIGURES
    from raypose.reporting.report.pictures import write_pictures
    from raypose.reporting.report.render import render
    from raypose.reporting.report.view import View

    target = Path(to) if to else experiment.folder / FILE_NAME
    if target.is_dir():
        raise RayPoseError(f"{target} is a folder: --to must name a file", rule="bad-path")
    view = View(experiment)
    figures = {section: draw(view) for section, draw in FIGURES.items()}
    text = render(view, figures)
    target.parent.mkdir(parents=True, exist_ok=True)
    write_text(target, text)
    drawn = [each for group in figures.values() for each in group]
    return [target, *(write_pictures(view, drawn, Path(png)) if png else [])]
