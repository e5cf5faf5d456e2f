"""The check of a space with the samplers and schedulers that `tune` knows; ray is imported only for one of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from raypose import check
from raypose.errors import Problem, RayPoseError
from raypose.plugins import load_plugins, located
from raypose.space import Space
from raypose.space.space import in_order
from raypose.tuning.sampling.samplers import sampler_class
from raypose.tuning.stopping.schedulers import scheduler_class
from raypose.tuning.trying import BUILDERS

if TYPE_CHECKING:
    from raypose.proof import Price, Proof


def load_checked(file: str | Path, overrides: Iterable[str] = (), warn: check.Warn | None = None) -> Space:
    """The space in `file`, changed by `overrides` such as `training.epochs=3`, its plugins loaded, if nothing is wrong.

    `warn` gets the warnings; default: they are logged.

    Raises:
        RayPoseError: all that is wrong with it.
    """
    return check.load_checked(
        file, samplers=sampler_class, schedulers=scheduler_class, builders=BUILDERS, overrides=overrides, warn=warn
    )


@dataclass(frozen=True)
class Findings:
    """What an examination of a space found: problems; the space, if it could be read; and what its combinations cost, if
    it was proven and nothing is wrong."""

    problems: list[Problem]
    space: Space | None = None
    proof: Proof | None = None
    prices: Sequence[Price] = ()

    @property
    def failed(self) -> bool:
        """Whether a problem is an error."""
        return any(each.level == "error" for each in self.problems)

    @property
    def combinations(self) -> list[list[Price]]:
        """The prices of each combination of options."""
        from raypose.proof.prices import by_options

        return by_options(self.space, self.prices) if self.space else []

    def met(self) -> dict[str, int]:
        """How many combinations of options meet each constraint."""
        from raypose.proof.constraints import met

        return met(self.space, self.prices) if self.space else {}


def examine(file: str | Path, overrides: Iterable[str] = (), structure: bool = True) -> Findings:
    """All that can be found out about the space in a file; `structure`: by building every combination, too.

    Example:
        >>> for problem in examine("search.yaml").problems:
        ...     print(problem)
    """
    problems: list[Problem] = []
    try:
        space = load_checked(file, overrides, warn=problems.extend)
    except RayPoseError as error:
        return Findings(located(error))
    return _proven(space, problems) if structure else Findings(problems, space)


def _proven(space: Space, before: list[Problem]) -> Findings:
    from raypose.proof import prices, prove
    from raypose.proof.constraints import unmet

    proof = prove(space)
    found = Findings(in_order([*before, *proof.problems]), space, proof)
    if found.failed:
        return found
    untold: list[Problem] = []
    priced = prices(space, proof, warn=untold.append)
    return replace(found, problems=in_order([*found.problems, *untold, *unmet(space, priced)]), prices=priced)


def problems_of(space: Space) -> list[Problem]:
    """All that is wrong with a space whose plugins are loaded, warnings included."""
    return check.check(space, samplers=sampler_class, schedulers=scheduler_class, builders=BUILDERS)


def check_space(space: Space, warn: check.Warn | None = None, structure: bool = True) -> None:
    """Load the space's plugins and check it; `structure`: by building every combination, too. `warn` gets the warnings;
    default: they are logged.

    Raises:
        RayPoseError: all that is wrong with it.
    """
    load_plugins(space.default().get("plugins") or [])
    check.settle(problems_of(space), warn)
    if structure:
        check_structure(space, warn)


def check_structure(space: Space, warn: check.Warn | None = None) -> None:
    """Build every combination of the options that change the model.

    Raises:
        RayPoseError: what doesn't go together, and what can't be built.
    """
    from raypose.proof import prove

    check.settle(prove(space).problems, warn)
