"""A scalar as read -> as a component gets it: variables replaced, paths absolute."""

from __future__ import annotations

import os
from pathlib import Path

from raypose.errors import RayPoseError
from raypose.space.reading import strings
from raypose.space.reading.schema import plain
from raypose.space.tree import Scalar, Written


def expanded(node: Scalar, key: object, folder: Path) -> Scalar:
    """The scalar under `key` of a file in `folder`.

    Raises:
        RayPoseError: see `text`.
    """
    if not isinstance(node.value, str):
        return node
    replaced = text(node)
    value = replaced if node.quoted or replaced == node.value else plain(replaced)
    if not isinstance(value, str):
        return Scalar(node.mark, value, node.written, value)
    path = strings.locate(value, key, folder)
    moved = strings.is_relative(value, key, folder)
    portable = strings.escape(f"{folder}{os.sep}") + node.written if moved else node.written
    if moved and replaced == node.value:
        portable = strings.escape(path)
    return Scalar(node.mark, path, node.written, Written(portable) if "${" in portable else portable)


def text(node: Scalar) -> str:
    """A string with its variables replaced.

    Raises:
        RayPoseError: a variable is not set, or a `${` names none.
    """
    try:
        return strings.expand(node.value, os.environ)
    except KeyError as error:
        hint = f"set it, or write ${{{error.args[0]}:-default}}"
        message = f"the environment variable {error.args[0]} is not set"
        raise RayPoseError(node.mark.problem(message, "unset-variable", hint)) from None
    except ValueError:
        hint = "write ${NAME} or ${NAME:-default}, or $${ for a literal ${"
        message = f"'{node.value}' holds a '${{' that names no variable"
        raise RayPoseError(node.mark.problem(message, "bad-variable", hint)) from None
