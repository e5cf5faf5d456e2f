"""What is imported is declared."""

from __future__ import annotations

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[1]


def declared():
    (call,) = [node for node in ast.walk(ast.parse((ROOT / "setup.py").read_text()))
               if isinstance(node, ast.keyword) and node.arg == "install_requires"]  # fmt: skip
    return {normal(re.split(r"[\[>=<]", line)[0]) for line in ast.literal_eval(call.value)}


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
