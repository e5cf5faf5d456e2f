"""Which detection finds which object: COCO's greedy rule, for many images at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from raypose.metrics.objects import Detections, Objects
from raypose.metrics.oks import similarity

_IMAGES = 256  # at a time, which bounds memory


@dataclass(frozen=True)
class Matches:
    """Of A ranges of sizes, T thresholds and N detections."""

    found: np.ndarray  # [A,T,N] bool: it found an object
    ignored: np.ndarray  # [A,T,N] bool: neither right nor wrong
    wanted: np.ndarray  # [A] how many objects there were to find


def match(
    objects: Objects,
    detections: Detections,
    sigmas: Sequence[float],
    sizes: Sequence[tuple[float, float]],
    thresholds: np.ndarray,
) -> Matches:
    """Detection by detection of an image, in their order, takes the object most like it that is still free.

    An object that is ignored is taken only where no other will do. A detection that finds an ignored object, or none and is
    of another size itself, is ignored.
    """
    ignored = objects.ignored | _outside(objects.area, sizes)
    shape = (len(sizes), len(thresholds), len(detections.image))
    hits, passed = np.zeros(shape, bool), np.zeros(shape, bool)
    sized = np.arange(len(sizes))[:, None, None]
    for of_objects, of_detections in _chunks(objects.image, detections.image):
        alike = _similarities(objects, detections, of_objects, of_detections, sigmas)
        free = np.ones((len(sizes), len(thresholds), *of_objects.shape), bool)
        for rank in range(of_detections.shape[1]):
            hit, best = _take(alike[:, rank], free, ignored[:, None, of_objects], objects.crowd[of_objects], thresholds)
            taken = of_objects[np.arange(len(of_objects)), best]
            real = of_detections[:, rank] >= 0
            rows = of_detections[real, rank]
            hits[..., rows] = hit[..., real]
            passed[..., rows] = (hit & ignored[sized, taken])[..., real]
    passed |= ~hits & _outside(detections.area, sizes)[:, None]
    return Matches(hits, passed, (~ignored).sum(axis=1))


def _take(
    alike: np.ndarray, free: np.ndarray, ignored: np.ndarray, crowd: np.ndarray, thresholds: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Whether a detection of each of I images finds an object, and which, [A,T,I] each; it is then no longer `free`.

    Args:
        alike: [I,G] OKS.
        free: [A,T,I,G] bool, changed in place.
        ignored: [A,1,I,G] bool.
        crowd: [I,G] bool, which stay free.
    """
    fits = free & (alike >= thresholds[:, None, None])
    rank = np.where(fits, alike - 2.0 * ignored, -np.inf)
    # Of equals the last, as in COCO's code.
    best = rank.shape[-1] - 1 - rank[..., ::-1].argmax(-1)
    at = best[..., None]
    hit = np.take_along_axis(fits, at, -1)
    stays = np.where(hit, crowd[np.arange(len(crowd)), best][..., None], np.take_along_axis(free, at, -1))
    np.put_along_axis(free, at, stays, -1)
    return hit[..., 0], best


def _similarities(
    objects: Objects, detections: Detections, of_objects: np.ndarray, of_detections: np.ndarray, sigmas: Sequence[float]
) -> np.ndarray:
    """OKS [I,D,G] of the detections [I,D] and the objects [I,G] of I images; -1 where there are fewer."""
    found = np.full((*of_detections.shape, of_objects.shape[1]), -1.0)
    image, d, g = np.nonzero((of_detections >= 0)[:, :, None] & (of_objects >= 0)[:, None])
    of, to = of_detections[image, d], of_objects[image, g]
    truth, bbox, area = objects.keypoints[to], objects.bbox[to], objects.area[to]
    found[image, d, g] = similarity(detections.keypoints[of], truth, bbox, area, sigmas)
    return found


def _chunks(objects: np.ndarray, detections: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Rows [I,G] and [I,D] of the objects and the detections of some images, -1 where an image has fewer. Images with
    about as many objects come together."""
    both = np.intersect1d(objects, detections)
    images = both[np.argsort(np.bincount(objects, minlength=1)[both], kind="stable")] if len(both) else both
    parts = [images[start : start + _IMAGES] for start in range(0, len(images), _IMAGES)]
    by_object, by_detection = np.argsort(objects, kind="stable"), np.argsort(detections, kind="stable")
    return [(_rows(objects, by_object, part), _rows(detections, by_detection, part)) for part in parts]


def _rows(image: np.ndarray, order: np.ndarray, images: np.ndarray) -> np.ndarray:
    """[I, most] the rows of each of `images`, in their order, then -1; `order` sorts by `image`."""
    first, last = (np.searchsorted(image[order], images, side) for side in ("left", "right"))
    places = first[:, None] + np.arange((last - first).max())
    return np.where(places < last[:, None], order[np.minimum(places, len(order) - 1)], -1)


def _outside(area: np.ndarray, sizes: Sequence[tuple[float, float]]) -> np.ndarray:
    """[A,N] bool: which areas [N] a range leaves out."""
    low, high = np.array(sizes).T[..., None]
    return (area < low) | (area > high)
