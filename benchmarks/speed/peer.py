"""MMPose's training in a process of its own, which trains a block of steps when it is told to."""

from __future__ import annotations

import contextlib
import json
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from raypose.data import KeypointTable

SCRIPT = Path(__file__).with_name("mmpose_training.py")


class Unavailable(Exception):
    """Why there is no MMPose to compare with."""


@contextlib.contextmanager
def mmpose(python: str | None, table: KeypointTable, batch_size: int) -> Iterator[Callable[[int], float]]:
    """The MMPose 1.x of the interpreter `python`, in training on the table: what takes so many steps, and says in how
    many seconds.

    Raises:
        Unavailable: no interpreter, or none with an MMPose that trains.
    """
    if python is None:
        raise Unavailable("no --peer, the interpreter of an environment with MMPose 1.3.2")
    with tempfile.TemporaryDirectory() as scratch:
        annotations, said = Path(scratch) / "annotations.json", Path(scratch) / "stderr"
        annotations.write_text(json.dumps(table.to_coco()))
        command = [python, str(SCRIPT), str(annotations), str(batch_size), scratch]
        pipe = subprocess.PIPE
        try:
            with said.open("w") as errors:
                process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=errors, text=True)
        except OSError as error:
            raise Unavailable(f"{python}: {error.strerror}") from None

        def block(steps: int) -> float:
            with contextlib.suppress(BrokenPipeError):
                print(steps, file=process.stdin, flush=True)
            if answer := process.stdout.readline():
                return float(answer)
            raise Unavailable((said.read_text().strip() or "MMPose ended without a word").splitlines()[-1])

        try:
            block(1)
            yield block
        finally:
            process.communicate()  # the end of its input ends it
