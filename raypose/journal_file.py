"""The file behind a study's journal, for the one process that writes it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from typing import Any

from optuna.storages.journal import JournalFileBackend

# System attributes in which CmaEsSampler keeps its optimizer pickled, and would unpickle what a foreign file has there.
PICKLED = re.compile(r"(sep)?cma(wm)?:optimizer")


class OneWriter(JournalFileBackend):
    """Appends without Optuna's lock, since the experiment's own lock leaves one writer, and waits for the disk only where
    a trial ends: a killed process loses nothing, a machine without power what came since.

    What can only be written in part (a full disk) is taken back, so that the file always ends with a whole line. What
    was in the file before reaches no unpickler: at a resume, CmaEsSampler learns its generations again, one a trial.

    Example:
        >>> storage = JournalStorage(OneWriter("study.journal"))
    """

    def __init__(self, file_path: str) -> None:
        cut_torn_line(file_path)
        super().__init__(file_path)
        self._path = file_path
        with open(file_path, "rb") as file:
            self._before = sum(1 for _ in file)

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        text = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs).encode()
        with open(self._path, "ab", buffering=0) as file:
            end = file.tell()
            try:
                written = file.write(text)
                if written != len(text):  # the disk is full: the next byte says so
                    file.write(text[written:])
            except OSError:
                file.truncate(end)
                raise
            if any("state" in log for log in logs):
                os.fsync(file.fileno())

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:  # type: ignore[override]
        for number, log in enumerate(super().read_logs(log_number_from), log_number_from):
            yield _harmless(log) if number < self._before else log


def cut_torn_line(path: str) -> None:
    """Cut a last line that a kill has torn, which the next append would corrupt for good."""
    if not os.path.exists(path):
        return
    with open(path, "rb") as file:
        content = file.read()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        os.truncate(path, whole)


def _harmless(log: dict[str, Any]) -> dict[str, Any]:
    for name in ("system_attr", "system_attrs"):
        if any(map(PICKLED.match, log.get(name) or ())):
            log[name] = {"unread" if PICKLED.match(key) else key: value for key, value in log[name].items()}
    return log
