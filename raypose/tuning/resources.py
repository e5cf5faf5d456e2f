"""What one trial takes of the cluster, and how many run at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from raypose.config import Tune
from raypose.errors import RayPoseError

MOST_AT_A_TIME = 4  # on a CPU: more would leave the sampler too little to learn from


@dataclass(frozen=True)
class Share:
    """CPU cores and GPUs of one trial; `at_a_time` trials run together."""

    cpu: float
    gpu: float
    at_a_time: int

    @property
    def threads(self) -> int:
        return max(1, int(self.cpu))


def share(tune: Tune, cluster: Mapping[str, float]) -> Share:
    """Where `tune.resources` is silent: one GPU a trial if the cluster has any, else an even share of the cores.

    Raises:
        RayPoseError: one trial asks for more than the whole cluster has.

    Example:
        >>> share(Tune(), {"CPU": 8.0})
        Share(cpu=2, gpu=0, at_a_time=4)
    """
    cores, gpus = cluster.get("CPU", 1.0), cluster.get("GPU", 0.0)
    gpu = tune.resources.gpu if tune.resources.gpu is not None else min(gpus, 1)
    if tune.resources.cpu is not None:
        cpu = tune.resources.cpu
    else:
        places = gpus / gpu if gpu else min(cores, tune.max_concurrent or MOST_AT_A_TIME)
        cpu = max(1, int(cores // max(places, 1)))
    for name, asked, there in (("cpu", cpu, cores), ("gpu", gpu, gpus)):
        if asked > there:
            raise RayPoseError(
                f"a trial asks for {name} {asked:g}, but the cluster has {there:g}",
                hint=f"lower tune.resources.{name}",
                rule="too-few-resources",
            )
    fits = min(cores / cpu if cpu else cores, gpus / gpu if gpu else cores)
    at_a_time = max(1, int(fits + 1e-6))
    return Share(cpu, gpu, min(at_a_time, tune.max_concurrent or at_a_time))
