"""Joining a cluster, what is told where there is none, and searches on several nodes and as a Ray job."""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import pytest
from rich.console import Console

from raypose import RayPoseError
from raypose.reporting.records import load_records
from raypose.tuning.nodes import cluster as module
from raypose.tuning.nodes.cluster import LOCAL, cluster

# What `raypose tune` is to find out by itself, and what would lead it to the cluster of another test.
KEPT = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "TUNE_"))}


def join(address, options=None):
    return module._connect(address, options or {})


@pytest.fixture(autouse=True)
def _no_ray_of_ours(monkeypatch):
    """Nothing here may start or join a cluster in this process."""
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(module.ray, "init", lambda **given: pytest.fail(f"ray.init({given})"))


@pytest.mark.parametrize("address", ["ray://10.0.0.7:10001", "http://127.0.0.1:8265"])
def test_a_search_is_no_remote_control(address):
    with pytest.raises(RayPoseError, match=r"runs in the cluster.*ray job submit"):
        join(address)


@pytest.mark.parametrize(
    ("address", "why"), [("gpu-3", "HOST:PORT"), ("gpu-3:", "HOST:PORT"), ("no-such-host.invalid:6379", "invalid")]
)
def test_what_is_no_address(address, why):
    with pytest.raises(RayPoseError, match=f"no Ray cluster can be joined at {address}: .*"):
        join(address)


def test_nobody_there():
    began = time.monotonic()
    with pytest.raises(
        RayPoseError, match=r"127.0.0.1:\d+: .*Connection refused; start one there \(ray start --head\)"
    ):
        join(f"127.0.0.1:{free_port()}")
    assert time.monotonic() - began < 3


