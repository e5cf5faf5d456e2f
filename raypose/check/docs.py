"""What the code says of itself: docstrings of components, comments of a section's fields."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Callable, Iterator


def summary(component: Callable) -> str:
    """The first paragraph of its own docstring, in one line."""
    own = vars(component).get("__doc__") if isinstance(component, type) else component.__doc__
    return " ".join(inspect.cleandoc(own or "").partition("\n\n")[0].split())


def told(component: Callable) -> dict[str, str]:
    """What the `Args:` of a docstring say of each argument, in a sentence."""
    text = inspect.getdoc(component) or ""
    block = re.search(r"^Args:\n((?:[ ]+.*\n?|\n)*)", text, re.MULTILINE)
    return dict(_entries(inspect.cleandoc(block[1]))) if block else {}


def _entries(block: str) -> Iterator[tuple[str, str]]:
    for names, said in re.findall(r"^(\w[\w, ]*?)(?: \([^)]*\))?: (.*(?:\n[ ]+.*)*)", block, re.MULTILINE):
        sentence = re.split(r"(?<=[a-z)])\. | \(default: ", " ".join(said.split()))[0]
        yield from ((name, sentence) for name in names.split(", "))


def comments(described: type) -> dict[str, str]:
    """What the comments beside or above the fields of a dataclass say, its parents' included.

    Example:
        >>> comments(Augment)["flip"]
        'probability'
    """
    classes = [cls for cls in reversed(described.__mro__) if dataclasses.is_dataclass(cls)]
    return {name: said for cls in classes for name, said in _comments(cls)}


def _comments(described: type) -> Iterator[tuple[str, str]]:
    try:
        lines = inspect.getsource(described).splitlines()
    except (OSError, TypeError):
        return
    above: list[str] = []
    for line in lines:
        code, *said = re.split(r"(?:^\s*|\s+)# ", line)
        said = [each for each in said if not each.startswith(("type:", "noqa"))]
        if found := re.match(r" {4}(\w+):", code):
            yield found[1], " ".join(said or above)
        above = [] if code.strip() else [*above, *said]
