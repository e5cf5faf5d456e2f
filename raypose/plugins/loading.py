"""Loading plugins: files under a name that is a hash of their content, modules under their own."""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import sys
from collections.abc import Iterable
from pathlib import Path
from types import CodeType

from raypose.plugins.failures import told
from raypose.plugins.siblings import refuse_siblings
from raypose.plugins.source import digest, read
from raypose.registry import REGISTRIES, load_entry_points

PREFIX = "raypose_plugin_"


def load_plugins(names: Iterable[str]) -> None:
    """Load plugins, in order: a path that ends in `.py` as a file, anything else as a module to import.

    A file is loaded under the name `raypose_plugin_<stem>_<hash of its content>`, so that the same content is loaded
    once. What an older version registered goes first: any file of that name that is not among `names`.

    Raises:
        RayPoseError: a plugin is missing or raises; the message has its own file and line.

    Example:
        >>> load_plugins(["my_modules.py", "my_package.losses"])
    """
    sources = {name: read(Path(name)) if name.endswith(".py") else None for name in names}
    if sources:
        load_entry_points()  # a plugin may be installed too
    wanted = {_module_name(Path(name), source) for name, source in sources.items() if source is not None}
    for name, source in sources.items():
        if source is None:
            with told(name):
                importlib.import_module(name)
        else:
            _load_file(Path(name), source, wanted)


class _Loader(importlib.machinery.SourceFileLoader):
    """Compiles the text that was hashed; bytecode files beside the user's are neither read nor written."""

    def __init__(self, name: str, path: str, source: bytes) -> None:
        super().__init__(name, path)
        self.source = source

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self.source, self.path)


def _load_file(path: Path, source: bytes, wanted: set[str]) -> None:
    name = _module_name(path, source)
    if name in sys.modules or _is_imported(path.stem, source):
        return
    for old in [each for each in sys.modules if each.startswith(PREFIX) and each not in wanted]:
        if old.rpartition("_")[0] == name.rpartition("_")[0]:
            _forget(old)
    refuse_siblings(path, source)
    loader = _Loader(name, str(path.absolute()), source)
    spec = importlib.machinery.ModuleSpec(name, loader, origin=loader.path)
    spec.has_location = True
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        with told(str(path)):
            loader.exec_module(module)
    except BaseException:
        _forget(name)
        raise


def _module_name(path: Path, source: bytes) -> str:
    return f"{PREFIX}{path.stem}_{digest(source)}"


def _forget(name: str) -> None:
    sys.modules.pop(name, None)
    for registry in REGISTRIES.values():
        registry.remove(lambda component: getattr(component, "__module__", None) == name)


def _is_imported(stem: str, source: bytes) -> bool:
    """Whether this is the copy of a module that has been imported under its own name."""
    file = getattr(sys.modules.get(stem), "__file__", None)
    return file is not None and Path(file).is_file() and Path(file).read_bytes() == source
