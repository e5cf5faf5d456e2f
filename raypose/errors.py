"""The one error that RayPose raises for a mistake of the user's: what is wrong, where, and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Level = Literal["error", "warning"]


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong. `line` and `column` count from 1; `rule` is a short stable name such as `unknown-key`;
    `value` the offending value as compact JSON. A warning stops nothing.

    Example:
        >>> print(Problem("unknown backbone 'ResNt'", "a.yaml", 14, 9, hint="did you mean 'ResNet'?"))
        a.yaml:14:9: unknown backbone 'ResNt'; did you mean 'ResNet'?
    """

    message: str
    file: str | None = None
    line: int | None = None
    column: int | None = None
    rule: str = ""
    hint: str = ""
    level: Level = "error"
    value: str = ""

    def __str__(self) -> str:
        where = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        text = f"{self.message}; {self.hint}" if self.hint else self.message
        text = f"warning: {text}" if self.level == "warning" else text
        return f"{where}: {text}" if where else text


class RayPoseError(Exception):
    """One or more problems, all found at once. `exit_status` is 2 for wrong input, 1 for what failed while running."""

    def __init__(
        self, problems: str | Problem | Iterable[Problem], *, hint: str = "", rule: str = "", exit_status: int = 2
    ) -> None:
        if isinstance(problems, str):
            problems = Problem(problems, hint=hint, rule=rule)
        self.problems = [problems] if isinstance(problems, Problem) else list(problems)
        self.exit_status = exit_status
        super().__init__("\n".join(map(str, self.problems)))

    def __reduce__(self) -> tuple:
        return _restore, (self.problems, self.exit_status)


def _restore(problems: list[Problem], exit_status: int) -> RayPoseError:
    return RayPoseError(problems, exit_status=exit_status)


def nearest(word: object, known: Iterable[str]) -> str:
    """The hint for an unknown word: its nearest known one, else all of them.

    A slip of the fingers is nearest, then a word cut short or one with an end too many, then what is just similar.

    Example:
        >>> nearest("ResNt", ["ResNet", "VGG"])
        "did you mean 'ResNet'?"
    """
    names = sorted(known)
    folded = {name.lower(): name for name in names}
    given = str(word).lower()
    related = [name for name in folded if _begins(name, given) or _begins(given, name)]
    for candidates, cutoff in ((folded, 0.8), (related, 0.0), (folded, 0.6)):
        if matches := difflib.get_close_matches(given, candidates, n=1, cutoff=cutoff):
            return f"did you mean '{folded[matches[0]]}'?"
    return f"known: {', '.join(names)}" if names else ""


def _begins(word: str, start: str) -> bool:
    return len(start) >= 3 and word.startswith(start)
