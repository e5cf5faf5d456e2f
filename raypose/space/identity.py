"""Whether two spaces are the same search: what a resume may change, and what not."""

from __future__ import annotations

from collections.abc import Collection

from raypose.space.space import Space
from raypose.space.traverse import as_written, descend
from raypose.space.tree import Choice, Node, Range, Ref, Scalar, Sequence, compact

# What may differ between a search and its continuation.
BUDGETS = ("num_trials", "time_budget", "gpu_hours", "total_epochs", "patience", "target")
RUNNING = ("resources", "max_concurrent", "keep", "max_failures", "stall_timeout")
AFTERWARDS = ("repeats", "repeat_best", "final")
CHANGEABLE = frozenset(("tune", key) for key in (*BUDGETS, *RUNNING, *AFTERWARDS, "initial_points"))

Path = tuple[str, ...]


def difference(old: Space, new: Space, aside: Collection[Path] = CHANGEABLE) -> list[str]:
    """The topmost paths at which two spaces differ, in the new file's order; what is at or below those `aside` is none,
    nor are comments and layout.

    Example:
        >>> difference(Space.parse("a: 1  # one"), Space.parse("{a: 2}"))
        ['a']
    """
    before, after = _facts(old, aside), _facts(new, aside)
    paths = [path for path in {**after, **before} if before.get(path) != after.get(path)]
    changed = set(paths)
    return [".".join(path) for path in paths if not any(path[:n] in changed for n in range(len(path)))]


def _facts(space: Space, aside: Collection[Path] = CHANGEABLE) -> dict[Path, str]:
    """Each node's own part, by path; a `tune` section of only what may change is as good as none."""
    facts = {
        path: _fact(node)
        for path, node in descend(space.tree)
        if path[:1] not in aside and path[:2] not in aside and path != ("tune",)
    }
    facts.pop((), None)
    return facts


def _fact(node: Node) -> str:
    if isinstance(node, Scalar):
        return compact(node.written)
    if isinstance(node, Choice):
        return compact({"choice": node.labels})
    if isinstance(node, Range):
        return compact({node.kind: [node.low, node.high, node.step]})
    if isinstance(node, Ref):
        return compact(as_written(node))
    return f"list of {len(node.items)}" if isinstance(node, Sequence) else "mapping"
