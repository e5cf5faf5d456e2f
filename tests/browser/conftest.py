"""A headless Chromium, and a folder for the pictures it takes: $RAYPOSE_ARTIFACTS, else artifacts/ of the checkout."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import raypose
from raypose.space import Space

ROOT = Path(__file__).parents[2]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@dataclass
class Seen:
    """What a page did besides showing itself."""

    errors: list[str] = field(default_factory=list)  # of the console, and exceptions
    requests: list[str] = field(default_factory=list)  # every address that it asked for


@pytest.fixture(scope="session")
def chromium():
    """A browser; it reaches nothing but this machine."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip(f"no browser: none of {', '.join(NAMES)} is installed")
    sync = pytest.importorskip("playwright.sync_api", reason="no playwright: pip install -e '.[test]'")
    with sync.sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        browser = playwright.chromium.launch(executable_path=program, args=options)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium):
    """`open_page(address, width=1280, height=800, dark=False, mobile=False)` -> page, with `page.seen`."""
    contexts = []

    def open_at(address: str, width: int = 1280, height: int = 800, dark: bool = False, scale: float = 1) -> Any:
        context = chromium.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            device_scale_factor=scale,
        )
        contexts.append(context)
        page, seen = context.new_page(), Seen()
        page.seen = seen
        page.on("console", lambda message: seen.errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: seen.errors.append(str(error)))
        page.on("request", lambda request: seen.requests.append(request.url))
        page.goto(address)
        return page

    yield open_at
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def artifacts() -> Path:
    """Where screenshots are kept."""
    folder = Path(os.environ.get("RAYPOSE_ARTIFACTS") or ROOT / "artifacts")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


MICE = """
name: mice
model:
  backbone:
    choice:
      - {type: ResNet, depth: {choice: [18, 50]}}
      - {type: HourglassNet, num_stacks: {randint: [1, 4]}}
optimizer:
  choice:
    - {type: AdamW, lr: {loguniform: [1e-4, 1e-2]}}
    - {type: SGD, lr: {loguniform: [1e-3, 1e-1]}, momentum: 0.9}
training: {epochs: 6}
tune:
  metric: AP
  num_trials: 6
  max_concurrent: 2
  scheduler: {type: ThresholdPruner, lower: 0.2, n_warmup_steps: 2}
  initial_points:
    - {model.backbone: ResNet, model.backbone.ResNet.depth: 18, optimizer: AdamW, optimizer.AdamW.lr: 1e-3}
    - {model.backbone: ResNet, model.backbone.ResNet.depth: 50, optimizer: SGD, optimizer.SGD.lr: 1e-2}
    - {model.backbone: HourglassNet, model.backbone.HourglassNet.num_stacks: 1, optimizer: AdamW, optimizer.AdamW.lr: 2e-3}
    - {model.backbone: HourglassNet, model.backbone.HourglassNet.num_stacks: 2, optimizer: SGD, optimizer.SGD.lr: 2e-2}
    - {model.backbone: ResNet, model.backbone.ResNet.depth: 50, optimizer: AdamW, optimizer.AdamW.lr: 4e-4}
    - {model.backbone: HourglassNet, model.backbone.HourglassNet.num_stacks: 3, optimizer: SGD, optimizer.SGD.lr: 4e-2}
"""
STATES = ["COMPLETE", "COMPLETE", "COMPLETE", "PRUNED", "COMPLETE", "FAIL"]


@pytest.fixture(scope="session")
def mice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The experiment of a search through Ray, whose trials train nothing and end as STATES says; only look at it.

    It has a Ray to itself, which ends with it: the dashboard of another on the same machine shows no logs besides one.
    """

    # Nested, so that it travels to the workers by value.
    def trial(config, run):
        import numpy as np

        backbone = config["model"]["backbone"]
        picture = np.full((192, 780, 3), 90, np.uint8)
        picture[60:130, 100:600] = (220, 120, 40)
        for epoch in range(1, 7):
            if epoch == 2 and backbone.get("num_stacks") == 3:
                raise ValueError("three stacks are too many")
            if epoch in (1, 4):
                run.show(epoch, "predictions", picture)
            top = 0.2 if backbone.get("num_stacks") == 2 else 0.6 if backbone.get("depth") == 50 else 0.55
            run.report(epoch, {"AP": top * (1 - 0.5**epoch), "loss": 2 / epoch, "lr": config["optimizer"]["lr"]})

    experiments = tmp_path_factory.mktemp("searched") / "experiments"
    result = raypose.tune(Space.parse(MICE), trial=trial, experiments=experiments, quiet=True)
    records = sorted(result.records, key=lambda record: record.number)
    assert [record.state for record in records] == STATES
    return experiments / "mice"


@pytest.fixture
def serve():
    """`serve(command, path, ready)` -> the address of what `command` and a `--port` start, once it answers at `path`."""
    started = []

    def start(command: Sequence[str], path: str, ready: Callable[[bytes], bool] = bool) -> str:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        process = subprocess.Popen(
            [*command, "--port", port], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )  # fmt: skip
        started.append(process)
        address, end = f"http://127.0.0.1:{port}", time.monotonic() + 60
        while time.monotonic() < end and process.poll() is None:
            with contextlib.suppress(OSError):
                if ready(urllib.request.urlopen(address + path, timeout=5).read()):
                    return address
            time.sleep(0.2)
        raise TimeoutError(" ".join(command))

    yield start
    for process in started:
        process.terminate()
        process.wait(10)


@pytest.fixture
def tensorboard(serve):
    """`tensorboard(folder, trials)` -> the address of a TensorBoard that has found so many trials."""

    def start(folder: Path, trials: int) -> str:
        command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(folder)]
        return serve(command, "/data/runs", lambda runs: len(re.findall(rb"trials/\d{4}", runs)) == trials)

    return start
