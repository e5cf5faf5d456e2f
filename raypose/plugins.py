"""Plugins: the users' own modules, which register components when they are loaded."""

from __future__ import annotations

import hashlib
import importlib
import importlib.machinery
import importlib.util
import os
import site
import sys
import sysconfig
import traceback
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from types import CodeType, ModuleType

from raypose.errors import Problem, RayPoseError
from raypose.registry import REGISTRIES

PREFIX = "raypose_plugin_"


def load_plugins(names: Iterable[str]) -> None:
    """Load plugins, in order: a path that ends in `.py` as a file, anything else as a module to import.

    A file is loaded under the name `raypose_plugin_<stem>_<hash of its content>`, so that the same content is loaded
    once and a changed file replaces what its older version registered.

    Raises:
        RayPoseError: a plugin is missing or raises; the message has its own file and line.

    Example:
        >>> load_plugins(["my_modules.py", "my_package.losses"])
    """
    sources = {name: _read(Path(name)) if name.endswith(".py") else None for name in names}
    wanted = {_module_name(Path(name), source) for name, source in sources.items() if source is not None}
    for name, source in sources.items():
        if source is None:
            _guarded(name, partial(importlib.import_module, name))
        else:
            _load_file(Path(name), source, wanted)


def keep_plugins(names: Iterable[str], folder: Path) -> list[str]:
    """Copy plugins to `folder/<hash>/<name>.py` and return what `load_plugins` takes instead: the copies' paths.

    Copied are files, and top-level modules of one file that are not installed; other names stay as they are.

    Raises:
        RayPoseError: a file is missing.
    """
    kept = []
    for name in names:
        path = Path(name) if name.endswith(".py") else _own_file(name)
        kept.append(name if path is None else str(_copy(path, Path(folder))))
    return kept


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
    for old, module in list(sys.modules.items()):
        if old.startswith(PREFIX) and old not in wanted and _origin(module) == _origin_of(path, source):
            _forget(old)
    loader = _Loader(name, str(path.absolute()), source)
    spec = importlib.machinery.ModuleSpec(name, loader, origin=loader.path)
    spec.has_location = True
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        _guarded(str(path), partial(loader.exec_module, module))
    except BaseException:
        _forget(name)
        raise


def _guarded(name: str, load: Callable[[], object]) -> None:
    """Run `load`; what the plugin raises becomes one RayPoseError with the place in the user's own file."""
    try:
        load()
    except SyntaxError as error:
        raise RayPoseError(
            Problem(f"plugin: {error.msg}", error.filename, error.lineno, error.offset, rule="plugin")
        ) from error
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and error.name and f"{name}.".startswith(f"{error.name}."):
            hint = "install it, or give a path that ends in .py"
            raise RayPoseError(f"plugin: there is no module '{name}'", hint=hint, rule="missing-file") from None
        file, line = _place(error)
        problems = error.problems if isinstance(error, RayPoseError) else [Problem(f"{type(error).__name__}: {error}")]
        raise RayPoseError(
            Problem(f"plugin: {each.message}", file, line, hint=each.hint, rule=each.rule or "plugin")
            for each in problems
        ) from error


def _place(error: Exception) -> tuple[str | None, int | None]:
    """The innermost line of the traceback that is not installed code, nor ours."""
    ours = str(Path(__file__).parent)
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        inner = frame.filename.startswith(("<", ours)) or _is_installed(frame.filename)
        if not inner:
            return frame.filename, frame.lineno
    return None, None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        reason = "there is no such file" if isinstance(error, FileNotFoundError) else error.strerror
        raise RayPoseError(f"plugin {path}: {reason}", rule="missing-file") from error


def _digest(source: bytes) -> str:
    return hashlib.sha256(source).hexdigest()[:12]


def _module_name(path: Path, source: bytes) -> str:
    return f"{PREFIX}{path.stem}_{_digest(source)}"


def _origin_of(path: Path, source: bytes) -> Path:
    """Where a plugin comes from: its path, without the folder that is named after the content in the case of copies."""
    path = path.resolve()
    return path.parent.parent / path.name if path.parent.name == _digest(source) else path


def _origin(module: ModuleType) -> Path | None:
    loader = getattr(module, "__loader__", None)
    return _origin_of(Path(loader.path), loader.source) if isinstance(loader, _Loader) else None


def _forget(name: str) -> None:
    sys.modules.pop(name, None)
    for registry in REGISTRIES.values():
        registry.remove(lambda component: getattr(component, "__module__", None) == name)


def _is_imported(stem: str, source: bytes) -> bool:
    """Whether this is the copy of a module that has been imported under its own name."""
    file = getattr(sys.modules.get(stem), "__file__", None)
    return file is not None and Path(file).is_file() and Path(file).read_bytes() == source


def _own_file(name: str) -> Path | None:
    """The one file of a top-level module that is not installed; modules in packages need their siblings."""
    spec = None if "." in name else importlib.util.find_spec(name)
    if spec is None or spec.origin is None or spec.submodule_search_locations is not None:
        return None
    return Path(spec.origin) if spec.origin.endswith(".py") and not _is_installed(spec.origin) else None


def _is_installed(file: str) -> bool:
    folders = {sysconfig.get_path(key) for key in ("stdlib", "platstdlib", "purelib", "platlib")}
    folders |= {*site.getsitepackages(), site.getusersitepackages()}
    return any(Path(file).is_relative_to(folder) for folder in folders)


def _copy(path: Path, folder: Path) -> Path:
    source = _read(path)
    target = folder / _digest(source) / path.name
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = target.with_name(f".{target.name}.{os.getpid()}.tmp")
        scratch.write_bytes(source)
        os.replace(scratch, target)
    return target
