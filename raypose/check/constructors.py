"""The optimizers of a space, the parts of a cocktail included, and their constructors."""

from __future__ import annotations

from collections.abc import Iterator

from raypose.check.report import Report, alternatives, is_null, mappings, shown
from raypose.check.slots import BUILD_ONE, BUILD_PARTS, DEFAULT_TYPE, EXTRA
from raypose.registry import OPTIMIZER_BUILDERS
from raypose.space.tree import Mapping, Node, Scalar

OWN = EXTRA["optimizer"]


def optimizers(node: Node | None) -> Iterator[Mapping]:
    """Each mapping that describes an optimizer, or several by the parts of the model."""
    for each in mappings(node):
        yield each
        if "type" not in each.entries:
            for key, child in each.entries.items():
                if key not in OWN:
                    yield from optimizers(child)


def constructors(optimizer: Mapping) -> Iterator[tuple[Node, str]]:
    """The names that an optimizer's `constructor` may take, the default one's too, and where they stand."""
    given = optimizer.entries.get("constructor")
    if given is None:
        yield optimizer, DEFAULT_TYPE[OPTIMIZER_BUILDERS.name]
    for each in alternatives(given) if given is not None else ():
        if is_null(each):
            yield each, DEFAULT_TYPE[OPTIMIZER_BUILDERS.name]
        elif isinstance(each, Scalar) and isinstance(each.value, str):
            yield each, each.value


def parts(optimizer: Mapping) -> dict[str, Node]:
    """What stands beside an optimizer's constructor."""
    return {key: child for key, child in optimizer.entries.items() if key not in OWN}


def forms(report: Report, optimizer: Mapping, key: str) -> bool:
    """Report an optimizer whose constructor wants a `type`, or one for each part, and that is written otherwise.

    Returns whether it wants one for each part.
    """
    names = {name for _, name in constructors(optimizer)}
    if names & BUILD_PARTS:
        _parts(report, optimizer, min(names & BUILD_PARTS))
    elif names & BUILD_ONE and "type" not in optimizer.entries:
        hint = "only a cocktail has an optimizer for each part"
        report.add(optimizer.mark, f"'{key}' lacks its 'type'", "missing-type", hint)
    return bool(names & BUILD_PARTS)


def _parts(report: Report, optimizer: Mapping, name: str) -> None:
    hint = "for example backbone: {type: SGD, lr: 0.01}"
    if not parts(optimizer):
        report.add(optimizer.mark, f"{name} needs an optimizer for each part of the model", "missing-argument", hint)
    for part, child in parts(optimizer).items():
        for each in alternatives(child):
            if not isinstance(each, Mapping):
                message = f"{name} maps parts of the model to optimizers, but got {shown(each)} for '{part}'"
                report.add(each.mark, message, "wrong-type", hint)
