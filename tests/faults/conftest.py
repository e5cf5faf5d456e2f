"""A cluster to break, and the count of what was injected and of what was lost, told at the end of a run."""

from __future__ import annotations

import os
import sys
from collections import Counter
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for `scripted` and `driving`

INJECTED: Counter[str] = Counter()
LOST: list[str] = []


@pytest.fixture
def inject():
    """`inject("node kill")` counts one."""

    def count(*names: str) -> None:
        INJECTED.update(names)

    return count


@pytest.fixture
def lost():
    """`lost(f"trial {number}")` counts a trial that is lost, or there twice."""
    return LOST.append


@pytest.fixture(scope="session")
def three_nodes():
    """A Ray cluster of three nodes with one, two and two cores. This process stays out of it: searches are processes."""
    from ray.cluster_utils import Cluster

    from raypose.tuning.nodes.cluster import ENVIRONMENT

    os.environ.update(ENVIRONMENT)
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    for _ in range(2):
        cluster.add_node(num_cpus=2)
    yield cluster
    cluster.shutdown()


def pytest_terminal_summary(terminalreporter) -> None:
    if INJECTED:
        each = ", ".join(f"{name} {count}" for name, count in sorted(INJECTED.items()))
        terminalreporter.write_sep("=", "faults")
        terminalreporter.write_line(f"{INJECTED.total()} injected: {each}")
        terminalreporter.write_line(f"{len(LOST)} trials lost or doubled{': ' if LOST else ''}{', '.join(LOST)}")
