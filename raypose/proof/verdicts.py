"""From what failed in which rows to problems that name the options to blame, each once."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from raypose.errors import Problem
from raypose.proof.places import Row, at, in_words, option, pinpoint
from raypose.space import Space
from raypose.space.combining import culprits
from raypose.space.tree import Mark


@dataclass(frozen=True)
class Stage:
    """A step of the proof: what it is about in a configuration, and what can't matter to it."""

    path: tuple[str, ...]
    without: tuple[str, ...] = ()


HEAD = ("model.keypoint_head", "model.codec", "model.loss_keypoint")
LATER = ("optimizer", "training")
STAGES = {
    "train": Stage(("data", "train"), ("model", *LATER)),
    "val": Stage(("data", "val"), ("model", *LATER)),
    "backbone": Stage(("model", "backbone"), ("model.neck", *HEAD, *LATER)),
    "codec": Stage(("model",), ("model.backbone", "model.neck", *LATER)),
    "pretrained": Stage(("model",), (*HEAD, *LATER)),
    "neck": Stage(("model", "neck"), (*HEAD, *LATER)),
    "head": Stage(("model",), LATER),
    "posenet": Stage(("model",), LATER),
    "step": Stage(("model",), LATER),
    "training": Stage(("model",), LATER),
    "optimizer": Stage(("optimizer",)),
    "schedule": Stage(("training", "lr_schedule"), ("model", "data")),
}


@dataclass
class Verdicts:
    """What was tried, row by row, and how it ended."""

    space: Space
    _tried: dict[str, dict[frozenset, list[Problem]]] = field(default_factory=dict)

    def add(self, stage: str, row: Row, problems: Iterable[Problem] = ()) -> None:
        """A stage of a row went well, or failed with some problems."""
        without = STAGES[stage].without
        facts = frozenset(
            (name, value)
            for name, value in row.items()
            if not any(name == each or name.startswith(f"{each}.") for each in without)
        )
        told = self._tried.setdefault(stage, {}).setdefault(facts, [])
        told += [each for each in problems if each not in told]

    def problems(self) -> list[Problem]:
        """One for each smallest set of options that explains failures."""
        found = [problem for stage, tried in self._tried.items() for problem in self._of(stage, tried)]
        return list({(each.line, each.column, _wording(each)): each for each in reversed(found)}.values())

    def suspects(self) -> Iterator[tuple[frozenset[tuple[str, Any]], Row]]:
        """Options that seem to be to blame, each with a row that failed with them."""
        for tried in self._tried.values():
            for guilty, facts in self._blamed(tried):
                if guilty < facts:
                    yield guilty, dict(facts)

    def _of(self, stage: str, tried: Mapping[frozenset, list[Problem]]) -> Iterator[Problem]:
        for guilty, facts in self._blamed(tried):
            for problem in tried[facts]:
                yield self._told(stage, guilty, dict(facts), problem)

    def _blamed(self, tried: Mapping[frozenset, list[Problem]]) -> Iterator[tuple[frozenset, frozenset]]:
        """Smallest sets of options that explain the failures, each with all that one of these rows had."""
        failing = [facts for facts, problems in tried.items() if problems]
        passing = [dict(facts) for facts, problems in tried.items() if not problems]
        for group in self._groups(tried, failing, passing):
            others = [dict(facts) for facts in failing if facts not in group]
            for guilty in culprits([dict(facts) for facts in group], [*passing, *others]):
                yield guilty, next(facts for facts in group if guilty <= facts)

    def _groups(
        self, tried: Mapping[frozenset, list[Problem]], failing: list[frozenset], passing: Sequence[Row]
    ) -> list[list[frozenset]]:
        """What failed, together; where nothing passed, and no option is to blame for all, by what was said."""
        if passing or not failing:
            return [failing] if failing else []
        groups: dict[tuple, list[frozenset]] = {}
        for facts in failing:
            groups.setdefault(tuple(map(_wording, tried[facts])), []).append(facts)
        return list(groups.values())

    def _told(self, stage: str, guilty: frozenset[tuple[str, Any]], row: Row, problem: Problem) -> Problem:
        """The problem with its place; where several options are to blame, all of them with their lines."""
        node = at(self.space, STAGES[stage].path, row)
        message, mark = problem.message, self.space.tree.mark if node is None else pinpoint(node, row, problem.message)
        found = [option(self.space, *fact) for fact in guilty]
        if len(found) > 1:
            message = f"{in_words(self.space, guilty)} don't go together: {message}"
        elif found and not found[0].is_component and found[0].name not in message:
            message = f"{found[0].words}: {message}"
        if found and not (len(found) == 1 and found[0].is_component and _is_after(mark, found[0].mark)):
            mark = max((each.mark for each in found), key=_position)
        if problem.file:
            message += f" ({_short(problem.file)}{f':{problem.line}' if problem.line else ''})"
        return mark.problem(message, problem.rule or "build", problem.hint)


def _short(file: str) -> str:
    """A path from here, where that is shorter."""
    return min(file, os.path.relpath(file), key=len)


def _wording(problem: Problem) -> str:
    """A message without its numbers, which differ from row to row."""
    return re.sub(r"\d+", "#", problem.message)


def _is_after(mark: Mark, start: Mark) -> bool:
    return mark.file == start.file and _position(mark) >= _position(start)


def _position(mark: Mark) -> tuple[int, int]:
    return mark.line or 0, mark.column or 0
