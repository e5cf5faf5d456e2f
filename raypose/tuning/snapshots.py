"""Ray Tune's snapshots of a search: it pickles what it is given into them, and nobody reads them back."""

from __future__ import annotations

from typing import Any


class PickledEmpty:
    """Of this nothing is in a snapshot. The first base, since bases of Ray's may pickle otherwise."""

    def __getstate__(self) -> dict[str, Any]:
        return {}
