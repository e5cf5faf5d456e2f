"""Random spaces for property tests."""

from __future__ import annotations

import random
from collections.abc import Callable

RANGES = [
    {"uniform": [-1, 2.5]},
    {"quniform": [0, 1, 0.1]},
    {"quniform": [-0.35, 0.95, 0.07]},
    {"loguniform": [1e-5, 1e-1]},
    {"qloguniform": [1e-3, 1e-1, 1e-3]},
    {"randint": [0, 7]},
    {"qrandint": [8, 64, 8]},
    {"qrandint": [3, 50, 7]},
    {"lograndint": [1, 1000]},
]
STRINGS = [
    "", "on", "off", "yes", "1e-4", "1", "010", "0x1", "true", "null", "~", "${X}", "$${X}", "$$", "a: b", "# c",
    "- d", " pad ", "tab\t", "line\nbreak\n", "é ü 漢 🙂", "'", '"', "\\", "<<", "*a", "&a", "!t", "%x", "@", "`", "{",
    "[1]", "?", "2024-01-01", "1:30", "1_000", ".5", ".inf", "=", "|", ">", "\u2028", "\x85", "x" * 300, "word " * 60,
    "\ufeff", "---", "...",
]  # fmt: skip


def value(rng: random.Random, depth: int, leaf: Callable) -> object:
    """Nested lists and mappings; `leaf(rng, depth)` gives what is in them."""
    if depth <= 0 or rng.random() < 0.35:
        return leaf(rng, depth - 1)
    if rng.random() < 0.4:
        return [value(rng, depth - 1, leaf) for _ in range(rng.randrange(4))]
    return {key(rng, i): value(rng, depth - 1, leaf) for i in range(rng.randrange(1, 5))}


def key(rng: random.Random, index: int) -> object:
    return rng.choice(
        [f"key{index}", f"k{index}_{rng.randrange(99)}", 10 + index, f"on {index}", f"{index}e-4", f"a.{index}"]
    )


def constant(rng: random.Random, depth: int = 0) -> object:
    number = rng.choice([0, 1, -7, 10**20, 0.1, 1e-5, -2.5e30, 1e22, 3.0, float("inf")])
    return rng.choice([None, True, False, number, rng.choice(STRINGS), rng.uniform(-1, 1)])


def searched(rng: random.Random, depth: int) -> object:
    kind = rng.random()
    if kind < 0.35:
        return dict(rng.choice(RANGES))
    if kind < 0.65 and depth > 0:
        options = [value(rng, depth - 1, searched) for _ in range(rng.randrange(1, 4))]
        return {"choice": [*options, {"type": "A", "x": searched(rng, depth - 1)}, {"type": "A", "y": 1}]}
    return {"fixed": dict(rng.choice(RANGES))} if kind > 0.95 else constant(rng)


def space(rng: random.Random, depth: int = 5) -> dict:
    """A space as plain dicts, dimensions included."""
    return {f"top{i}": value(rng, depth, searched) for i in range(4)}
