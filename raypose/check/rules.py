"""What cannot be searched, and what must lie on the disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from raypose.check.report import Report
from raypose.space.reading.strings import FILE_ENDS
from raypose.space.traverse import children, descend
from raypose.space.tree import Dimension, Mapping, Node, Ref, Scalar

# Top-level keys whose values are the same for all trials of a search.
FIXED = ("name", "seed", "plugins", "tune")
# Keys that name what must lie on the disk.
FILES: dict[str, tuple[str, Callable[[Path], bool]]] = {
    "ann_file": ("annotation file", Path.is_file),
    "img_prefix": ("image folder", Path.is_dir),
    "bbox_file": ("detections file", Path.is_file),
    "headbox_file": ("file of heads' boxes", Path.is_file),
    # One of the package's files has a name only.
    "dataset_info": ("dataset_info file", lambda path: not path.name.endswith(FILE_ENDS) or path.is_file()),
}


def not_searchable(report: Report, tree: Mapping) -> None:
    """Dimensions, and references to some, where every trial must have the same value."""
    for key in FIXED:
        for path, node in descend(tree.entries[key], (key,)) if key in tree.entries else ():
            if isinstance(node, (Dimension, Ref)):
                report.add(node.mark, f"'{'.'.join(path)}' cannot be searched", "not-searchable")


def missing_files(report: Report, tree: Node) -> None:
    """Annotation files, image folders and the like that are not there."""
    for key, node in files(tree):
        what, exists = FILES[key]
        if not exists(Path(node.value)):
            hint = f"written as '{node.written}'" if node.written != node.value else ""
            report.add(node.mark, f"no such {what}: {node.value}", "missing-file", hint)


def files(tree: Node) -> Iterator[tuple[str, Scalar]]:
    """The paths of annotation files, image folders and the like in every branch, with their keys."""
    for key, node in _scalars(tree, None):
        if key in FILES and isinstance(node.value, str) and node.value:
            yield key, node


def _scalars(node: Node, key: Any) -> Iterator[tuple[Any, Scalar]]:
    """Every scalar with the key of the mapping that it stands in."""
    if isinstance(node, Scalar):
        yield key, node
    for name, child in children(node).items():
        yield from _scalars(child, name if isinstance(node, Mapping) else key)
