"""`raypose data`: what concerns datasets. One module a command."""

from __future__ import annotations

import click

from raypose.cli import Lazy

COMMANDS = {
    "show": "Draw samples of a space's datasets, as they are and as the model sees them.",
    "build": "Cut the instances of a space's datasets from their images, for all trials to come.",
    "info": "List the crops that are kept on this machine.",
    "clear": "Remove crops that are kept on this machine.",
    "convert": "Write a DeepLabCut project as a COCO keypoints file.",
}


@click.group("data", cls=Lazy, package="raypose.cli.data", known=COMMANDS)
def command() -> None:
    """Show, prepare and convert datasets."""
