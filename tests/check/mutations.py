"""Mistakes made at random, each certainly one, in the text of a space; PyYAML's own positions say where."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import NamedTuple

import yaml

# Below these keys anything may stand, or what stands there is known only once a model is built.
FREE_KEYS = {"custom_keys", "initial_points", "constraints", "plugins"}
FREE_TYPES = {"FreeBackbone", "FreeLoss", "FreeOptimizer", "FreeSchedule", "FreeMetric", "GlobalAveragePooling"}
RANGES = ("uniform", "quniform", "loguniform", "qloguniform", "randint", "qrandint", "lograndint")
# Keys whose absence is a mistake, wherever they stand.
REQUIRED = {"name", "train", "val", "data", "model", "optimizer", "ann_file", "backbone", "keypoint_head"}
# Names of one registry, for each key that holds another's.
SWAPPED = {
    "backbone": "HeatmapHead",
    "keypoint_head": "ResNet",
    "codec": "JointsMSELoss",
    "loss_keypoint": "AdamW",
    "optimizer": "CosineAnnealingLR",
    "lr_schedule": "SGD",
    "sampler": "MedianPruner",
    "scheduler": "TPESampler",
    "train": "ResNet",
    "val": "CocoAP",
}


class Entry(NamedTuple):
    """A key and its value, and where they are: the keys above, and the type of the component that they belong to."""

    path: tuple[str, ...]
    key: yaml.ScalarNode
    value: yaml.Node
    owner: yaml.MappingNode

    @property
    def name(self) -> str:
        return self.key.value


class Mutant(NamedTuple):
    """A changed text, the line (from 1) of the mistake, and whether a JSON Schema can find it."""

    text: str
    line: int
    by_schema: bool


def entries(text: str) -> list[Entry]:
    """Every entry of a space below which nothing is free-form."""
    return list(_entries(yaml.compose(text, Loader=yaml.SafeLoader), ()))


def _entries(node: yaml.Node, path: tuple[str, ...]) -> Iterator[Entry]:
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _entries(item, path)
    if not isinstance(node, yaml.MappingNode) or _types(node) & FREE_TYPES:
        return
    keys = {key.value for key, _ in node.value}
    cocktail = "constructor" in keys and "type" not in keys
    for key, value in node.value:
        if cocktail and "FreeConstructor" in _words(value):
            return
        if key.value not in FREE_KEYS:
            if not (cocktail and key.value not in ("constructor", "label")):  # a part of the model
                yield Entry(path, key, value, node)
            yield from _entries(value, (*path, key.value))


def _types(node: yaml.MappingNode) -> set[str]:
    return {value.value for key, value in node.value if key.value == "type" and isinstance(value, yaml.ScalarNode)}


def _words(node: yaml.Node) -> set[str]:
    return {node.value} if isinstance(node, yaml.ScalarNode) else set()


def _replaced(text: str, node: yaml.Node, new: str, by_schema: bool, at: yaml.Node | None = None) -> Mutant:
    start, end = node.start_mark.index, node.end_mark.index
    line = (at or node).start_mark.line + 1
    return Mutant(text[:start] + new + text[end:], line, by_schema)


def _misspelt(word: str, rng: random.Random) -> str:
    """With two neighbours swapped; nothing if that changes nothing."""
    places = [i for i in range(len(word) - 1) if word[i] != word[i + 1] and word[i : i + 2].isalpha()]
    i = rng.choice(places) if places else 0
    return word[:i] + word[i + 1] + word[i] + word[i + 2 :] if places else ""


def key_typo(text: str, each: Entry, rng: random.Random) -> Mutant | None:
    if len(each.name) < 2 or not (wrong := _misspelt(each.name, rng)):
        return None
    sole_part = each.name in (*RANGES, "choice", "ref", "times")  # still a mapping, where something else is wanted
    return _replaced(text, each.key, wrong, by_schema=each.name != "label" and not sole_part)


def unknown_name(text: str, each: Entry, rng: random.Random) -> Mutant | None:
    if each.name not in ("type", "constructor") or not isinstance(each.value, yaml.ScalarNode):
        return None
    return _replaced(text, each.value, _misspelt(each.value.value, rng), by_schema=True)


def wrong_type(text: str, each: Entry, rng: random.Random) -> Mutant | None:
    """A word where a number or a list is wanted, a number where a word or a section is."""
    if each.name in ("label", "type", "constructor", "choice", "group_by", "name", *RANGES, "ref"):
        return None
    tag = each.value.tag.rpartition(":")[2]
    wrong = {"int": "[several]", "float": "[much]", "bool": "{}", "seq": "once", "map": "[[1]]", "str": "{a: 1}"}.get(
        tag
    )
    return None if wrong is None else _replaced(text, each.value, wrong, by_schema=True)


def quoted_number(text: str, each: Entry, rng: random.Random) -> Mutant | None:
    if each.value.tag.rpartition(":")[2] not in ("int", "float") or each.value.style:
        return None
    return _replaced(text, each.value, f'"{each.value.value}"', by_schema=True)


def swapped_component(text: str, each: Entry, rng: random.Random) -> Mutant | None:
    """A component of another kind than the key wants."""
    places = [each_key for each_key in reversed(each.path) if each_key != "choice"]
    if each.name != "type" or not places or places[0] not in SWAPPED or not isinstance(each.value, yaml.ScalarNode):
        return None
    return _replaced(text, each.value, SWAPPED[places[0]], by_schema=True)


def bad_range(text: str, each: Entry, rng: random.Random) -> Mutant | None:
    if each.name not in RANGES or not isinstance(each.value, yaml.SequenceNode):
        return None
    args = [item.value for item in each.value.value]
    wrong = [[args[1], args[0], *args[2:]], [args[0]], [*args, *args], ["low", *args[1:]], [args[0], ".inf", *args[2:]]]
    if each.name in ("loguniform", "qloguniform", "lograndint"):
        wrong.append(["0", *args[1:]])
    return _replaced(text, each.value, f"[{', '.join(rng.choice(wrong))}]", by_schema=False)


def missing_key(text: str, each: Entry, rng: random.Random) -> Mutant | None:
    """The key that must be there renamed to one that nobody knows, so that lines stay what they are."""
    if each.name not in REQUIRED or len(each.path) > 2:
        return None
    return _replaced(text, each.key, "something_else", by_schema=True)


def wrong_nesting(text: str, each: Entry, rng: random.Random) -> Mutant | None:
    """A value one level too deep."""
    if each.name in ("label", "type", "constructor", "choice", "ref", "times", *RANGES):
        return None
    start, end = each.value.start_mark.index, each.value.end_mark.index
    if each.value.start_mark.line != each.value.end_mark.line or each.value.tag.endswith("null"):
        return None
    return _replaced(text, each.value, f"{{nested: {text[start:end]}}}", by_schema=True)


def broken_yaml(text: str, each: Entry, rng: random.Random) -> Mutant | None:
    """A bracket that is not closed, a quote that is not, a tab, no space after the colon of a block's key."""
    start, end, line = each.value.start_mark.index, each.value.end_mark.index, each.value.start_mark.line
    if line != each.value.end_mark.line or not isinstance(each.value, yaml.ScalarNode):
        return None
    wrong = rng.choice(["[{0}", '"{0}', "\t@{0}", "{0}: {0}: 1", "*nowhere"])
    return Mutant(text[:start] + wrong.format(text[start:end]) + text[end:], line + 1, False)


def twice(text: str, each: Entry, rng: random.Random) -> Mutant | None:
    """The same key twice in a mapping on one line."""
    if not each.owner.flow_style or each.value.start_mark.line != each.value.end_mark.line or each.name == "choice":
        return None
    end = each.value.end_mark.index
    written = text[each.key.start_mark.index : end]
    return Mutant(f"{text[:end]}, {written}{text[end:]}", each.key.start_mark.line + 1, False)


MUTATORS: tuple[Callable[[str, Entry, random.Random], Mutant | None], ...] = (
    key_typo, unknown_name, wrong_type, quoted_number, swapped_component, bad_range, missing_key, wrong_nesting,
    broken_yaml, twice,
)  # fmt: skip


def mutants(text: str, rng: random.Random, each: int) -> Iterator[tuple[str, Mutant]]:
    """At most so many mutants of each kind, with the name of the kind."""
    places = entries(text)
    for mutate in MUTATORS:
        made = [found for place in rng.sample(places, len(places)) if (found := mutate(text, place, rng)) is not None]
        yield from ((mutate.__name__, found) for found in made[:each])
