"""A study's journal read in a fraction of the time that Optuna takes line by line: an experiment of thousands of trials
opens at once."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from optuna.distributions import check_distribution_compatibility, json_to_distribution
from optuna.storages.journal import BaseJournalBackend
from optuna.storages.journal._storage import JournalOperation as Op
from optuna.trial import TrialState
from pydantic_core import from_json

Row = dict[str, Any]
# Plain numbers: each is compared a hundred thousand times.
CREATE_TRIAL, SET_PARAM, SET_STATE, SET_INTERMEDIATE = (
    Op.CREATE_TRIAL.value,
    Op.SET_TRIAL_PARAM.value,
    Op.SET_TRIAL_STATE_VALUES.value,
    Op.SET_TRIAL_INTERMEDIATE_VALUE.value,
)
ATTRS = {Op.SET_TRIAL_USER_ATTR.value: "user_attr", Op.SET_TRIAL_SYSTEM_ATTR.value: "system_attr"}
OF_TRIALS = {SET_PARAM, SET_STATE, SET_INTERMEDIATE, *ATTRS}
OF_STUDY = {Op.CREATE_STUDY.value, Op.SET_STUDY_USER_ATTR.value, Op.SET_STUDY_SYSTEM_ATTR.value}
RUNNING = TrialState.RUNNING.value
FINISHED = {state.value for state in TrialState if state.is_finished()}


class Folded(BaseJournalBackend):
    """All that a journal says of a trial, given as the one record that Optuna writes where a trial is added as a whole; what
    is appended later, line by line. To read only, also while another process writes: a last line that is not whole yet is
    left for the next time.

    Example:
        >>> storage = JournalStorage(Folded("study.journal"))
    """

    def __init__(self, file_path: str) -> None:
        self._path, self._read = file_path, 0

    def read_logs(self, log_number_from: int) -> Iterator[Row]:
        with open(self._path, "rb") as file:
            file.seek(self._read)
            content = file.read()
        if not content:
            return iter(())
        rows, size = parsed(content)
        self._read += size
        return iter(rows if log_number_from else folded(rows))

    def append_logs(self, logs: list[Row]) -> None:
        raise NotImplementedError("this journal is open to be read")


def parsed(content: bytes) -> tuple[list[Row], int]:
    """The records of lines, and how many bytes they take; a last one that is not whole is left out.

    Raises:
        ValueError: another line is no record.
    """
    lines = content.split(b"\n")[:-1]
    for whole in (lines, lines[:-1]):
        try:
            rows = _loaded(b"[%s]" % b",".join(whole))  # all at once: calls alone would take half the time
        except ValueError:
            continue
        if len(rows) == len(whole):
            return rows, sum(map(len, whole)) + len(whole)
    raise ValueError("a line of the journal is no record")


def _loaded(text: bytes) -> list[Row]:
    try:
        return from_json(text)  # twice as fast
    except ValueError:  # also of half a surrogate pair, as in file names that are no UTF-8
        return json.loads(text)


def folded(rows: list[Row]) -> list[Row]:
    """The records of the study, then one a trial, as Optuna would have it after all of them."""
    if not {row["op_code"] for row in rows} <= {*OF_STUDY, *OF_TRIALS, CREATE_TRIAL}:
        return rows
    fold = _Fold()
    fold.take(rows)
    return [*(row for row in rows if row["op_code"] in OF_STUDY), *fold.trials]


class _Fold:
    def __init__(self) -> None:
        self.trials: list[Row] = []
        self._first: dict[str, tuple[int, str]] = {}  # of each parameter: the first trial that has it, its distribution

    def take(self, rows: Iterable[Row]) -> None:
        for row in rows:
            op = row["op_code"]
            if op == CREATE_TRIAL:
                self._create(row)
            elif op in OF_TRIALS and row["trial_id"] < len(self.trials):
                trial = self.trials[row["trial_id"]]
                if trial["state"] not in FINISHED:
                    self._change(trial, op, row)

    def _create(self, row: Row) -> None:
        parts: Row = {
            name: {} for name in ("params", "distributions", "user_attrs", "system_attrs", "intermediate_values")
        }
        self.trials.append({"state": RUNNING, "value": None, "values": None, **parts, **row})
        for name, distribution in self.trials[-1]["distributions"].items():
            self._first.setdefault(name, (len(self.trials) - 1, distribution))

    def _change(self, trial: Row, op: int, row: Row) -> None:
        if op == SET_INTERMEDIATE:
            trial["intermediate_values"][row["step"]] = row["intermediate_value"]
        elif op == SET_PARAM:
            self._set_param(trial, row)
        elif op == SET_STATE:
            _set_state(trial, row)
        else:
            trial[f"{ATTRS[op]}s"].update(row[ATTRS[op]])

    def _set_param(self, trial: Row, row: Row) -> None:
        name, distribution, number = row["param_name"], row["distribution"], row["trial_id"]
        first = self._first.get(name, (number, distribution))
        if first[1] != distribution and not _compatible(first[1], distribution):
            return  # written by a process that was then told so
        self._first[name] = min(first, (number, distribution))
        trial["params"][name] = row["param_value_internal"]
        trial["distributions"][name] = distribution


def _set_state(trial: Row, row: Row) -> None:
    if row["state"] == RUNNING:
        if trial["state"] == RUNNING:
            return  # another process had it already
        trial["datetime_start"] = row["datetime_start"]
    if row["state"] in FINISHED:
        trial["datetime_complete"] = row["datetime_complete"]
    trial["state"] = row["state"]
    if row["values"] is not None:
        trial |= {"value": None, "values": row["values"]}


def _compatible(one: str, other: str) -> bool:
    try:
        check_distribution_compatibility(json_to_distribution(one), json_to_distribution(other))
    except ValueError:
        return False
    return True
