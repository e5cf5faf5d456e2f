"""Whether all trials of an experiment trained the same: with the same packages, commit and host, and the same models and
optimizers from the same configurations. Read from each trial's meta.json."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from raypose.files import read_json

BUILT = ("model", "optimizer")  # the hashes of a fingerprint
FEW = 5  # trials that are named


@dataclass(frozen=True)
class Sameness:
    """`same`: what all trials had alike, `differences`: what not, and which trials had which value; `unequal`: trials of
    equal configurations that built unequal models or optimizers.

    Example:
        >>> print(Sameness.read(Path("experiments/quickstart")))
        raypose, torch, ray, optuna, numpy, python, host, commit are the same in all 40 runs
    """

    trials: int = 0
    same: dict[str, str] = field(default_factory=dict)
    differences: dict[str, dict[str, list[int]]] = field(default_factory=dict)
    unequal: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def read(cls, folder: Path) -> Sameness:
        """That of an experiment; trials whose meta.json is missing or damaged are left out."""
        return cls.of(filter(None, map(_meta, sorted((folder / "trials").glob("*/meta.json")))))

    @classmethod
    def of(cls, metas: Iterable[Mapping[str, Any]]) -> Sameness:
        """That of trials by their meta.json."""
        metas = list(metas)
        found: dict[str, dict[str, list[int]]] = {}
        known = [(meta["number"], _facts(meta)) for meta in metas]
        for name in dict.fromkeys(name for _, facts in known for name in facts):
            for number, facts in known:
                found.setdefault(name, {}).setdefault(facts.get(name, "none"), []).append(number)
        differences = {name: values for name, values in found.items() if len(values) > 1}
        same = {name: next(iter(values)) for name, values in found.items() if name not in differences}
        return cls(len(metas), same, differences, _unequal(metas))

    def lines(self) -> list[str]:
        """In words: what is the same, what differs, what was built differently from the same configuration. Of one trial
        there is nothing to say."""
        found = [f"{', '.join(self.same)} are the same in all {self.trials} runs"] if self.trials > 1 else []
        found += [f"trials differ in {name}: {_spread(values)}" for name, values in self.differences.items()]
        for each in self.unequal:
            runs = "; ".join(_some(numbers) for numbers in each["trials"])
            found.append(f"the same configuration built different {each['what']}s in {runs}")
        return found

    def __str__(self) -> str:
        told = self.lines()
        return "; ".join(told[1:] or told)


def _meta(file: Path) -> dict[str, Any]:
    try:
        meta = read_json(file)
    except OSError:
        return {}
    return meta if "number" in meta else {}


def _facts(meta: Mapping[str, Any]) -> dict[str, str]:
    """Where a trial ran, by the names that people know."""
    facts = {
        **meta.get("versions", {}),
        "python": meta.get("python"),
        "host": meta.get("host"),
        "commit": meta.get("git"),
    }
    if meta.get("git_changed"):
        facts["commit"] = f"{facts['commit']} with uncommitted changes"
    return {name: str(value) for name, value in facts.items() if value is not None}


def _unequal(metas: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Trials of one experiment with the same values of its dimensions have the same configuration, but for the seed."""
    built: dict[tuple[str, str], dict[str, list[int]]] = {}
    for meta in metas:
        params = json.dumps(meta.get("params"), sort_keys=True)
        for what, value in meta.get("fingerprint", {}).items():
            if what in BUILT:
                built.setdefault((what, params), {}).setdefault(value, []).append(meta["number"])
    return [{"what": what, "trials": list(runs.values())} for (what, _), runs in built.items() if len(runs) > 1]


def _spread(values: Mapping[str, list[int]]) -> str:
    """`2.14.1 (38), 2.13.0 (2: trials 4, 7)`: the most frequent first, without naming its trials."""
    first, *others = sorted(values.items(), key=lambda each: -len(each[1]))
    rest = [f"{value} ({len(numbers)}: {_some(numbers)})" for value, numbers in others]
    return ", ".join([f"{first[0]} ({len(first[1])})", *rest])


def _some(numbers: list[int]) -> str:
    named = ", ".join(map(str, numbers[:FEW])) + (", ..." if len(numbers) > FEW else "")
    return f"trial{'s' if len(numbers) > 1 else ''} {named}"
