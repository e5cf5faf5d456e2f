"""The definitions of a schema: each is written once, and referred to by its name."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from raypose.check.slots import Slot
from raypose.schema.dimensions import SHARED, Schema, ref

Names = Mapping[str, list[str]]


@dataclass(frozen=True)
class Book:
    """What has been defined; `slots` says which keys hold components, `names` which components a slot's name has."""

    slots: Mapping[str, Slot]
    names: Names
    definitions: dict[str, Schema] = field(default_factory=lambda: dict(SHARED))
    _shared: dict[str, str] = field(default_factory=dict)

    def put(self, name: str, make: Callable[[Schema], Schema]) -> Schema:
        """A reference to a definition, which `make`, given that reference, makes where it is not there."""
        if name not in self.definitions:
            self.definitions[name] = {}
            self.definitions[name] = make(ref(name))
        return ref(name)

    def share(self, name: str, content: Schema, make: Callable[[Schema], Schema]) -> Schema:
        """The same for what has no name of its own: it is told apart by its content, and numbered."""
        key = json.dumps(content, sort_keys=True)
        if key not in self._shared:
            names = (f"{name}{number or ''}" for number in range(len(self._shared) + 1))
            self._shared[key] = next(each for each in names if each not in self.definitions)
        return self.put(self._shared[key], make)

    def component(self, key: str, optional: bool = False) -> Schema:
        """What stands under a key that holds a component; `components.define` writes that."""
        slot = self.slots[key]
        return ref(f"list-of-{slot.name}" if slot.many else f"{slot.name}-or-null" if optional else slot.name)
