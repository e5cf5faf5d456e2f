"""A plugin is one file, since what lies next to it would not be kept with the experiment."""

from __future__ import annotations

import ast
import importlib.util
import json
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

from raypose.errors import Problem, RayPoseError

HINT = "a plugin is one file: put all into it, or make a package of it and install that"


def refuse_siblings(path: Path, source: bytes) -> None:
    """Raises RayPoseError for each import of what lies next to the plugin and belongs to no installed package."""
    folder = path.absolute().parent
    try:
        tree = ast.parse(source, str(path))
    except SyntaxError:
        return  # told when the plugin is compiled
    problems = [
        Problem(
            f"plugin: `{ast.unparse(node)}` is of a file beside it", str(path), node.lineno, hint=HINT, rule="plugin"
        )
        for node, name in _imports(tree)
        if name == "" or (_is_beside(name, folder) and not _is_elsewhere(name, folder))
    ]
    if problems:
        raise RayPoseError(problems)


def _imports(tree: ast.Module) -> Iterator[tuple[ast.stmt, str]]:
    """Every import with the first part of the module's name; a relative one has none."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield node, "" if node.level else (node.module or "").partition(".")[0]
        elif isinstance(node, ast.Import):
            yield from ((node, alias.name.partition(".")[0]) for alias in node.names)


def _is_beside(name: str, folder: Path) -> bool:
    return (folder / f"{name}.py").is_file() or any((folder / name).glob("*.py"))


def _is_elsewhere(name: str, folder: Path) -> bool:
    """Whether Python finds that module in another folder, or in this one because a package is installed from it."""
    spec = importlib.util.find_spec(name)
    if spec is None:
        return False
    places = [Path(place) for place in (spec.submodule_search_locations or [spec.origin or ""])]
    beside = all(place.parent == folder for place in places)
    return not beside or name == __name__.partition(".")[0] or any(folder.is_relative_to(each) for each in _editable())


def _editable() -> Iterator[Path]:
    """The folders of packages that were installed with `pip install -e`."""
    for distribution in metadata.distributions():
        origin = json.loads(distribution.read_text("direct_url.json") or "{}")
        if origin.get("dir_info", {}).get("editable"):
            yield Path(url2pathname(urlparse(origin["url"]).path))
