"""Imports point one way: the layers of docs/architecture.md."""

from __future__ import annotations

import ast
import graphlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import raypose

PACKAGE = Path(raypose.__file__).parent
DOCS = PACKAGE.parent / "docs" / "architecture.md"

BOTTOM = {"errors", "files"}
SEARCHED = {*BOTTOM, "arguments", "registry", "config", "space", "kinds"}
COMPONENTS = {"codecs", "models", "optim", "data", "metrics"}
BUILT = {*SEARCHED, *COMPONENTS, "check", "plugins", "training"}
TRIAL = {*BUILT, "model_folder", "evaluation", "samples", "pictures", "trial", "reporting", "journal"}

# What each module or package at the top of raypose/ may import.
MAY_IMPORT = {
    "errors": set(),
    "files": {"errors"},
    "journal": {*BOTTOM, "journal_file", "journal_folded"},
    "journal_file": set(),
    "journal_folded": set(),
    "kinds": BOTTOM,
    "callables": {"errors"},
    "arguments": {"errors"},
    "entry_points": {"errors"},
    "registry": {*BOTTOM, "callables", "entry_points"},
    "space": BOTTOM,
    "__init__": {"errors", "registry"},
    "config": {*BOTTOM, "registry"},
    "plugins": {*BOTTOM, "registry"},
    "check": {*SEARCHED, "plugins"},
    "codecs": {*BOTTOM, "arguments", "registry", "config"},
    **{name: {*BOTTOM, "arguments", "registry", "config", "kinds", "codecs"} for name in COMPONENTS - {"codecs"}},
    "training": BOTTOM,
    "reporting": {*BOTTOM, "space", "journal", "config"},
    "model_folder": BUILT,
    "evaluation": {*BUILT, "model_folder"},
    "inference": {*BUILT, "model_folder", "evaluation"},
    "exporting": {*BUILT, "model_folder", "inference"},
    "samples": {*BOTTOM, "registry", "data", "metrics"},
    "pictures": {*BOTTOM, "data", "models"},
    "trial": {*BUILT, "model_folder", "evaluation", "samples", "pictures"},
    "proof": {*SEARCHED, *COMPONENTS, "plugins"},
    "schema": {*SEARCHED, "check", "plugins"},
    "tuning": {*TRIAL, "proof"},
    "starter": TRIAL,
    "reproduced": {*BOTTOM, "config", "model_folder", "training"},
    "training_run": {*TRIAL, "tuning", "reproduced"},
    "cli": {*TRIAL, "proof", "schema", "tuning", "starter", "training_run", "inference", "exporting"},
    "__main__": {"cli"},
}
NEITHER_TORCH_NOR_RAY = [
    *(
        "errors",
        "files",
        "journal",
        "arguments",
        "callables",
        "entry_points",
        "kinds",
        "registry",
        "space",
        "__init__",
        "config",
    ),
    *("plugins", "check", "schema"),
]
MODULES = sorted(PACKAGE.rglob("*.py"))


def layer(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path):
    """(line, dotted name) of everything that a module imports anywhere but for type checkers."""
    tree = ast.parse(path.read_text(), str(path))
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        above = parents.get(node)
        if not (isinstance(above, ast.If) and "TYPE_CHECKING" in ast.unparse(above.test)):
            yield from ((node.lineno, name) for name in names)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_layers_below_it(path):
    own = layer(path)
    assert own in MAY_IMPORT, f"say here and in docs/architecture.md which layer {own} is"
    public = set(raypose.__all__) | {"__version__"}
    for line, name in imported(path):
        parts = name.split(".")
        if parts[0] == "raypose" and len(parts) > 1 and parts[1] not in public - set(MAY_IMPORT):
            assert parts[1] in MAY_IMPORT[own] | {own}, f"{path}:{line}: {own} must not import {name}"
        if parts[0] == "ray":
            assert own == "tuning", f"{path}:{line}: only tuning imports ray"
        if parts[0] in ("torch", "torchvision", "timm", "ray"):
            assert own not in NEITHER_TORCH_NOR_RAY, f"{path}:{line}: {own} must not import {name}"


def test_the_layers_have_an_order():
    graphlib.TopologicalSorter(MAY_IMPORT).prepare()


def test_the_table_in_the_docs_has_no_other_layers():
    rows = [line for line in DOCS.read_text().splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`(\w+)(?:\.py|/)`", row.split("|")[1])}
    assert {"errors", "space", "tuning", "models"} <= named <= set(MAY_IMPORT)


def loaded(*args):
    """Top-level names of all modules that a fresh interpreter imports."""
    done = subprocess.run([sys.executable, "-X", "importtime", *args], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr[-2000:]
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip().split(".")[0] for line in lines}


@pytest.mark.parametrize(
    "args",
    [
        ["-c", "import raypose; raypose.BACKBONES, raypose.RayPoseError"],
        ["-c", "import raypose.space, raypose.config"],
        ["-m", "raypose", "--help"],
    ],
    ids=" ".join,
)
def test_nothing_heavy_is_loaded(args):
    names = loaded(*args)
    assert "raypose" in names
    assert not names & {"torch", "ray", "timm", "torchvision"}
