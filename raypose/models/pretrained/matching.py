"""Which weights of a checkpoint are which of a module's: layout and prefixes are those under which most fit."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from raypose.models.pretrained.layouts import LAYOUTS
from raypose.models.pretrained.resizing import resized

# The ends of the names of what a network can do without: it counts or computes them itself.
COMPUTED = (
    "num_batches_tracked",
    "relative_position_index",
    "attn_mask",
    "linspace_x",
    "linspace_y",
    "flow_model.loc",
    "flow_model.cov",
    "flow_model.mask",
)

Weights = Mapping[str, Tensor]


class Match(NamedTuple):
    """What of a checkpoint belongs to a module; names are the module's."""

    fits: dict[str, Tensor]
    other_shape: dict[str, torch.Size]  # the checkpoint's
    missing: list[str]
    unused: list[str]  # the checkpoint's own, under the prefix that was found

    @property
    def there(self) -> int:
        """How many weights fit, without those that the module computes itself."""
        return len(_listed(self.fits))

    @property
    def lacking(self) -> int:
        """How many weights don't fit, or are missing."""
        return len(self.other_shape) + len(self.missing)

    @property
    def share(self) -> float:
        """How much of what the module needs is there."""
        return self.there / max(1, self.there + self.lacking)

    def of_parts(self) -> Match:
        """The match of those children of the module alone of which the checkpoint has something."""
        parts = {key.partition(".")[0] for key in (*self.fits, *self.other_shape)}
        return self._replace(missing=[key for key in self.missing if key.partition(".")[0] in parts])


def match(found: Weights, module: nn.Module, parts: Sequence[str] | None = None) -> Match:
    """The weights of `found` that are those of `module`.

    Args:
        found: a checkpoint's.
        module: a backbone, or another part of a model.
        parts: what the module is called in a checkpoint of a whole model; default: anything.
    """
    wanted = module.state_dict()
    best, most = _Candidate({}, "", {}), (0, 0)
    for layout in LAYOUTS:
        renamed = layout.rename(found)
        for own in _own_prefixes(wanted):
            names = {key.removeprefix(own): key for key in wanted if key.startswith(own)}
            prefix, score = _prefix(renamed, {name: wanted[key] for name, key in names.items()}, parts)
            if score > most:
                best, most = _Candidate(renamed, prefix, names), score
        if most[0] == len(_listed(wanted)):
            break
    return best.compare(module, wanted)


class _Candidate(NamedTuple):
    found: Weights
    prefix: str
    names: Mapping[str, str]  # to the module's

    def compare(self, module: nn.Module, wanted: Weights) -> Match:
        start = len(self.prefix)
        inside = {key[start:]: value for key, value in self.found.items() if key.startswith(self.prefix)}
        there = {key: inside[name] for name, key in self.names.items() if name in inside}
        same = {key: resized(value, wanted[key], module, key) for key, value in there.items()}
        fits = {key: value for key, value in same.items() if value.shape == wanted[key].shape}
        other_shape = {key: there[key].shape for key in _listed(same.keys() - fits.keys())}
        missing = _listed(wanted.keys() - same.keys())
        return Match(fits, other_shape, missing, _listed(inside.keys() - self.names.keys()) if self.names else [])


def _prefix(found: Weights, wanted: Weights, parts: Sequence[str] | None) -> tuple[str, tuple[int, int]]:
    """What a checkpoint of a larger model (`backbone.`, `module.`) has before the names of ours, and how many weights
    then fit, and how many have the right name."""
    fit: Counter[str] = Counter()
    named: Counter[str] = Counter()
    for key, value in found.items():
        if key.endswith(COMPUTED):
            continue
        for prefix, name in _splits(key):
            if name in wanted and (parts is None or prefix.rstrip(".").rpartition(".")[2] in parts):
                named[prefix] += 1
                fit[prefix] += value.shape == wanted[name].shape
    prefix = max(sorted(named), key=lambda each: (fit[each], named[each]), default="")
    return prefix, (fit[prefix], named[prefix])


def _own_prefixes(wanted: Weights) -> list[str]:
    """What a wrapper of another library's network has before that network's names: nothing, or an attribute's name."""
    heads = Counter(key.partition(".")[0] + "." for key in wanted if "." in key)
    return ["", *(prefix for prefix, _ in heads.most_common(1))]


def _splits(key: str) -> Iterator[tuple[str, str]]:
    yield "", key
    for dot in re.finditer(r"\.", key):
        yield key[: dot.end()], key[dot.end() :]


def _listed(keys: Iterable[str]) -> list[str]:
    return sorted(key for key in keys if not key.endswith(COMPUTED))
