"""Before the first trial: whether every node that can run one has what it takes."""

from __future__ import annotations

import contextlib
import shutil
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import ray
from rich.console import Console

from raypose.errors import Problem, RayPoseError
from raypose.tuning.nodes.asking import Node, ask, name
from raypose.tuning.nodes.on_node import TOKEN, Found, Wanted, lacking_gpus, look
from raypose.tuning.nodes.resources import Share, fits
from raypose.tuning.nodes.versions import CODE, PACKAGES, differences, versions_function

TIME_LIMIT = 60.0  # seconds, for versions, then for the rest; nodes look at the same time
SEEN_LATE = 5.0  # seconds that a file which another node wrote may take to be seen here
HINTS = {
    "version": "install the same on all nodes",
    "folder": "the experiment folder must lie on a disk that all nodes share: --experiments DIR names another place",
    "data": "data must lie under the same path on every node: on a shared disk, or copied there",
    "plugin": "what a plugin needs must be on every node",
    "gpu": "is it a build of torch for these GPUs, and does nvidia-smi show them there?",
    "answer": "see `ray status` and the dashboard: is the node overloaded, or behind a firewall?",
}


def preflight(
    folder: Path,
    place: Share,
    console: Console,
    *,
    files: Sequence[tuple[str, str]] = (),
    plugins: Mapping[str, str] | None = None,
    gpus: bool = True,
    joined: bool = False,
) -> None:
    """Hold every node that can run a trial against the driver: versions, the experiment folder, data, plugins, GPUs.

    Nodes without room for a trial are left out. So is this one, of a cluster that was started here: all but its GPUs has
    been looked at.

    Args:
        files: annotation files and image folders, each with its key in a space first.
        plugins: what a trial loads, and the user's own name of it.
        gpus: whether trials take their GPUs through torch.
        joined: whether the cluster was there before, so that its Python on this machine may be another one.

    Raises:
        RayPoseError: all that is amiss, by node.
    """
    _refuse_scratch(folder)
    nodes = [node for node in ray.nodes() if node["Alive"]]
    able = [node for node in nodes if fits(node["Resources"], place.cpu, place.gpu)]
    if joined or len(nodes) > 1:
        console.out(_summary(nodes, able, place), highlight=False)
    here, by_torch = ray.get_runtime_context().get_node_id(), bool(gpus and place.gpu)
    asked = [node for node in able if joined or node["NodeID"] != here]
    known = [node for node in able if node not in asked]
    found = [(node, each) for node in known for each in lacking_gpus(_gpus(node, by_torch))]
    if asked:
        found += _all_found(asked, Wanted(str(folder), files=tuple(files), plugins=plugins or {}), by_torch)
    if found:
        raise RayPoseError(
            (
                Problem(f"node {name(node)}: {text}", hint=HINTS[kind], rule=f"node-{kind}")
                for node, (kind, text) in found
            ),
            exit_status=1,
        )


def _refuse_scratch(folder: Path) -> None:
    if "runtime_resources" in folder.parts:
        raise RayPoseError(
            f"{folder} is in the copy of the working directory that Ray made for this job, and goes with it",
            hint="--experiments DIR, with a path that stays and that all nodes see",
            rule="scratch-folder",
        )


def _summary(nodes: Sequence[Node], able: Sequence[Node], place: Share) -> str:
    trial = f"cpu {place.cpu:g}" + (f", gpu {place.gpu:g}" if place.gpu else "")
    left_out = ", ".join(name(node) for node in nodes if node not in able)
    waits = "" if able else "; trials wait until there is one that can"
    return (
        f"Ray cluster: {len(able)} of {len(nodes)} nodes can run a trial ({trial}), {place.at_a_time} at a time"
        f"{f'; not on {left_out}' if left_out else ''}{waits}"
    )


def _all_found(nodes: Sequence[Node], wanted: Wanted, by_torch: bool) -> list[tuple[Node, Found]]:
    """First the versions; then, of nodes with the same RayPose, the rest."""
    ours, found, same = versions_function()(PACKAGES), [], []
    for node, theirs in ask(versions_function(), nodes, lambda node: (PACKAGES,), TIME_LIMIT):
        if isinstance(theirs, Exception):
            found.append((node, ("answer", _first_line(theirs))))
            continue
        found += [(node, ("version", text)) for text in differences(theirs, ours)]
        if theirs.get(CODE) == ours.get(CODE):
            same.append(node)
    return [*found, *_looked(same, wanted, by_torch)]


def _looked(nodes: Sequence[Node], wanted: Wanted, by_torch: bool) -> Iterable[tuple[Node, Found]]:
    folder = Path(wanted.experiment)
    with _meeting(folder) as meeting:
        for node, found in ask(
            look, nodes, lambda node: (wanted, str(meeting), node["NodeID"], _gpus(node, by_torch)), TIME_LIMIT
        ):
            if isinstance(found, Exception):
                yield node, ("answer", _first_line(found))
                continue
            yield from ((node, each) for each in found)
            if not any(kind == "folder" for kind, _ in found) and not _seen(meeting / node["NodeID"]):
                yield node, ("folder", f"what it writes to {folder} is not seen here")


@contextlib.contextmanager
def _meeting(folder: Path) -> Iterator[Path]:
    """A folder that is new, so that no network disk answers from what it remembers."""
    meeting = folder / f".preflight-{uuid.uuid4().hex}"
    meeting.mkdir()
    try:
        (meeting / TOKEN).write_text(meeting.name)
        yield meeting
    finally:
        shutil.rmtree(meeting, ignore_errors=True)


def _seen(file: Path) -> bool:
    deadline = time.monotonic() + SEEN_LATE
    while not (found := file.exists()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


def _gpus(node: Node, by_torch: bool) -> int:
    return int(node["Resources"].get("GPU", 0)) if by_torch else 0


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
