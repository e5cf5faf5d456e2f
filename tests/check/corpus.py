"""Faulty spaces: by hand, and by mutating good ones with a seeded generator."""

from __future__ import annotations

import importlib.util
import random
from pathlib import Path
from types import ModuleType
from typing import NamedTuple


def beside(name: str) -> ModuleType:
    """A module of this folder, which is no package."""
    spec = importlib.util.spec_from_file_location(f"check_{name}", Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_good, _hand, _mutations = beside("good_spaces"), beside("by_hand"), beside("mutations")
good_spaces, write_surroundings = _good.good_spaces, _good.write_surroundings


class Faulty(NamedTuple):
    """A space with one mistake."""

    name: str
    text: str
    line: int  # of the mistake, from 1
    statically: bool  # the static check finds it; else building the parts does
    by_schema: bool  # a JSON Schema can find it
    of: str  # the good space that it was made of


def faulty_spaces(of_each_kind: int = 1, seed: int = 0) -> list[Faulty]:
    """All that were made by hand, and so many mutants of each kind of each good space.

    The files that they name: `annotations.json` and `images` (see `tests/conftest.py`), and what
    `write_surroundings(folder)` makes.
    """
    return [*_by_hand(), *_mutated(of_each_kind, seed)]


def _by_hand() -> list[Faulty]:
    good, found = good_spaces(), []
    for number, (of, old, new, how) in enumerate(_hand.FLAWS):
        assert how in ("schema", "check", "build"), how
        assert (old in good[of], new.count("§")) == (True, 1), (of, old, new)
        line = good[of].replace(old, new, 1).partition("§")[0].count("\n") + 1
        text = good[of].replace(old, new.replace("§", ""), 1)
        name = f"{number}-{of}-{' '.join(new.split())[:40]}"
        found.append(Faulty(name, text, line, how != "build", how == "schema", of))
    return found


def _mutated(of_each_kind: int, seed: int) -> list[Faulty]:
    return [
        Faulty(f"{of}-{kind}-{number}", each.text, each.line, True, each.by_schema, of)
        for of, text in good_spaces().items()
        for number, (kind, each) in enumerate(_mutations.mutants(text, random.Random(f"{seed} {of}"), of_each_kind))
    ]
