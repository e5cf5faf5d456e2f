"""Whether `tune.sampler` suits the space, and whether the values that it is given are the space's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from raypose.check.objectives import named as objectives
from raypose.check.report import Report, is_null, mappings, plain, shown
from raypose.errors import RayPoseError
from raypose.space import Space
from raypose.space.constraints import Constraint
from raypose.space.grid import conditional, grid, named, stored, values, wanted
from raypose.space.tree import Choice, Dimension, Mapping, Range, Scalar, Sequence


@dataclass(frozen=True)
class Traits:
    """What a sampler of Optuna does with what only some searches have; the fields say what it does not know."""

    conditional: str = ""  # what it does with the dimensions that only some configurations have, if it goes by the rest
    categorical: str = ""  # the same, choices
    objectives: bool = True  # takes several
    constraints: bool = True  # learns from them, if from anything
    stopped: bool = True  # learns from trials that ended early, and from draws that were not trained, if from anything
    endless: bool = True  # takes dimensions without an end of values


RANDOM = "samples at random"
EVOLUTION = Traits(conditional=RANDOM, stopped=False)
# As read in Optuna 5.0; samplers that are not here do whatever they are asked to.
TRAITS = {
    "GPSampler": Traits(conditional=RANDOM, stopped=False),
    "CmaEsSampler": Traits(RANDOM, RANDOM, objectives=False, constraints=False, stopped=False),
    "NSGAIISampler": EVOLUTION,
    "NSGAIIISampler": EVOLUTION,
    "QMCSampler": Traits(conditional=RANDOM),
    "GridSampler": Traits(conditional="may end before it has tried each value of"),
    "BruteForceSampler": Traits(endless=False),
}
HINT = "TPESampler learns from all of that"


def unsuitable(report: Report, space: Space) -> None:
    """Report what `tune.sampler` cannot do, and warn of what it does not do well, if all else could be read."""
    tune = space.tree.entries.get("tune")
    given = tune.entries.get("sampler") if isinstance(tune, Mapping) else None
    if (
        space.problems
        or not space.dimensions
        or given is None
        or not isinstance(tune, Mapping)
        or report.touches(given)
    ):
        return
    for sampler in _with_bases(given):
        name = plain(sampler.entries["type"]) if "type" in sampler.entries else None
        if name == "GridSampler":
            _grid(report, space, sampler)
        if name == "PartialFixedSampler":
            _each(report, space, sampler, "fixed_params", stored)
        if name in TRAITS:
            for problem, message, hint in _unsuited(name, TRAITS[name], space, tune):
                (report.add if problem == "error" else report.warn)(sampler.mark, message, "unsuitable-sampler", hint)


def _with_bases(node: Any) -> Iterator[Mapping]:
    for sampler in mappings(node):
        yield sampler
        if "base_sampler" in sampler.entries:
            yield from _with_bases(sampler.entries["base_sampler"])
        turns = sampler.entries.get("samplers")
        for each in turns.items if isinstance(turns, Sequence) else ():
            yield from _with_bases(each)


def _unsuited(name: str, traits: Traits, space: Space, tune: Mapping) -> Iterator[tuple[str, str, str]]:
    """What a sampler is not made for: error or warning, message, hint."""
    some = conditional(space)
    choices = [each for each in space.dimensions if isinstance(each, Choice) and each not in some]
    endless = [each for each in space.dimensions if _is_endless(each)]
    if traits.conditional and some:
        what = "which only some configurations have"
        hint = "BruteForceSampler takes each configuration once" if name == "GridSampler" else "TPESampler learns them"
        yield "warning", f"{name} {traits.conditional} {_listed(some)}, {what}", hint
    if traits.categorical and choices:
        yield "warning", f"{name} {traits.categorical} {_listed(choices)}, which are choices", "TPESampler learns them"
    if not traits.endless and endless:
        message = f"{name} tries every configuration, but there is no end of values of {_listed(endless)}"
        yield "error", message, "make it a choice, randint or quniform"
    if not traits.objectives and len(several := objectives(space.tree)) > 1:
        message = f"{name} searches one objective, but 'metric' has {len(several)}"
        yield "error", message, "TPESampler, GPSampler, NSGAIISampler and NSGAIIISampler take several"
    if not traits.constraints and _constraints(tune):
        yield "warning", f"{name} draws as if there were no constraints", "TPESampler learns from them"
    if not traits.stopped and (unseen := [*_early(space, tune), *_costs(tune)]):
        yield "warning", f"{name} learns from finished trials alone, not from {' and '.join(unseen)}", HINT


def _is_endless(dimension: Dimension) -> bool:
    """Whether a study has no end of its values; it has those of `qloguniform` before they are rounded."""
    unrounded = isinstance(dimension, Range) and dimension.facts.log and not dimension.facts.integer
    return unrounded or values(dimension) is None


def _early(space: Space, tune: Mapping) -> list[str]:
    scheduler = tune.entries.get("scheduler")
    none = len(objectives(space.tree)) > 1 if scheduler is None else is_null(scheduler)
    return [] if none else ["those that are stopped early (`scheduler`)"]


def _costs(tune: Mapping) -> list[str]:
    about_costs = [each for each in _constraints(tune) if each.is_static]
    return [f"draws that break '{about_costs[0].text}'"] if about_costs else []


def _constraints(tune: Mapping) -> list[Constraint]:
    """The constraints that can be read; what is wrong with the others is reported elsewhere."""
    found, given = [], tune.entries.get("constraints")
    for item in given.items if isinstance(given, Sequence) else ():
        try:
            found += [Constraint.parse(item.value, None)] if isinstance(item, Scalar) else []
        except (RayPoseError, TypeError):
            continue
    return found


def _grid(report: Report, space: Space, sampler: Mapping) -> None:
    before = len(report.problems)
    given = sampler.entries.get("search_space")
    if given is not None and not isinstance(given, Mapping):
        report.add(given.mark, f"'search_space' must be a mapping, but got {shown(given)}", "wrong-type")
    _each(report, space, sampler, "search_space", wanted)
    if len(report.problems) == before:
        _tell(report, sampler, lambda: grid(space, None if given is None else plain(given)))


def _each(report: Report, space: Space, sampler: Mapping, key: str, reads: Callable[[Dimension, Any], Any]) -> None:
    """Report each name under a key that is no dimension's, and each value that is none of its."""
    given = sampler.entries.get(key)
    if not isinstance(given, Mapping):
        return
    for name, node in given.entries.items():
        at = Mapping(given.key_marks[name], {}, {})
        if _tell(report, at, lambda name=name: named(space, name)):  # type: ignore[misc]
            _tell(report, node, lambda name=name, node=node: reads(named(space, name), plain(node)))  # type: ignore[misc]


def _tell(report: Report, where: Any, does: Callable[[], Any]) -> bool:
    """Report what something raises at a node; whether it raised nothing."""
    try:
        does()
    except RayPoseError as error:
        for problem in error.problems:
            report.add(where.mark, problem.message, problem.rule, problem.hint)
        return False
    return True


def _listed(dimensions: list[Any], most: int = 3) -> str:
    names = [f"'{each.name}'" for each in dimensions]
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"
