from __future__ import annotations

import platform
from importlib import metadata

import click

from raypose import __version__

PACKAGES = ("torch", "torchvision", "timm", "ray", "optuna", "numpy", "tensorboard")


@click.command("version")
def command() -> None:
    """Print the versions of RayPose and what it runs on."""
    click.echo(f"raypose {__version__}")
    for package in PACKAGES:
        try:
            click.echo(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            click.echo(f"{package} (not installed)")
    click.echo(f"python {platform.python_version()} on {platform.system()} {platform.machine()}")
