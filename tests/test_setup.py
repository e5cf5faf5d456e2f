"""What is imported is declared, and what is not code is shipped."""

from __future__ import annotations

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[1]


def argument(name):
    """That of the call of `setup`."""
    (call,) = [node for node in ast.walk(ast.parse((ROOT / "setup.py").read_text()))
               if isinstance(node, ast.keyword) and node.arg == name]  # fmt: skip
    return ast.literal_eval(call.value)


def declared():
    return {normal(re.split(r"[\[>=<]", line)[0]) for line in argument("install_requires")}


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def imported():
    """The top names of what the package imports anywhere, but for itself and Python's own."""
    names = set()
    for file in (ROOT / "raypose").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names.add((node.module or "").partition(".")[0])
    return names - set(sys.stdlib_module_names) - {"raypose"}


def test_every_import_is_declared():
    distributions, requirements = packages_distributions(), declared()
    assert {"torch", "ray", "numpy"} <= imported()
    assert [name for name in imported() if not requirements & set(map(normal, distributions[name]))] == []


def test_every_file_of_the_package_is_shipped():
    package = ROOT / "raypose"
    shipped = {file for pattern in argument("package_data")["raypose"] for file in package.glob(pattern)}
    files = {file for file in package.rglob("*") if file.is_file() and file.suffix not in (".py", ".pyc")}
    assert files - shipped == set()
    assert package / "data" / "dataset_infos" / "coco.yaml" in shipped
