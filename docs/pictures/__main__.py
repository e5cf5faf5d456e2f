"""Takes the pictures of README.md and of these pages, of an experiment that has been searched:
`python docs/pictures experiments/quickstart`. It needs what the tests need (`pip install -e '.[test]'`) and a Chromium."""

from __future__ import annotations

import argparse
import contextlib
import shutil
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ray_dashboard
import report
import tensorboard
from playwright.sync_api import sync_playwright

from raypose.reporting.experiment import load_experiment
from raypose.reporting.report import write_report

IMAGES = Path(__file__).parents[1] / "images"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("experiment", type=Path)
    parser.add_argument("--to", type=Path, default=IMAGES)
    given = parser.parse_args()
    given.to.mkdir(parents=True, exist_ok=True)
    with browser() as chromium, tempfile.TemporaryDirectory() as scratch:
        experiment = load_experiment(given.experiment)
        (html, *_) = write_report(experiment, Path(scratch, "report.html"))
        report.shoot(page(chromium), html, given.to, whole=False)
        with serving(given.experiment) as address:
            best = f"trials/{experiment.best.number:04d}" if experiment.best else None
            tensorboard.shoot(page(chromium), address, given.to, best)
        with ray_dashboard.searching(Path(scratch)) as (address, token):
            ray_dashboard.shoot(page(chromium), address, token, given.to / "ray-dashboard.png")


@contextlib.contextmanager
def browser() -> Iterator[Any]:
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        sys.exit(f"no browser: install one of {', '.join(BROWSERS)}")
    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        yield playwright.chromium.launch(executable_path=program, args=options)


def page(chromium: Any) -> Any:
    """A page of its own, at twice the density, so that text stays sharp."""
    return chromium.new_context(viewport={"width": 1280, "height": 800}, device_scale_factor=1.5).new_page()


@contextlib.contextmanager
def serving(experiment: Path) -> Iterator[str]:
    """A TensorBoard: its address, once it answers. Its pages show how the folder was named: without where that lies."""
    home, name = experiment.resolve().parents[1], Path(*experiment.resolve().parts[-2:])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(name), "--port", str(port)]
    process = subprocess.Popen(command, cwd=home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        while True:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(address, timeout=5)
                break
        yield address
    finally:
        process.terminate()
        process.wait(timeout=30)


if __name__ == "__main__":
    main()
