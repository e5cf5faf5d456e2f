"""The only module that reads pixels."""

from __future__ import annotations

import threading
from pathlib import Path

import cv2
import numpy as np

from raypose.errors import RayPoseError


class PixelReader:
    """Decodes images and keeps the first ones, up to `cache_bytes` of memory; any thread may call it.

    What is kept is never replaced: every epoch reads all images once, and then the most recently used ones are those
    that are needed last.

    Example:
        >>> PixelReader().read("frame.jpg").shape
        (480, 640, 3)
    """

    def __init__(self, cache_bytes: int = 512 * 2**20) -> None:
        self.cache_bytes = cache_bytes
        self.cached_bytes = 0
        self._images: dict[str, np.ndarray] = {}
        self._lock = threading.Lock()

    def read(self, path: str | Path) -> np.ndarray:
        """uint8 [H,W,3] in RGB, turned upright as its EXIF data says. Not to be written to.

        Raises:
            RayPoseError: no such file, or none that OpenCV can decode.
        """
        path = str(path)
        image = self._images.get(path)
        if image is None:
            image = _decode(path)
            self._keep(path, image)
        return image

    def _keep(self, path: str, image: np.ndarray) -> None:
        with self._lock:
            if path not in self._images and self.cached_bytes + image.nbytes <= self.cache_bytes:
                self._images[path] = image
                self.cached_bytes += image.nbytes


def _decode(path: str) -> np.ndarray:
    try:
        encoded = np.fromfile(path, np.uint8)
    except OSError as error:
        raise RayPoseError(f"cannot read the image {path}: {error.strerror}", rule="image-file") from None
    image = cv2.imdecode(encoded, cv2.IMREAD_COLOR) if encoded.size else None
    if image is None:
        raise RayPoseError(
            f"cannot decode the image {path} ({encoded.size} bytes)",
            hint="it is damaged, or in a format that OpenCV does not read",
            rule="image-file",
        )
    image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB, dst=image)
    image.setflags(write=False)
    return image
