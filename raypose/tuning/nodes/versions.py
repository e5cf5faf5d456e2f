"""What is installed on a node, and what it differs in from here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

PACKAGES = ("raypose", "torch", "torchvision", "ray", "optuna", "numpy")
CODE = "raypose's code"


def versions_function() -> Callable[[Sequence[str]], dict[str, str]]:
    """A function that gives the versions of packages, and a digest of RayPose's source.

    It is within another one since Ray ships those by value, so that it runs where RayPose is another one, or none.

    Example:
        >>> versions_function()(["numpy"])
        {'python': '3.11.2', 'numpy': '2.3.4', "raypose's code": '0a1b2c3d'}
    """

    def versions(packages: Sequence[str]) -> dict[str, str]:
        import hashlib
        import importlib.metadata
        import importlib.util
        import pathlib
        import platform

        found = {"python": platform.python_version()}
        for package in packages:
            try:
                found[package] = importlib.metadata.version(package)
            except importlib.metadata.PackageNotFoundError:
                continue
        if (spec := importlib.util.find_spec("raypose")) and spec.origin:
            files = sorted(pathlib.Path(spec.origin).parent.rglob("*.py"))
            found["raypose's code"] = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:8]
        return found

    return versions


def differences(theirs: Mapping[str, str], ours: Mapping[str, str]) -> list[str]:
    """What a node's versions differ in, by major, minor and patch: builds for CPUs and for CUDA go together.

    Example:
        >>> differences({"torch": "2.13.0+cpu"}, {"torch": "2.14.1"})
        ['torch is 2.13.0+cpu, here 2.14.1']
    """
    names = {"python": "Python"}
    return [
        f"{names.get(package, package)} is {theirs.get(package, 'not there')}, here {ours.get(package, 'not there')}"
        for package in sorted({*ours, *theirs})
        if _release(theirs.get(package)) != _release(ours.get(package))
    ]


def _release(version: str | None) -> list[str] | None:
    return None if version is None else version.partition("+")[0].split(".")[:3]
