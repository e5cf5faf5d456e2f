"""Whether an export can be what was asked for, before anything is loaded."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from raypose.errors import RayPoseError
from raypose.exporting.description import FORMAT
from raypose.files import read_json

OLDEST_OPSET = 18  # that torch's exporter writes


def refuse_other_files(target: Path, beside: Path) -> None:
    """Raises RayPoseError unless `target` ends in .onnx, and `beside` is not there or the description of an export."""
    if target.suffix != ".onnx":
        raise RayPoseError(f"the file to write must end in .onnx, but got '{target}'", rule="wrong-value")
    if beside.exists() and read_json(beside).get("format") != FORMAT:
        raise RayPoseError(
            f"{beside}, where the description goes, is another file", hint="take another name", rule="file-exists"
        )


def require_packages(packages: tuple[str, ...]) -> None:
    """Raises RayPoseError for a package that is not installed, with the command that installs it."""
    missing = [package for package in packages if importlib.util.find_spec(package) is None]
    if missing:
        raise RayPoseError(
            f"raypose export needs the package '{missing[0]}', which is not installed",
            hint="pip install 'raypose[export]'",
            rule="missing-package",
        )


def check_opset(opset: int | None) -> None:
    """Raises RayPoseError for an opset that torch cannot write, or onnx does not know."""
    import onnx

    newest = onnx.defs.onnx_opset_version()
    if opset is not None and not OLDEST_OPSET <= opset <= newest:
        message = f"{OLDEST_OPSET} <= opset <= {newest} must hold with this torch and onnx, but got {opset}"
        raise RayPoseError(message, rule="wrong-value")
