"""The sections of a space file: their keys and values, as the dataclasses of `config` say."""

from __future__ import annotations

import collections.abc
import dataclasses
import typing
from typing import Any

from raypose import config
from raypose.check.components import component
from raypose.check.hints import almost_a_dimension, meant
from raypose.check.report import Report, alternatives, is_null, shown
from raypose.check.values import fits
from raypose.space.tree import Mapping, Node, Scalar, Sequence

# A section that may stand for the component under a key: it does where the mapping has none but the section's keys.
INSTEAD = {"val": config.Split}

# Keys that are gone once a file is read.
READ_FIRST: dict[type, tuple[str, ...]] = {config.SpaceFile: ("base",)}


def section(report: Report, node: Node, described: type, name: str) -> None:
    """Check a section, each option of a choice, against the dataclass that describes it."""
    fields = {each.name: each for each in dataclasses.fields(described)}
    known = [*fields, *READ_FIRST.get(described, ())]
    types = typing.get_type_hints(described, include_extras=True)
    for each in alternatives(node):
        if not isinstance(each, Mapping):
            report.add(each.mark, f"{name} must be a mapping, but got {shown(each)}", "wrong-type")
            continue
        for key, child in each.entries.items():
            if key in fields:
                _field(report, child, key, types[key])
            elif key in known and not isinstance(child, (Scalar, Sequence)):
                message = f"'{key}' must be a file or a list of files, but got {shown(child)}"
                report.add(child.mark, message, "bad-base", "it is read before all else and can't be searched")
            else:
                hint = almost_a_dimension(each) or meant(key, known)
                report.add(each.key_marks[key], f"unknown key '{key}' in {name}", "unknown-key", hint)
        for key, field in fields.items():
            required = field.default is field.default_factory is dataclasses.MISSING
            if required and key not in each.entries:
                report.add(each.mark, f"{name} lacks the key '{key}'", "missing-key")


def _field(report: Report, node: Node, key: str, annotation: Any) -> None:
    arms = typing.get_args(annotation)
    optional = type(None) in arms
    nested = next((arm for arm in (annotation, *arms) if isinstance(arm, type) and dataclasses.is_dataclass(arm)), None)
    if key in report.slots:
        for each in alternatives(node):
            if isinstance(each, Mapping) and key in INSTEAD and "type" not in each.entries and _means(each, key):
                section(report, each, INSTEAD[key], f"'{key}'")
            else:
                component(report, each, key, optional)
    elif (described := _described_items(annotation)) is not None:
        for each in alternatives(node):
            for name, child in each.entries.items() if isinstance(each, Mapping) else ():
                section(report, child, described, f"{key}['{name}']")
        fits(report, node, dict, key)
    elif nested is not None:
        for each in alternatives(node):
            if not (optional and is_null(each)):
                section(report, each, nested, f"'{key}'")
    else:
        fits(report, node, annotation, key)


def _described_items(annotation: Any) -> type | None:
    """The dataclass that each value of a mapping is described by, if the annotation names one."""
    items = typing.get_args(annotation)[1:] if typing.get_origin(annotation) is collections.abc.Mapping else ()
    return next((item for item in items if isinstance(item, type) and dataclasses.is_dataclass(item)), None)


def _means(node: Mapping, key: str) -> bool:
    known = {each.name for each in dataclasses.fields(INSTEAD[key])}
    return bool(known & node.entries.keys())
