"""Components that cost nothing are built, since only their constructors know all that is wrong with their values."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from collections.abc import Mapping as Table
from typing import Any

from raypose.check.epochs import longest
from raypose.check.report import Report, alternatives, mappings, plain
from raypose.check.variants import variants
from raypose.errors import Problem, RayPoseError
from raypose.space.traverse import descend
from raypose.space.tree import Mapping, Mark, Node, Sequence

# Builds a component from its plain configuration, for trainings of at most so many epochs.
Builder = Callable[[Table[str, Any], int], Any]

# Where components of a key stand; those of other keys are not built here.
SECTIONS = {"sampler": "tune", "scheduler": "tune", "lr_schedule": "training", "metrics": "training"}


def unbuildable(report: Report, tree: Mapping, builders: Table[str, Builder]) -> None:
    """Report what each builder raises, for components about which nothing is reported yet."""
    epochs = longest(tree)
    for key, build in builders.items():
        for section in mappings(tree.entries.get(SECTIONS[key])):
            for node in _components(section.entries[key]) if key in section.entries else ():
                _build(report, node, build, epochs)


def _components(node: Node) -> Iterator[Mapping]:
    for each in alternatives(node):
        if isinstance(each, Sequence):
            for item in each.items:
                yield from _components(item)
        elif isinstance(each, Mapping):
            yield each


def _build(report: Report, node: Mapping, build: Builder, epochs: int) -> None:
    if report.touches(node):
        return
    for variant in (each for each in variants(node) if isinstance(each, Mapping)):
        try:
            build(plain(variant), epochs)
        except RayPoseError as error:
            problems = error.problems
        except Exception as error:  # of the component's own code
            problems = [Problem(f"{plain(variant).get('type')}: {error}", rule="wrong-value")]
        else:
            continue
        for each in problems:
            report.add(_blamed(variant, each.message), each.message, each.rule, each.hint)


def _blamed(node: Mapping, message: str) -> Mark:
    """Where the argument stands that a message names, the component if it names none."""
    mappings_below = [each for _, each in descend(node) if isinstance(each, Mapping)]
    owners = [each for each in mappings_below if plain(each).get("type") == message.partition(":")[0]] or [node]
    words = " ".join(re.findall(r"\w+", message)).lower()
    for owner in owners:
        for key, child in owner.entries.items():
            if key != "type" and any(re.search(rf"\b{name}\b", words) for name in _spellings(str(key))):
                return child.mark
    return owners[0].mark


def _spellings(key: str) -> tuple[str, str]:
    return re.escape(key.lower()), re.escape(key.lower().replace("_", " "))
