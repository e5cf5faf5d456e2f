"""What is imported is declared, and what is not code is shipped."""

from __future__ import annotations

import ast
import re
import runpy
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


OPTIONAL = {"export": ("exporting", "cli/export.py")}  # an extra, and who may import what it has


@pytest.fixture(scope="module")
def arguments():
    """Those of the call of `setup`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("setuptools.setup", lambda **given: found.update(given))
        found = {}
        runpy.run_path(str(ROOT / "setup.py"))
    return found


def names(requirements):
    return {normal(re.split(r"[\[>=<]", line)[0]) for line in requirements}


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def imported(file):
    """The top names of what a module imports anywhere, but for the package and Python's own."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
    return found - set(sys.stdlib_module_names) - {"raypose"}


def test_every_import_is_declared(arguments):
    package, distributions = ROOT / "raypose", packages_distributions()
    required, seen, undeclared = names(arguments["install_requires"]), set(), []
    for file in package.rglob("*.py"):
        path = file.relative_to(package).as_posix()
        extras = [names(arguments["extras_require"][extra]) for extra, at in OPTIONAL.items() if path.startswith(at)]
        allowed = required.union(*extras)
        seen |= imported(file)
        undeclared += [(path, name) for name in imported(file) if not allowed & set(map(normal, distributions[name]))]
    assert undeclared == []
    assert {"torch", "ray", "numpy", "onnxruntime"} <= seen


def test_every_file_of_the_package_is_shipped(arguments):
    package = ROOT / "raypose"
    shipped = {file for pattern in arguments["package_data"]["raypose"] for file in package.glob(pattern)}
    files = {file for file in package.rglob("*") if file.is_file() and file.suffix not in (".py", ".pyc")}
    assert files - shipped == set()
    assert package / "data" / "dataset_infos" / "coco.yaml" in shipped
