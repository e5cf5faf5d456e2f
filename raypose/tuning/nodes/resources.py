"""What one trial takes of the cluster, and how many run at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from raypose.config import Resources, Tune
from raypose.errors import RayPoseError

MOST_AT_A_TIME = 4  # on a node without GPUs: more would leave the sampler too little to learn from


@dataclass(frozen=True)
class Share:
    """CPU cores and GPUs of one trial; `at_a_time` trials run together."""

    cpu: float
    gpu: float
    at_a_time: int

    @property
    def threads(self) -> int:
        return max(1, int(self.cpu))


def share(tune: Tune, nodes: Sequence[Mapping[str, float]], grows: bool = False) -> Share:
    """Where `tune.resources` is silent: one GPU a trial if the cluster has any, else an even share of the cores. A trial
    runs on one node, so that none is larger than a node.

    Args:
        nodes: what each node has, as Ray says it.
        grows: whether more nodes may come. Then `resources` and `max_concurrent`, if both are given, hold beyond what is
            there now: Ray's autoscaler starts nodes for trials that wait.

    Raises:
        RayPoseError: no node has what one trial asks for.

    Example:
        >>> share(Tune(), [{"CPU": 8.0}])
        Share(cpu=2, gpu=0.0, at_a_time=4)
    """
    gpus = sum(node.get("GPU", 0.0) for node in nodes)
    gpu = tune.resources.gpu if tune.resources.gpu is not None else min(gpus, 1.0)
    able = [node for node in nodes if fits(node, tune.resources.cpu or 0.0, gpu) and node.get("CPU")]
    usable, cpu = able or nodes, tune.resources.cpu
    if cpu is None:
        cpu = min((_even(node, gpu, tune.max_concurrent) for node in able), default=1)
    if grows and tune.max_concurrent and tune.resources != Resources():
        return Share(cpu, gpu, tune.max_concurrent)
    for name, asked in (("cpu", cpu), ("gpu", gpu)):
        most = max(node.get(name.upper(), 0.0) for node in usable)
        if asked > most:
            more = "; where nodes come as they are needed, give tune.max_concurrent, too" if grows else ""
            raise RayPoseError(
                f"a trial asks for {name} {asked:g}, but no node has more than {most:g}",
                hint=f"lower tune.resources.{name}{more}",
                rule="too-few-resources",
            )
    places = sum(_places(node, cpu, gpu) for node in usable)
    return Share(cpu, gpu, max(1, min(places, tune.max_concurrent or places)))


def fits(node: Mapping[str, float], cpu: float, gpu: float) -> bool:
    """Whether a node has room for one trial."""
    return node.get("CPU", 0.0) >= cpu and node.get("GPU", 0.0) >= gpu


def _even(node: Mapping[str, float], gpu: float, at_most: int | None) -> int:
    cores = node.get("CPU", 0.0)
    trials = node.get("GPU", 0.0) / gpu if gpu else min(cores, at_most or MOST_AT_A_TIME)
    return max(1, int(cores // max(trials, 1)))


def _places(node: Mapping[str, float], cpu: float, gpu: float) -> int:
    cores = node.get("CPU", 0.0)
    by_cpu = cores / cpu if cpu else cores
    return int(min(by_cpu, node.get("GPU", 0.0) / gpu if gpu else by_cpu) + 1e-6)
