"""A picture of Ray's dashboard: the actors of the trials that run."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PATIENCE = 60_000  # ms: a dashboard takes a while to start, and trials some seconds until they are shown
LOOKS = 10

# Two trials that train nothing, for a minute or two.
SEARCH = """
import time
import raypose
from raypose.space import Space

SPACE = '''
name: openfield_mouse
model: {backbone: {choice: [ResNet, HourglassNet]}}
optimizer: {type: AdamW, lr: {loguniform: [1e-4, 1e-2]}}
training: {epochs: 600}
tune: {metric: AP, num_trials: 2, max_concurrent: 2, scheduler: null}
'''


def trial(config, run):
    for epoch in range(1, 601):
        print("printed in epoch", epoch)
        run.report(epoch, {"AP": 0.9 - 0.8 / epoch, "loss": 1 / epoch, "lr": config["optimizer"]["lr"]})
        time.sleep(0.2)


if __name__ == "__main__":
    raypose.tune(Space.parse(SPACE), trial=trial)
"""


@contextlib.contextmanager
def searching(folder: Path) -> Iterator[tuple[str, str]]:
    """A search that runs in `folder`: the address of its dashboard, and the token, as a user gets them."""
    (folder / "search.py").write_text(SEARCH)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "TUNE_"))}
    # Ray's sockets want a short path.
    with tempfile.TemporaryDirectory(prefix="rp", dir="/tmp", ignore_cleanup_errors=True) as temp:
        environment = {**kept, "RAY_TMPDIR": temp, "RAY_AUTH_TOKEN": secrets.token_hex(16), "PYTHONUNBUFFERED": "1"}
        process = subprocess.Popen(
            [sys.executable, "search.py"],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            lines = process.stdout or ()
            said = next(filter(None, (re.match(r"Ray dashboard: (http://\S+) \(.*`(.*)`", line) for line in lines)))
            command = [str(Path(sys.executable).with_name("ray")), *said[2].split()[1:]]
            told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
            yield said[1], told.stdout.strip()
        finally:
            process.terminate()
            process.wait(timeout=30)


def shoot(page: Any, address: str, token: str, target: Path) -> list[str]:
    """Open the Actors page of the dashboard at `address`, wait for the first two trials, and keep a picture of it.

    Args:
        page: of playwright.
        token: what `ray get-auth-token` prints; not used where the dashboard asks for none.

    Returns:
        The names of the actors that are trials.
    """
    page.goto(f"{address}/#/actors")
    _sign_in(page, token)
    trials = page.locator("tbody tr", has_text=re.compile(r"trial \d+:"))
    trials.nth(1).wait_for(timeout=PATIENCE)
    page.wait_for_function("document.fonts.status == 'loaded'")
    page.screenshot(path=target)
    return [re.search(r"trial \d+:[^\t\n]*", row).group().strip() for row in trials.all_inner_texts()]


def open_log(page: Any, name: str, line: str) -> None:
    """From the Actors page, open a trial's own page and wait until it shows a line of the trial's log."""
    page.locator("tbody tr", has_text=name).get_by_role("link").first.click()
    for _ in range(LOOKS):
        page.wait_for_timeout(3_000)
        if line in page.locator("body").inner_text():
            return
        page.reload()  # it shows the log as it was once
    raise LookupError(f"the page of {name} never showed '{line}', but: {page.locator('body').inner_text()}")


def _sign_in(page: Any, token: str) -> None:
    """Paste the token into the dialog, as a user would."""
    dialog = page.get_by_role("dialog")
    rows = page.locator("tbody tr")
    dialog.or_(rows).first.wait_for(timeout=PATIENCE)
    if dialog.is_visible():
        dialog.get_by_placeholder("Enter your authentication token").fill(token)
        dialog.get_by_role("button", name="Submit").click()
        dialog.wait_for(state="hidden", timeout=PATIENCE)
