"""Trials as actors of Ray's, in a real search."""

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import pytest

import raypose.tuning.trial_actors as module
from raypose.config import Tune
from raypose.space import Space
from raypose.tuning.search_state import SearchState
from raypose.tuning.task import title
from raypose.tuning.trial_actors import TrialActors


def test_title():
    assert title(7, {"model.backbone": "ResNet", "optimizer.AdamW.lr": 0.00123}) == "trial 7: ResNet, lr 0.00123"
    many = title(12, {f"a.dimension_{i}": 0.5 for i in range(20)})
    assert many.startswith("trial 12: dimension_0 0.5, ")
    assert many.endswith("dimension_2 0.5, ...")


NODE = "ab" * 28


class FakeRay:
    def __init__(self):
        self.alive, self.followed, self.nodes = [], [], []

    def remote(self, cls):
        def make(folder):
            self.alive.append(name)
            actor = SimpleNamespace(name=name)
            actor.follow = SimpleNamespace(remote=lambda first: self.followed.append((folder.name, first)))
            return actor

        def options(**given):
            nonlocal name
            name = given["name"]
            assert given["num_cpus"] == 0
            self.nodes.append(getattr(given.get("scheduling_strategy"), "node_id", None))
            return SimpleNamespace(remote=make)

        name = ""
        return SimpleNamespace(options=options)

    def kill(self, actor):
        self.alive.remove(actor.name)


@pytest.fixture
def ray(monkeypatch):
    fake = FakeRay()
    monkeypatch.setattr(module, "ray", fake)
    monkeypatch.setattr("ray._private.worker.get_dashboard_url", lambda: "127.0.0.1:8265")
    return fake


@pytest.fixture
def actors(tmp_path):
    (tmp_path / "trials").mkdir()
    space = Space.parse("name: e\nmodel: {choice: [ResNet]}\n")
    state = SearchState(space, tmp_path, Tune(metric="AP", num_trials=9), seed=0)
    state.next_task()
    found = TrialActors(state)
    found.after = 0.0
    return found


def tune_trial(number, status="RUNNING"):
    return SimpleNamespace(config={"number": number}, status=status, RUNNING="RUNNING")


def test_each_running_trial_has_an_actor(ray, actors):
    folder = actors.state.files.path(0)
    folder.mkdir()
    (folder / "meta.json").write_text(json.dumps({"pid": 77, "host": "gpu-3", "node": NODE}))
    actors.look([tune_trial(0, "PENDING")])
    assert ray.alive == []
    for _ in range(2):
        actors.look([tune_trial(0)])
        assert ray.alive == ["trial 0: ResNet"]
    assert ray.followed == [("0000", "trial 0: ResNet, in process 77 on gpu-3\n")]
    assert ray.nodes == [NODE]
    actors.look([tune_trial(0, "TERMINATED")])
    assert ray.alive == []
    actors.look([tune_trial(0)])
    actors.leave()
    assert ray.alive == []


def test_short_trials_have_none(ray, actors):
    actors.after = 60.0
    for _ in range(2):
        actors.look([tune_trial(0)])
    assert ray.alive == []


def test_none_where_there_is_no_dashboard(ray, actors, monkeypatch):
    monkeypatch.setattr("ray._private.worker.get_dashboard_url", lambda: "")
    actors.look([tune_trial(0)])
    assert ray.alive == []


SEARCH = """
import time
import raypose
from raypose.space import Space


def trial(config, run):
    print("printed by", config["model"], flush=True)
    for epoch in range(1, 1000):
        run.report(epoch, {"AP": 0.5 + run.seed % 100 / 1000})
        (run.dir / "title").write_bytes(open("/proc/self/cmdline", "rb").read())
        time.sleep(0.1)
        if (run.dir / "enough").exists():
            return


if __name__ == "__main__":
    text = "name: e\\nmodel: {choice: [ResNet, HRNet]}\\ntune: {metric: AP, num_trials: 2, max_concurrent: 1}"
    raypose.tune(Space.parse(text), trial=trial)
"""
LIST = """
import json
from ray.util.state import list_actors

print(json.dumps([vars(each) for each in list_actors("{address}", detail=True)], default=str))
"""


