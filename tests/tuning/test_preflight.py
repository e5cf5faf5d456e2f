"""What is looked at on every node before the first trial, and how it is told."""

import time

import pytest
from rich.console import Console

from raypose import BACKBONES, RayPoseError
from raypose.check.rules import files
from raypose.space import Space
from raypose.tuning.nodes import preflight as module
from raypose.tuning.nodes.on_node import TOKEN, Wanted, look
from raypose.tuning.nodes.preflight import preflight
from raypose.tuning.nodes.resources import Share
from raypose.tuning.nodes.versions import PACKAGES, differences, versions_function
from raypose.tuning.search import tune

GPU_NODE = {"CPU": 8.0, "GPU": 2.0}


@pytest.fixture
def meeting(tmp_path):
    (tmp_path / "meeting").mkdir()
    (tmp_path / "meeting" / TOKEN).write_text("here")
    return tmp_path / "meeting"


def test_versions_are_compared_by_release():
    ours = {"python": "3.11.2", "torch": "2.14.1+cpu", "numpy": "2.3.4"}
    assert differences({**ours, "torch": "2.14.1+cu128", "numpy": "2.3.4.post1"}, ours) == []
    assert differences({"python": "3.11.3", "torch": "2.13.0"}, ours) == [
        "numpy is not there, here 2.3.4",
        "Python is 3.11.3, here 3.11.2",
        "torch is 2.13.0, here 2.14.1+cpu",
    ]


def test_what_is_compared():
    found = versions_function()(PACKAGES)
    assert {"python", "raypose", "torch", "ray", "optuna", "numpy", "raypose's code"} <= found.keys()
    assert versions_function()(["no_such_package"]).keys() == {"python", "raypose's code"}


def test_a_node_where_nothing_is_amiss(meeting):
    assert look(Wanted(str(meeting.parent)), str(meeting), "node", 0) == []
    assert (meeting / "node").read_text() == "here"


@pytest.mark.parametrize(
    ("experiment", "words"),
    [("{tmp}/nowhere", "there is no {tmp}/nowhere"), ("{tmp}", "{tmp} is another folder than here")],
)
def test_an_experiment_folder_that_is_not_shared(tmp_path, experiment, words):
    wanted = Wanted(experiment.format(tmp=tmp_path))
    assert look(wanted, f"{wanted.experiment}/meeting", "node", 0) == [("folder", words.format(tmp=tmp_path))]


def test_an_experiment_folder_that_cannot_be_written_to(meeting):
    (meeting / "node").mkdir()
    ((kind, text),) = look(Wanted(str(meeting.parent)), str(meeting), "node", 0)
    assert kind == "folder"
    assert "cannot be written to" in text


def test_data_of_every_branch(meeting, tiny_coco):
    text = """\
data:
  train:
    choice:
      - {{label: here, type: CocoKeypoints, ann_file: "{0}", img_prefix: "{1}"}}
      - {{label: there, type: CocoKeypoints, ann_file: /no/train.json, img_prefix: /no/images}}
"""
    space = Space.parse(text.format(tiny_coco.ann_file, tiny_coco.img_prefix))
    named = tuple((key, node.value) for key, node in files(space.tree))
    assert len(named) == 4
    assert look(Wanted(str(meeting.parent), named), str(meeting), "node", 0) == [
        ("data", "no such annotation file: /no/train.json"),
        ("data", "no such image folder: /no/images"),
    ]


def test_plugins(meeting, tmp_path):
    good, bad, gone = (tmp_path / f"{name}.py" for name in ("good_plugin", "bad_plugin", "gone_plugin"))
    good.write_text("from raypose import BACKBONES\n\n\n@BACKBONES.register_module()\nclass Preflown:\n    pass\n")
    bad.write_text("import no_such_module\n")
    for _ in range(2):  # worker processes are used again
        assert look(Wanted(str(tmp_path), plugins={str(good): "mine.py"}), str(meeting), "node", 0) == []
    assert "Preflown" in BACKBONES
    BACKBONES.remove(lambda component: component.__name__ == "Preflown")
    ((kind, text),) = look(Wanted(str(tmp_path), plugins={str(bad): "mine.py"}), str(meeting), "node", 0)
    assert (kind, text) == ("plugin", "mine.py:1: plugin: ModuleNotFoundError: No module named 'no_such_module'")
    ((kind, text),) = look(Wanted(str(tmp_path), plugins={str(gone): "mine.py"}), str(meeting), "node", 0)
    assert "the copies of mine.py" in text


def test_gpus_that_torch_does_not_see(meeting, monkeypatch):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    assert look(Wanted(str(meeting.parent)), str(meeting), "node", 1) == []
    ((kind, text),) = look(Wanted(str(meeting.parent)), str(meeting), "node", 2)
    assert kind == "gpu"
    assert text.startswith("Ray counts 2 GPUs, but torch")
    assert text.endswith("sees 1")


def node(number, resources):
    return {
        "NodeID": str(number),
        "NodeManagerAddress": f"10.0.0.{number}",
        "NodeManagerHostname": f"gpu-{number}",
        "Alive": True,
        "Resources": resources,
    }


