"""A node without memory: Ray ends its newest workers, and Ray Tune gives up."""

import json
import os
from pathlib import Path

import pytest
from driving import check_nothing_is_lost, run

pytestmark = pytest.mark.slow
NEIGHBOURS = ["good", "good too", "as good"]
MORE = 2 * 2**30  # bytes, with what three workers take themselves


def memory():
    """Bytes in use and in all, as Ray's monitor counts them where no control group limits them."""
    limits = [Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes")]
    file = Path("/proc/meminfo")
    if not file.exists():
        pytest.skip("Ray watches memory on Linux only")
    kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in file.read_text().splitlines()}
    total, free = kilobytes["MemTotal"] * 1024, kilobytes["MemAvailable"] * 1024
    if any(each.exists() and each.read_text().strip() != "max" and int(each.read_text()) < total for each in limits):
        pytest.skip("a control group limits the memory, and how much of it is in use cannot be read here")
    if free < 3 * MORE:
        pytest.skip(f"{free / 2**30:.1f} GB of memory are free, and this takes {3 * MORE / 2**30:.0f}")
    return total - free, total


def test_a_trial_that_eats_its_nodes_memory_is_to_blame_and_not_its_neighbours(tmp_path, inject, lost):
    used, total = memory()
    limit = {"RAY_memory_usage_threshold": str((used + MORE) / total), "RAY_memory_monitor_refresh_ms": "100"}
    inject("memory exhaustion")
    # In the order that the grid draws them, the first one eats.
    run(
        tmp_path,
        None,
        env={**os.environ, **limit},
        kinds=[*NEIGHBOURS[:2], "eats", *NEIGHBOURS[2:]],
        pause=0.7,
        stall=60,
        cpus=3,
    )
    after = check_nothing_is_lost(tmp_path, {}, 1 + len(NEIGHBOURS), lost)
    ends = {json.loads(each.params["kind"]): (each.state, each.reason, each.epochs) for each in after.values()}
    assert ends == {"eats": ("FAIL", "out_of_memory", 2), **dict.fromkeys(NEIGHBOURS, ("COMPLETE", "", 4))}
    assert "the memory of node" in next(each.detail for each in after.values() if each.state == "FAIL")