@pytest.fixture
def search(tmp_path):
    """Of a search that runs: its environment, and the address of its dashboard."""
    (tmp_path / "search.py").write_text(SEARCH)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "TUNE_"))}
    with tempfile.TemporaryDirectory(prefix="rp", dir="/tmp", ignore_cleanup_errors=True) as temp:
        quick = {"RAY_AUTH_MODE": "disabled", "RAY_metrics_report_interval_ms": "1000", "PYTHONUNBUFFERED": "1"}
        environment = {**kept, **quick, "RAY_TMPDIR": temp}
        process = subprocess.Popen(
            [sys.executable, "search.py"], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True
        )
        said = next(line.strip() for line in process.stdout if line.startswith("Ray dashboard"))
        address = re.fullmatch(r"Ray dashboard: (http://\S+)", said)  # without a word of a token
        yield environment, address[1]
        process.terminate()
        process.wait(timeout=30)


@pytest.mark.slow
def test_a_search_in_the_state_api_and_for_prometheus(search, tmp_path):
    """One process trains one trial after the other; `ray list actors` shows each by its number, as long as it runs."""
    environment, address = search
    folders = [tmp_path / "experiments" / "e" / "trials" / f"000{number}" for number in range(2)]
    for number, folder in enumerate(folders):
        actor = within_a_minute(lambda number=number: actor_of(number, address, environment))
        assert re.fullmatch(rf"trial {number}: (ResNet|HRNet)", actor["name"])
        assert actor["repr_name"] == f"e/trials/000{number}"
        assert "printed by" in (folder / "log.txt").read_text()
        assert (folder / "title").read_bytes().startswith(f"ray::{actor['name']}".encode())
        metrics = within_a_minute(lambda number=number: metrics_of(number, environment))
        assert metrics["ray_raypose_trial_ap"] == json.loads((folder / "metrics.jsonl").open().readline())["AP"]
        (folder / "enough").touch()
    first, second = (json.loads((folder / "meta.json").read_text())["pid"] for folder in folders)
    assert first == second  # it was used again


def within_a_minute(look):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.3)
    pytest.fail("it is not to be seen")


def actor_of(number, address, environment):
    """The one living actor with a name, once it is that of a trial."""
    command = [sys.executable, "-c", LIST.format(address=address)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    alive = [each for each in json.loads(done.stdout or "[]") if each["state"] == "ALIVE" and each["name"]]
    return alive[0] if [each["name"].split(":")[0] for each in alive] == [f"trial {number}"] else None


def metrics_of(number, environment):
    """RayPose's metrics of this trial, once it is the only one, and as many have ended; found as Prometheus finds them."""
    found = json.loads((Path(environment["RAY_TMPDIR"]) / "ray" / "prom_metrics_service_discovery.json").read_text())
    pages = []
    for target in {target for group in found for target in group["targets"]}:
        with contextlib.suppress(OSError):  # of Ray's other services
            pages.append(urllib.request.urlopen(f"http://{target}/metrics", timeout=10).read().decode())
    lines = re.findall(r'^(ray_raypose_\w+)\{(.*experiment="e".*)\} (\S+)$', "\n".join(pages), re.MULTILINE)
    values = {name: float(value) for name, _, value in lines}
    trials = {match[1] for _, tags, _ in lines if (match := re.search(r'\btrial="(\d+)"', tags))}
    done = [
        float(value) for name, tags, value in lines if name.endswith("search_trials") and 'state="COMPLETE"' in tags
    ]
    is_all = "ray_raypose_trial_ap" in values and trials == {str(number)} and done == [number]
    return values if is_all else None
