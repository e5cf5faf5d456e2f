"""Before the first trial: every node that can run one cuts the crops that trials will read, once for all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import ray
from rich.console import Console

from raypose.errors import RayPoseError
from raypose.plugins import load_plugins, with_own_names
from raypose.reporting.words import counted
from raypose.space import Space
from raypose.tuning.crops_of_space import Wanted, space_needs
from raypose.tuning.cutting import Cut, Shown, Stopped, cut
from raypose.tuning.nodes.asking import Node, answer, name, send
from raypose.tuning.nodes.resources import Share, fits

LOOK = 0.5  # seconds between two looks at whether the search was interrupted
GIVEN_UP = "the search ended before it was done"


def cut_on_nodes(
    space: Space, place: Share, plugins: Mapping[str, str], console: Console, stopped: Callable[[], bool]
) -> None:
    """Have the crops of all datasets of a space on this machine, and on all other nodes that can run a trial.

    A node that cannot has its trials cut theirs, or read the images as they go: that is a warning. Nodes without room for
    a trial are left out.

    Args:
        plugins: what a trial loads, and the user's own name of it.
        stopped: whether to end early; asked all the time.

    Raises:
        RayPoseError: all that is wrong with the data.
    """
    wanted = space_needs(space)
    nodes = [node for node in ray.nodes() if node["Alive"] and fits(node["Resources"], place.cpu, place.gpu)]
    ours = [node for node in nodes if node["NodeID"] == _here()]
    others = [node for node in nodes if node not in ours]
    if not wanted or not nodes:
        return
    asked = send(cut_there, others, lambda node: (wanted, tuple(plugins), _cores(node)))
    try:
        for node in ours:
            with Shown(console, stopped) as shown:
                cuts = cut(wanted, _cores(node), shown)
            _tell(cuts, console)
        _wait(asked, console, stopped)
    except Stopped:
        return
    finally:
        answers = [(node, answer(each, GIVEN_UP)) for each, node in asked.items()]
    _settle(answers, plugins, console, alone=not ours)


def cut_there(wanted: Sequence[Wanted], plugins: Sequence[str], threads: int) -> list[Cut]:
    """What another node does."""
    load_plugins(list(plugins))
    return cut(wanted, threads, lambda each, done, total: None)


def _here() -> str:
    return ray.get_runtime_context().get_node_id()


def _wait(asked: Mapping[ray.ObjectRef, Node], console: Console, stopped: Callable[[], bool]) -> None:
    waiting = list(asked)
    if not waiting:
        return
    with console.status(f"{counted(len(waiting), 'more node')} cut crops ..."):
        while waiting:
            _, waiting = ray.wait(waiting, num_returns=len(waiting), timeout=LOOK)
            if stopped():
                raise Stopped


def _settle(
    answers: Sequence[tuple[Node, list[Cut] | Exception]], plugins: Mapping[str, str], console: Console, alone: bool
) -> None:
    """Tell what the other nodes did. Where no trial runs here (`alone`), what is wrong with the data is known from them."""
    wrong = [each for _, each in answers if isinstance(each, RayPoseError)]
    if alone and len(wrong) == len(answers):
        raise wrong[0]
    for node, each in answers:
        if not isinstance(each, Exception):
            _tell(each, console, f"node {name(node)}: ")
            continue
        said = with_own_names(str(each).strip() or type(each).__name__, plugins)
        console.out(f"warning: node {name(node)} could not cut the crops; its trials will: {said}", highlight=False)


def _cores(node: Node) -> int:
    return max(1, int(node["Resources"].get("CPU", 1)))


def _tell(cuts: Sequence[Cut], console: Console, where: str = "") -> None:
    for each in cuts:
        if each.seconds is not None:
            console.out(f"{where}{each}", highlight=False)
