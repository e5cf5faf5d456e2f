"""What a dataset's keypoints are, from what the user, the annotation file and the package say, and from their names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from raypose.data.info_files import Color, InfoFile, Keypoint, info_named_like, read_info
from raypose.data.keypoint_facts import Names, colors_of, resolved
from raypose.data.names import infer_flip_pairs, infer_upper_body
from raypose.data.table import DatasetInfo
from raypose.errors import RayPoseError

# For keypoints that nobody publishes a sigma for: about that of a hip or shoulder is too forgiving on animals, an eye's
# too strict; 0.05 lies between them, and is one twentieth of the object's size.
DEFAULT_SIGMA = 0.05


def make_info(
    category: Mapping[str, Any],
    names: Sequence[str] | None = None,
    flip_pairs: Iterable[tuple[Keypoint, Keypoint]] | None = None,
    sigmas: float | Sequence[float] | None = None,
    skeleton: Iterable[Sequence[Keypoint]] | None = None,
    upper_body: Iterable[Keypoint] | None = None,
    colors: Sequence[Color] | Mapping[str, Color] | None = None,
    dataset_info: str | Mapping[str, Any] | None = None,
) -> DatasetInfo:
    """`DatasetInfo` of a COCO category's record.

    Each fact is taken from the first that has it: the arguments, `dataset_info` (what `read_info` takes), the category,
    the package's file with the same keypoints, the keypoints' names.

    Raises:
        RayPoseError: `dataset_info` is unknown or wrong, lengths that differ, repeated names, or keypoints that don't
            exist.

    Example:
        >>> make_info({"name": "mouse", "keypoints": ["nose", "l_ear", "r_ear"]}, sigmas=0.1).flip_pairs
        ((1, 2),)
    """
    file = InfoFile() if dataset_info is None else read_info(dataset_info)
    where = dataset_info if isinstance(dataset_info, str) else "dataset_info"
    own = tuple(map(str, category.get("keypoints") or ()))
    said = {"flip_pairs": flip_pairs, "sigmas": sigmas, "skeleton": skeleton, "upper_body": upper_body}
    final = _names(names, file, own, category.get("name"))
    known = info_named_like(final) or InfoFile()
    facts = {
        **_inferred(final),
        **resolved(asdict(known), tuple(known.keypoints or ())),
        **_of_category(category, final),
        **_of_file(file, where, tuple(file.keypoints or own or final)),
        **resolved({**said, "colors": colors}, final),
    }
    facts["colors"] = colors_of(facts["colors"], facts["flip_pairs"], len(final))
    return DatasetInfo(names=final, category=str(category.get("name", "object")), **facts)


def _names(names: Sequence[str] | None, file: InfoFile, own: Names, category: Any) -> Names:
    chosen = tuple(map(str, names if names is not None else file.keypoints or own))
    if not chosen:
        raise RayPoseError(f"'{category}' has no keypoints", hint="give their names:", rule="no-keypoints")
    giver = "dataset_info" if names is None else "names"
    for known, whose in ((own, f"'{category}'"), (tuple(file.keypoints or ()), "dataset_info")):
        if known and len(chosen) != len(known):
            listed = f"but has {len(chosen)}: {', '.join(chosen)}"
            raise RayPoseError(
                f"{giver} must name the {len(known)} keypoints of {whose}, {listed}", rule="names-length"
            )
    if len(set(chosen)) < len(chosen):
        raise RayPoseError(f"keypoints need different names, but got {', '.join(chosen)}", rule="names-repeat")
    if names is None and chosen != own and set(chosen) == set(own):
        message = f"dataset_info has the keypoints of '{category}' in another order: {', '.join(chosen)}"
        raise RayPoseError(message, hint=f"the annotations have {', '.join(own)}", rule="names-order")
    return chosen


def _inferred(names: Names) -> dict[str, Any]:
    return {
        "flip_pairs": infer_flip_pairs(names),
        "sigmas": (DEFAULT_SIGMA,) * len(names),
        "skeleton": (),
        "upper_body": infer_upper_body(names),
        "colors": {},
    }


def _of_category(category: Mapping[str, Any], names: Names) -> dict[str, Any]:
    """The skeleton, which counts from 1; one that speaks of more keypoints than there are is of other ones."""
    edges = [(a - 1, b - 1) for a, b in category.get("skeleton") or () if min(a, b) > 0]
    usable = edges and max(map(max, edges)) < len(names)
    return {"skeleton": tuple(edges)} if usable else {}


def _of_file(file: InfoFile, where: str, names: Names) -> dict[str, Any]:
    try:
        return resolved(asdict(file), names)
    except RayPoseError as error:
        raise RayPoseError([replace(each, file=where) for each in error.problems]) from None