def test_somebody_else_there(monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(RayPoseError, match="isn't Ray's head"):
            join(address)


def test_what_auto_finds_may_have_gone(monkeypatch, tmp_path):
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    address = f"127.0.0.1:{free_port()}"
    (tmp_path / "ray").mkdir()
    (tmp_path / "ray" / "ray_current_cluster").write_text(address)
    with pytest.raises(RayPoseError, match=f"joined at {address}: .*refused"):
        join("auto")


@pytest.mark.parametrize(
    ("mode", "url", "said"),
    [
        (
            "token",
            "127.0.0.1:8265",
            "http://127.0.0.1:8265 (paste the token that `ray get-auth-token` prints where it ",
        ),
        ("disabled", "127.0.0.1:8265", "http://127.0.0.1:8265\n"),
        ("token", "", ""),
    ],
)
def test_where_the_dashboard_is(monkeypatch, capsys, mode, url, said):
    monkeypatch.setenv("RAY_AUTH_MODE", mode)
    monkeypatch.setattr(module.ray, "init", lambda **given: type("", (), {"dashboard_url": url}))
    # Whatever other tests have in this process stays as it is.
    monkeypatch.setattr(module.ray, "is_initialized", lambda: False)
    monkeypatch.setattr(module.ray, "shutdown", lambda: None)
    with cluster(None, Console(width=40)):
        told = capsys.readouterr().out
    assert told.startswith(f"Ray dashboard: {said}" if said else "")
    assert told.count("\n") == bool(said)


def test_what_ray_says_of_a_token(monkeypatch):
    def init(**given):
        raise ConnectionError("Failed to connect to Ray cluster at 10.0.0.7:6379\n")

    monkeypatch.setattr(module.ray, "init", init)
    monkeypatch.setattr(module, "_reach", lambda where: None)
    with pytest.raises(RayPoseError, match=r"Failed to connect .*:6379; .*RAY_AUTH_MODE=token"):
        join("10.0.0.7:6379")


@pytest.mark.parametrize(
    ("given", "environment", "expected"),
    [
        (None, None, LOCAL),  # and not what somebody has started on this machine
        (None, "10.0.0.7:6379", "10.0.0.7:6379"),  # a Ray job
        ("auto", "10.0.0.7:6379", "10.0.0.7:6379"),
        ("auto", None, "auto"),
        ("10.0.0.8:6379", "10.0.0.7:6379", "10.0.0.8:6379"),
        ("local", "10.0.0.7:6379", LOCAL),
    ],
)
def test_which_cluster(monkeypatch, given, environment, expected):
    if environment:
        monkeypatch.setenv("RAY_ADDRESS", environment)
    calls = []
    monkeypatch.setattr(module.ray, "is_initialized", lambda: False)
    monkeypatch.setattr(module.ray, "shutdown", lambda: None)
    monkeypatch.setattr(module, "_reach", lambda where: None)
    monkeypatch.setattr(module.ray, "init", lambda **given: calls.append(given) or type("", (), {"dashboard_url": ""}))
    with cluster(given, Console(quiet=True)) as joined:
        assert joined == (expected != LOCAL)
    assert calls[0]["address"] == expected
    assert "dashboard_host" not in calls[0]  # Ray's own default is this machine alone
    if expected == LOCAL:
        with cluster(given, Console(quiet=True), dashboard_host="0.0.0.0"):
            assert calls[1]["dashboard_host"] == "0.0.0.0"
        return
    with (
        pytest.raises(RayPoseError, match="leave out --dashboard-host"),
        cluster(given, Console(quiet=True), "0.0.0.0"),
    ):
        pass


def free_port():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return unused.getsockname()[1]


SEVERAL_NODES = '''
import json, os, sys, time
from pathlib import Path
from ray.cluster_utils import Cluster
import ray
from rich.console import Console
import raypose
from raypose.errors import RayPoseError
from raypose.tuning.nodes.cluster import ENVIRONMENT

folder = Path(sys.argv[1])
os.environ.update(ENVIRONMENT)
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
for number in (1, 2):
    cluster.add_node(num_cpus=1, num_gpus=1)
old = cluster.add_node(num_cpus=1, num_gpus=1, env_vars={"PYTHONPATH": str(folder / "old")})
ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")

(folder / "mine.py").write_text("""import raypose
@raypose.BACKBONES.register_module()
class Mine: pass
""")
TEXT = """{name: %s, x: {uniform: [0, 1]}, plugins: [%s],
          tune: {metric: score, num_trials: 6, scheduler: null, resources: {cpu: 0.5, gpu: 0.5}}}"""

def trial(config, run):
    import ray
    places = Path(folder) / "places"
    places.mkdir(exist_ok=True)
    began = time.time()
    run.report(1, {"score": config["x"]})
    time.sleep(1.5)
    (places / run.dir.name).write_text(json.dumps({
        "node": ray.get_runtime_context().get_node_id(), "visible": os.environ.get("CUDA_VISIBLE_DEVICES"),
        "span": [began, time.time()], "device": run.device, "mine": "Mine" in raypose.BACKBONES}))

def search(name):
    space = raypose.Space.parse(TEXT % (name, folder / "mine.py"))
    console = Console(record=True, width=300, file=open(os.devnull, "w"))
    try:
        raypose.tune(space, trial=trial, experiments=folder, console=console)
        return console.export_text()
    except RayPoseError as error:
        return f"{error.exit_status} {error}"

refused = search("refused")
cluster.remove_node(old)
while sum(node["Alive"] for node in ray.nodes()) > 3:
    time.sleep(0.1)
told = search("done")
print(json.dumps({"refused": refused, "told": told}))
ray.shutdown()
cluster.shutdown()
'''


@pytest.mark.slow
def test_half_a_gpu_each_on_two_nodes_and_a_third_with_another_torch(tmp_path):
    fake = tmp_path / "old" / "torch-2.0.1.dist-info"
    fake.mkdir(parents=True)
    (fake / "METADATA").write_text("Metadata-Version: 2.1\nName: torch\nVersion: 2.0.1\n")
    (tmp_path / "script.py").write_text(SEVERAL_NODES)
    done = run_alone([sys.executable, "script.py", str(tmp_path)], tmp_path)
    told = json.loads(done.splitlines()[-1])
    assert told["refused"].startswith("1 node ")
    assert "torch is 2.0.1, here 2." in told["refused"]
    assert len(told["refused"].splitlines()) == 1
    assert not (tmp_path / "refused" / "best").exists()
    assert "Ray cluster: 2 of 3 nodes can run a trial (cpu 0.5, gpu 0.5), 4 at a time; not on " in told["told"]
    places = [json.loads(file.read_text()) for file in (tmp_path / "places").iterdir()]
    assert len(places) == 6
    assert len({place["node"] for place in places}) == 2
    assert {place["visible"] for place in places} == {"0"}  # each node has one GPU
    assert {place["device"] for place in places} == {"cuda"}
    assert all(place["mine"] for place in places)
    together = [sum(a <= place["span"][0] < b for a, b in (each["span"] for each in places)) for place in places]
    assert max(together) == 4


SPACE = """\
name: job
data:
  train: {{type: CocoKeypoints, ann_file: "{ann_file}", img_prefix: "{img_prefix}"}}
  val: {{split: 0.34}}
  input_size: [64, 64]
model:
  backbone: {{type: HourglassNet, num_stacks: 1, downsample_times: 2, feat_channel: 8, stage_blocks: 1}}
  keypoint_head: {{type: HeatmapHead}}
optimizer: {{type: AdamW, lr: {{loguniform: [1e-3, 1e-2]}}}}
training: {{epochs: 1, batch_size: 2}}
tune: {{metric: EPE, num_trials: 1, scheduler: null}}
"""


@pytest.mark.slow
def test_as_a_ray_job(tmp_path, tiny_coco):
    """The same command under `ray job submit` joins the cluster that runs it."""
    work = tmp_path / "work"
    work.mkdir()
    (work / "space.yaml").write_text(SPACE.format(ann_file=tiny_coco.ann_file, img_prefix=tiny_coco.img_prefix))
    ray, python = str(Path(sys.executable).with_name("ray")), sys.executable
    gcs, dashboard = free_port(), free_port()
    ports = [f"--port={gcs}", f"--dashboard-port={dashboard}", f"--dashboard-agent-listen-port={free_port()}"]
    command = [ray, "start", "--head", "--block", *ports, f"--ray-client-server-port={free_port()}", "--num-cpus=2"]
    with head(command, tmp_path) as environment:
        wait_for(gcs, dashboard)
        address = f"http://127.0.0.1:{dashboard}"
        tune = [python, "-m", "raypose", "tune", "space.yaml", "--no-check", "--experiments", str(tmp_path / "results")]
        submit = [ray, "job", "submit", "--address", address, "--working-dir", str(work), "--", *tune]
        output = run_alone(submit, tmp_path, environment)
    assert "Ray cluster: 1 of 1 nodes can run a trial" in output
    assert "1 COMPLETE" in output
    records, _ = load_records(tmp_path / "results" / "job")
    assert [record.state for record in records] == ["COMPLETE"]


class head:
    """`ray start --head --block` in a session of its own, its temporary files and its pids apart from everybody's."""

    def __init__(self, command, folder):
        self.command, self.folder = command, folder

    def __enter__(self):
        self.temp = tempfile.mkdtemp(prefix="rp", dir="/tmp")  # short: sockets lie in it
        token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(16)}
        environment = {**KEPT, **token, "RAY_TMPDIR": self.temp, "RAY_USAGE_STATS_ENABLED": "0"}
        with open(self.folder / "head.txt", "w") as output:
            self.process = subprocess.Popen(
                self.command, stdout=output, stderr=output, env=environment, start_new_session=True
            )
        return environment

    def __exit__(self, *error):
        self.process.terminate()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
        shutil.rmtree(self.temp, ignore_errors=True)


def wait_for(*ports):
    deadline = time.monotonic() + 120
    for port in ports:
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.2)
        else:
            pytest.fail(f"nobody listens at {port}")


def run_alone(command, folder, environment=None):
    """Run a command where no cluster of another test is found; gives what it printed."""
    with tempfile.TemporaryDirectory(
        prefix="rp", dir="/tmp", ignore_cleanup_errors=True
    ) as temp:  # short: sockets lie in it
        environment = environment or {**KEPT, "RAY_TMPDIR": temp}
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
        )
    assert done.returncode == 0, textwrap.shorten(done.stdout + done.stderr, 20000)
    return done.stdout
