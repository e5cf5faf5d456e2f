import pytest

from raypose import RayPoseError
from raypose.config import Resources, Tune
from raypose.tuning.nodes.resources import Share, share


@pytest.mark.parametrize(
    ("settings", "nodes", "expected"),
    [
        ({}, [{"CPU": 2}], Share(1, 0, 2)),
        ({}, [{"CPU": 8}], Share(2, 0, 4)),
        ({}, [{"CPU": 1}], Share(1, 0, 1)),
        ({"max_concurrent": 1}, [{"CPU": 8}], Share(8, 0, 1)),
        ({}, [{"CPU": 16, "GPU": 4}], Share(4, 1, 4)),
        ({"resources": Resources(gpu=0.5)}, [{"CPU": 16, "GPU": 2}], Share(4, 0.5, 4)),
        ({"resources": Resources(cpu=4)}, [{"CPU": 16}], Share(4, 0, 4)),
        ({"resources": Resources(gpu=0)}, [{"CPU": 8, "GPU": 1}], Share(2, 0, 4)),
        ({"resources": Resources(cpu=1), "max_concurrent": 3}, [{"CPU": 16}], Share(1, 0, 3)),
        # No trial is larger than a node.
        ({}, [{"CPU": 4}] * 5, Share(1, 0, 20)),
        ({}, [{"CPU": 64}, {"CPU": 8, "GPU": 8}], Share(1, 1, 8)),
        ({}, [{"CPU": 16, "GPU": 2}, {"CPU": 8, "GPU": 2}], Share(4, 1, 4)),
        # A head without resources counts for nothing.
        ({}, [{}, {"CPU": 16}, {"CPU": 16}], Share(4, 0, 8)),
        ({"resources": Resources(cpu=1)}, [{}, {"CPU": 2}], Share(1, 0, 2)),
        # Places are counted a node: what two nodes have left over does not make one.
        ({"resources": Resources(cpu=3)}, [{"CPU": 4}, {"CPU": 4}, {"CPU": 2}], Share(3, 0, 2)),
        ({"resources": Resources(cpu=1, gpu=0.5)}, [{"CPU": 2, "GPU": 1}] * 2, Share(1, 0.5, 4)),
    ],
)
def test_share(settings, nodes, expected):
    assert share(Tune(**settings), nodes) == expected


def test_threads_are_whole_cores():
    assert Share(0.5, 0.5, 2).threads == 1
    assert Share(3.0, 0, 2).threads == 3


@pytest.mark.parametrize(("resources", "word"), [(Resources(cpu=64), "cpu 64"), (Resources(gpu=2), "gpu 2")])
def test_more_than_there_is(resources, word):
    with pytest.raises(RayPoseError) as error:
        share(Tune(resources=resources), [{"CPU": 2.0, "GPU": 1.0}] * 2)
    assert word in str(error.value)
    assert "lower tune.resources" in str(error.value)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"resources": Resources(cpu=4, gpu=1), "max_concurrent": 16}, Share(4, 1, 16)),
        ({"resources": Resources(gpu=1), "max_concurrent": 16}, Share(1, 1, 16)),
        ({"max_concurrent": 16}, Share(1, 0, 2)),  # what is not said follows from what is there
        ({"resources": Resources(cpu=1)}, Share(1, 0, 2)),
    ],
)
def test_a_cluster_that_grows_takes_the_users_word(settings, expected):
    assert share(Tune(**settings), [{"CPU": 2.0}], grows=True) == expected


def test_a_cluster_that_grows_must_be_told_how_far():
    with pytest.raises(
        RayPoseError, match=r"gpu 1.*; where nodes come as they are needed, give tune.max_concurrent, too"
    ):
        share(Tune(resources=Resources(gpu=1)), [{"CPU": 2.0}], grows=True)
    with pytest.raises(RayPoseError, match="no node has more"):
        share(Tune(resources=Resources(gpu=1), max_concurrent=4), [{"CPU": 2.0}])
