"""A file of weights from the network: whole and unchanged, or not at all."""

from __future__ import annotations

import hashlib
import os
import re
import uuid
from http.client import HTTPException
from pathlib import Path
from urllib.request import Request, urlopen

from raypose.errors import RayPoseError

TIMEOUT = 30  # seconds without an answer
CHUNK = 1 << 20  # bytes
# The start of the file's SHA-256 that torch and OpenMMLab put into its name: resnet50-11ad3fa6.pth
HASH = re.compile(r"-([0-9a-f]{8,64})\.\w+$")


def download(url: str, path: Path, name: str) -> None:
    """Fetch `url` to `path`; `name` is what the user wrote.

    Raises:
        RayPoseError: no network, no such file, or one that is cut short or isn't what its name says; nothing is kept.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _fetch(url, path)
    except (OSError, HTTPException, ValueError) as error:
        raise RayPoseError(
            f"the pretrained weights '{name}' can't be fetched ({error})",
            hint=f"put {url} at {path} by hand, or give a file's path as `pretrained`",
            rule="pretrained",
        ) from error


def _fetch(url: str, path: Path) -> None:
    # Torch's own download keeps a file that the network cut short.
    part = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
    digest, size = hashlib.sha256(), 0
    try:
        request = Request(url, headers={"User-Agent": "raypose"})
        with urlopen(request, timeout=TIMEOUT) as source, part.open("xb") as target:
            while chunk := source.read(CHUNK):
                target.write(chunk)
                digest.update(chunk)
                size += len(chunk)
            promised = source.headers.get("Content-Length")
        if promised is not None and size != int(promised):
            raise OSError(f"the connection broke after {size} of {promised} bytes")
        named = HASH.search(path.name)
        if named and not digest.hexdigest().startswith(named[1]):
            raise OSError(f"what came isn't the file: its SHA-256 starts with {digest.hexdigest()[: len(named[1])]}")
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
