"""Functions run on nodes of one's choice, all at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

Node = Mapping[str, Any]  # as ray.nodes() has it
# A process of its own, which sees every GPU of its node.
RUNTIME_ENV = {"env_vars": {"RAY_EXPERIMENTAL_NOSET_CUDA_VISIBLE_DEVICES": "1"}}


def ask(
    function: Callable[..., Any], nodes: Sequence[Node], arguments: Callable[[Node], tuple], seconds: float
) -> list[tuple[Node, Any]]:
    """What a function gives on each node within a time limit, or the error that it ended by.

    Example:
        >>> ask(os.cpu_count, ray.nodes(), lambda node: (), seconds=60)
    """
    asked = send(function, nodes, arguments)
    if asked:
        ray.wait(list(asked), num_returns=len(asked), timeout=seconds)
    return [(node, answer(each, f"no answer within {seconds:.0f} s")) for each, node in asked.items()]


def send(
    function: Callable[..., Any], nodes: Sequence[Node], arguments: Callable[[Node], tuple]
) -> dict[ray.ObjectRef, Node]:
    """What a function will give on each node: its `answer`, to be waited for by `ray.wait`."""
    remote = ray.remote(num_cpus=0, max_retries=0, runtime_env=RUNTIME_ENV)(function)
    asked = {}
    for node in nodes:
        there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        asked[remote.options(scheduling_strategy=there).remote(*arguments(node))] = node
    return asked


def answer(asked: ray.ObjectRef, late: str) -> Any:
    """What was sent gave, or the error that it ended by; what is not done is given up, with `late` as the error's text."""
    try:
        return ray.get(asked, timeout=0)
    except ray.exceptions.GetTimeoutError:
        ray.cancel(asked, force=True)
        return TimeoutError(late)
    except ray.exceptions.RayTaskError as error:
        return error.cause if isinstance(error.cause, Exception) else error
    except ray.exceptions.RayError as error:
        return error


def name(node: Node) -> str:
    """How people know a node: its address, and its host name.

    Example:
        >>> name(ray.nodes()[0])
        '10.0.0.7 (gpu-3)'
    """
    return f"{node['NodeManagerAddress']} ({node['NodeManagerHostname']})"
