"""What strings in a space mean: `${VAR}`, and paths relative to the file that they stand in."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

# Keys whose strings are paths; those under the second set may also be names, so that only existing files count.
PATH_KEYS = frozenset({"ann_file", "img_prefix", "bbox_file", "headbox_file", "cache_dir"})
PATH_OR_NAME_KEYS = frozenset({"plugins", "pretrained"})
# Keys whose strings are paths where they end so, and names elsewhere, whatever lies beside the space.
FILE_OR_NAME_KEYS = frozenset({"dataset_info"})
FILE_ENDS = (".yaml", ".yml")

_VARIABLE = re.compile(r"\$\$\{|\$\{(?:([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\})?")


def expand(text: str, environment: Mapping[str, str]) -> str:
    """`${VAR}` and `${VAR:-default}` (for an unset or empty variable) replaced; `$${` becomes a literal `${`.

    Raises:
        KeyError: a variable is neither set nor has a default; its name.
        ValueError: a `${` that is none of these.

    Example:
        >>> expand("${DIR:-/data}/x", {})
        '/data/x'
    """

    def replace(match: re.Match) -> str:
        name, default = match.groups()
        if match[0] == "$${":
            return "${"
        if name is None:
            raise ValueError(text)
        if default is not None:
            return environment.get(name) or default
        return environment[name]

    return _VARIABLE.sub(replace, text)


def escape(text: str) -> str:
    """The text that `expand` turns into `text`."""
    return text.replace("${", "$${")


def is_relative(text: str, key: object, folder: Path) -> bool:
    """Whether a string, variables replaced, is a path that counts from `folder`."""
    return locate(text, key, folder) != text and not text.startswith(("~", os.sep))


def locate(text: str, key: object, folder: Path) -> str:
    """A path under a path key made absolute: `~`, and relative to `folder`; any other string as it is."""
    always = key in PATH_KEYS or (key in FILE_OR_NAME_KEYS and text.endswith(FILE_ENDS))
    if not text or not (always or key in PATH_OR_NAME_KEYS):
        return text
    path = os.path.abspath(folder / Path(text).expanduser())
    return path if always or text.startswith("~") or os.path.exists(path) else text
