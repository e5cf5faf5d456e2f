"""From what failed in which rows to problems that name the options to blame, each once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from raypose.errors import Problem
from raypose.proof.places import Row, at, option, pinpoint
from raypose.space import Space
from raypose.space.culprits import culprits
from raypose.space.tree import Mark


@dataclass(frozen=True)
class Stage:
    """A step of the proof: what it is about in a configuration, and what can't matter to it."""

    path: tuple[str, ...]
    without: tuple[str, ...] = ()


HEAD = ("model.keypoint_head", "model.codec", "model.loss_keypoint")
LATER = ("optimizer", "training")
STAGES = {
    "data": Stage(("data",), ("model", *LATER)),
    "backbone": Stage(("model", "backbone"), ("model.neck", *HEAD, *LATER)),
    "codec": Stage(("model",), ("model.backbone", "model.neck", *LATER)),
    "neck": Stage(("model", "neck"), (*HEAD, *LATER)),
    "head": Stage(("model",), LATER),
    "step": Stage(("model",), LATER),
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
        self._tried.setdefault(stage, {}).setdefault(facts, []).extend(problems)

    def problems(self) -> list[Problem]:
        """One for each smallest set of options that explains failures."""
        found = [problem for stage, tried in self._tried.items() for problem in self._of(stage, tried)]
        return list(dict.fromkeys(found))

    def _of(self, stage: str, tried: Mapping[frozenset, list[Problem]]) -> Iterable[Problem]:
        failing = [dict(facts) for facts, problems in tried.items() if problems]
        passing = [dict(facts) for facts, problems in tried.items() if not problems]
        for guilty in culprits(failing, passing) if failing else ():
            facts = next(facts for facts in tried if tried[facts] and guilty <= facts)
            for problem in tried[facts]:
                yield self._told(stage, sorted(guilty), dict(facts), problem)

    def _told(self, stage: str, guilty: list[tuple[str, Any]], row: Row, problem: Problem) -> Problem:
        """The problem with its place; where several options are to blame, all of them with their lines."""
        named = [option(self.space, name, value) for name, value in guilty]
        node = at(self.space, STAGES[stage].path, row)
        message, mark = problem.message, self.space.tree.mark if node is None else pinpoint(node, row, problem.message)
        if len(named) > 1:
            told = " and ".join(f"{what} (line {where.line})" for what, where in _by_line(named))
            message, mark = f"{told} don't go together: {message}", _by_line(named)[-1][1]
        elif named and not _is_within(mark, named[0][1]):
            mark = named[0][1]
        return Problem(message, mark.file, mark.line, mark.column, problem.rule or "build", problem.hint)


def _by_line(named: list[tuple[str, Mark]]) -> list[tuple[str, Mark]]:
    return sorted(named, key=lambda each: (each[1].line, each[1].column))


def _is_within(mark: Mark, start: Mark) -> bool:
    return mark.file == start.file and (mark.line, mark.column) >= (start.line, start.column)
