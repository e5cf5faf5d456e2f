"""The only module that reads pixels.

What is read is uint8 RGB, whatever the file has: grey becomes three equal channels, of 16 bits the upper 8 are taken, a
palette is looked up, CMYK is converted as printing would, and alpha is dropped: what is transparent shows the colour that
the file has there. A picture is turned as its EXIF orientation says, so that coordinates are those of the upright picture.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from raypose.errors import Problem, RayPoseError

IMAGE_ACCESS = "image-access"


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
        """As `decode`; not to be written to."""
        path = str(path)
        image = self._images.get(path)
        if image is None:
            image = decode(path)
            self._keep(path, image)
        return image

    def _keep(self, path: str, image: np.ndarray) -> None:
        with self._lock:
            if path not in self._images and self.cached_bytes + image.nbytes <= self.cache_bytes:
                self._images[path] = image
                self.cached_bytes += image.nbytes


def decode(path: str | Path, size: Sequence[int] | None = None) -> np.ndarray:
    """uint8 [H,W,3] in RGB, upright, not to be written to. `size`: the width and height that it must have.

    Raises:
        RayPoseError: no such file or none that OpenCV can decode to its end (rule image-file), one that cannot be read
            now (image-access), or of another size (image-size).

    Example:
        >>> decode("frame.jpg", size=(640, 480)).shape
        (480, 640, 3)
    """
    try:
        encoded = np.fromfile(path, np.uint8)
    except OSError as error:
        message = f"cannot read the image: {error.strerror or error}"
        # What is not the file's own fault, but a permission's or a server's, may pass.
        rule = "image-file" if isinstance(error, FileNotFoundError | IsADirectoryError) else IMAGE_ACCESS
        raise RayPoseError(Problem(message, str(path), rule=rule)) from None
    image = _decoded(encoded)
    if image is None:
        what = "the file is empty" if not encoded.size else f"{encoded.size} bytes"
        hint = "it is cut off or damaged, no image, or in a format that OpenCV does not read"
        raise RayPoseError(Problem(f"cannot decode the image ({what})", str(path), hint=hint, rule="image-file"))
    if size is not None:
        _check_size(path, image, size)
    image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB, dst=image)
    image.setflags(write=False)
    return image


def _decoded(encoded: np.ndarray) -> np.ndarray | None:
    try:
        return cv2.imdecode(encoded, cv2.IMREAD_COLOR) if encoded.size else None
    except cv2.error:  # more pixels than it takes
        return None


def _check_size(path: str | Path, image: np.ndarray, size: Sequence[int]) -> None:
    height, width = image.shape[:2]
    if (width, height) == tuple(size):
        return
    hint = "its annotations may be those of another image"
    if (height, width) == tuple(size):
        hint = (
            "its EXIF orientation turns it upright, and keypoints must be those of the upright image: are its annotations "
            "those of the image as it lies? then remove the orientation from the file, else correct width and height"
        )
    message = f"the image is {width} x {height}, but its annotation file says {size[0]} x {size[1]}"
    raise RayPoseError(Problem(message, str(path), hint=hint, rule="image-size"))