@pytest.fixture
def nodes(monkeypatch):
    """1, the driver's, has no room; 2 and 3 have GPUs; 4 is dead. What the dict has by node id changes what a node says."""
    found = [node(1, {}), node(2, GPU_NODE), node(3, GPU_NODE), {**node(4, GPU_NODE), "Alive": False}]
    answers = {}

    def ask(function, asked, arguments, seconds):
        for each in asked:
            given = answers.get(each["NodeID"], function)
            value = function(*arguments(each))
            yield each, given(value, *arguments(each)) if given is not function else value

    monkeypatch.setattr(module.ray, "nodes", lambda: found)
    monkeypatch.setattr(module.ray, "get_runtime_context", lambda: type("", (), {"get_node_id": lambda self: "1"})())
    monkeypatch.setattr(module, "ask", ask)
    return answers


PLACE = Share(cpu=4, gpu=1, at_a_time=4)
QUIET = Console(quiet=True)


@pytest.mark.usefixtures("nodes")
def test_all_is_well(tmp_path):
    preflight(tmp_path, PLACE, QUIET, gpus=False)
    assert list(tmp_path.iterdir()) == []


def test_what_is_amiss_is_named_by_node_all_at_once(nodes, tmp_path, monkeypatch):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)

    def old_torch(value, *arguments):
        return {**value, "torch": "2.13.0"} if isinstance(value, dict) else value

    nodes["2"] = old_torch
    nodes["3"] = lambda value, *arguments: TimeoutError("no answer within 60 s\nmore")
    with pytest.raises(RayPoseError) as raised:
        preflight(tmp_path, PLACE, QUIET, files=[("ann_file", "/no/a.json")])
    lines = str(raised.value).splitlines()
    assert raised.value.exit_status == 1
    assert "node 10.0.0.3 (gpu-3): no answer within 60 s; see `ray status`" in lines[1]
    assert lines[0].startswith("node 10.0.0.2 (gpu-2): torch is 2.13.0, here 2.")
    assert {problem.rule for problem in raised.value.problems} == {
        "node-version",
        "node-answer",
        "node-data",
        "node-gpu",
    }
    assert "node 10.0.0.2 (gpu-2): no such annotation file: /no/a.json; data must lie under the same path" in str(
        raised.value
    )
    assert "Ray counts 2 GPUs" in str(raised.value)
    assert "gpu-1" not in str(raised.value)


def test_another_raypose_is_asked_for_nothing_else(nodes, tmp_path):
    def other(value, *arguments):
        assert isinstance(value, dict), "asked with another RayPose's code"
        return {**value, "raypose's code": "0" * 8}

    nodes["2"] = nodes["3"] = other
    with pytest.raises(RayPoseError) as raised:
        preflight(tmp_path, PLACE, QUIET, gpus=False)
    assert len(raised.value.problems) == 2
    assert "raypose's code is 00000000, here" in str(raised.value)


def test_what_a_node_writes_must_be_seen_here(nodes, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "SEEN_LATE", 0.1)

    def elsewhere(value, *arguments):
        if isinstance(value, list):
            (tmp_path / arguments[1] / arguments[2]).unlink()
        return value

    nodes["3"] = elsewhere
    with pytest.raises(RayPoseError, match=r"node 10.0.0.3 \(gpu-3\): what it writes to .* is not seen here"):
        preflight(tmp_path, PLACE, QUIET, gpus=False)


@pytest.mark.usefixtures("nodes")
def test_nodes_without_room_are_told(tmp_path):
    console = Console(record=True, width=200)
    preflight(tmp_path, PLACE, console, gpus=False)
    assert console.export_text().strip() == (
        "Ray cluster: 2 of 3 nodes can run a trial (cpu 4, gpu 1), 4 at a time; not on 10.0.0.1 (gpu-1)"
    )
    preflight(tmp_path, Share(cpu=64, gpu=0, at_a_time=2), console)
    assert "0 of 3 nodes can run a trial (cpu 64), 2 at a time;" in (text := console.export_text())
    assert "trials wait until there is one that can" in text


def test_a_job_leaves_nothing_in_rays_own_folders(tmp_path):
    folder = tmp_path / "runtime_resources" / "working_dir_files" / "experiments"
    with pytest.raises(RayPoseError, match="goes with it; --experiments DIR"):
        preflight(folder, PLACE, QUIET)


@pytest.mark.usefixtures("cluster")
def test_one_node_costs_nothing(tmp_path):
    began = time.monotonic()
    preflight(tmp_path, Share(cpu=1, gpu=0, at_a_time=2), QUIET, plugins={"no_such_module": "none"})
    assert time.monotonic() - began < 1  # a task elsewhere takes longer
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("cluster")
def test_a_search_asks_before_its_first_trial(tmp_path, monkeypatch, tiny_coco):
    asked = []

    def refuse(folder, place, console, **given):
        asked.append((folder, place, given))
        raise RayPoseError("not today", exit_status=1)

    monkeypatch.setattr("raypose.tuning.search.preflight", refuse)
    text = f"""\
{{name: asked, data: {{train: {{ann_file: "{tiny_coco.ann_file}"}}}}, x: {{uniform: [0, 1]}},
 tune: {{metric: score, num_trials: 1, resources: {{cpu: 1}}}}}}"""
    with pytest.raises(RayPoseError, match="not today"):
        tune(Space.parse(text), trial=lambda config, run: None, experiments=tmp_path, quiet=True)
    ((folder, place, given),) = asked
    assert (folder, place) == (tmp_path / "asked", Share(cpu=1, gpu=0, at_a_time=2))
    assert (given["files"], given["gpus"], given["joined"]) == ([], False, False)  # no training
    assert list((folder / "trials").iterdir()) == []
