"""A JSON Schema (draft 7) of space files, with all registered components, for editors.

dimensions (what may stand for a value), values (annotations), components (by type), optimizers (by constructor) and
sections (dataclasses) write definitions into a book; partial makes of them what holds for a file with a `base`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from raypose import config
from raypose.check.slots import all_slots
from raypose.schema.book import Book
from raypose.schema.components import define
from raypose.schema.dimensions import ref
from raypose.schema.partial import SUFFIX, in_part
from raypose.schema.sections import top_level

__all__ = ["json_schema"]

DRAFT = "http://json-schema.org/draft-07/schema#"
ABOUT = "A search space of RayPose, or one configuration of it."


def json_schema(samplers: Mapping[str, Callable], schedulers: Mapping[str, Callable]) -> dict[str, Any]:
    """The schema of a space file, with every component that is registered now.

    A `label` is allowed in every component and section, and not in options of choices alone: draft 7 cannot tell.

    Args:
        samplers: the classes that `tune.sampler` may name, by name.
        schedulers: those that `tune.scheduler` may name.

    Example:
        >>> schema = json_schema({"TPESampler": optuna.samplers.TPESampler}, {})
        >>> jsonschema.validate({"name": "mice"}, schema)
        Traceback (most recent call last):
        jsonschema.exceptions.ValidationError: 'data' is a required property
    """
    slots = all_slots(samplers.__getitem__, schedulers.__getitem__)
    listed = {registry.name: list(registry) for registry in config.SLOTS.values()}
    book = Book(slots, {**listed, "sampler": sorted(samplers), "scheduler": sorted(schedulers)})
    define(book)
    top_level(book)
    return {
        "$schema": DRAFT,
        "description": ABOUT,
        "if": {"required": ["base"]},
        "then": ref(f"space{SUFFIX}"),
        "else": ref("space"),
        "definitions": {**book.definitions, **in_part(book.definitions)},
    }
