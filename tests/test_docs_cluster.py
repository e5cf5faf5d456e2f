"""docs/cluster.md and its examples are valid: the commands parse, the files are what their readers take."""

import re
import shlex
import subprocess
from pathlib import Path

import jsonschema
import pytest
import ray.scripts.scripts
import yaml
from ray._private.ray_constants import PROMETHEUS_SERVICE_DISCOVERY_FILE
from ray.autoscaler._private.util import validate_config
from ray.autoscaler.sdk import fillout_defaults

from raypose.cli import raypose
from raypose.config import Tune, read
from raypose.tuning.gauges import OF_TRAINING
from raypose.tuning.nodes.preflight import HINTS
from raypose.tuning.nodes.resources import share
from raypose.tuning.nodes.versions import differences

DOCS = Path(__file__).parents[1] / "docs"
TEXT = (DOCS / "cluster.md").read_text()
SLURM = (DOCS / "cluster" / "slurm.sh").read_text()
AWS = (DOCS / "cluster" / "aws.yaml").read_text()
RAYJOB = yaml.safe_load((DOCS / "cluster" / "rayjob.yaml").read_text())


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def commands():
    """Every command line of the blocks, and of the text."""
    lines = [line.split("#")[0].strip() for block in blocks("bash") for line in block.splitlines()]
    return [
        *lines,
        *re.findall(
            r"`((?:\w+=\S+ )?ray(?:pose)? [^`]*)`", re.sub("\n", " ", re.sub("```.*?```", "", TEXT, flags=re.DOTALL))
        ),
    ]


def parses(group, words):
    """A click command takes these words: the deepest subcommand's options and arguments; nothing is run."""
    name, command, rest = group.name, group, words
    while hasattr(command, "resolve_command") and rest and not rest[0].startswith("-"):
        with command.make_context(name, list(rest), resilient_parsing=True) as context:
            name, command, rest = command.resolve_command(context, list(rest))
            assert command is not None, words
    command.make_context(name, list(rest), resilient_parsing=all(word.isalpha() for word in words))  # a mere name


def raypose_parses(words):
    assert words[0] == "raypose"
    parses(raypose, words[1:])


@pytest.mark.parametrize("line", commands())
def test_every_command_parses(line):
    words = [word for word in shlex.split(line) if not re.match(r"[A-Z_]+=", word)]
    if words[0] == "raypose" and len(words) > 1:
        raypose_parses(words)
    elif words[0] == "ray":
        own = words[: words.index("--")] if "--" in words else words
        if "--" in words:
            raypose_parses(words[words.index("--") + 1 :])
            own = [*own, "--", "x"]
        parses(ray.scripts.scripts.cli, own[1:])


def test_there_are_commands():
    told = [line.split()[0] for line in commands() if line]
    assert told.count("raypose") >= 5
    assert told.count("ray") >= 5


def test_the_settings_are_read():
    for block in blocks("yaml"):
        settings = read(Tune, yaml.safe_load(block)["tune"])
        assert settings.resources.gpu
    assert share(settings, [{"CPU": 2.0}], grows=True).at_a_time == 16


def test_what_is_told_of_nodes():
    (text,) = blocks("text")
    (first,) = differences({"torch": "2.13.0"}, {"torch": "2.14.1"})
    assert text.splitlines()[0].endswith(f"{first}; {HINTS['version']}")
    assert text.splitlines()[1].endswith(HINTS["data"])


def test_the_slurm_script(tmp_path):
    assert SLURM.startswith("#!/bin/bash\n")
    subprocess.run(["bash", "-n"], input=SLURM, text=True, check=True)
    head, _, body = SLURM.partition("set -euo")
    asked = dict(re.findall(r"^#SBATCH --([a-z-]+)(?:=(\S+))?$", head, re.MULTILINE))
    assert len(asked) == SLURM.count("#SBATCH")
    assert set(asked) == {
        *("job-name", "nodes", "ntasks-per-node", "cpus-per-task", "gpus-per-node"),
        *("time", "array", "requeue", "output"),
    }
    assert asked["ntasks-per-node"] == "1"  # one Ray a node
    # Variables that Slurm sets, and no others.
    taken = set(re.findall(r"SLURMD?_\w+", body))
    known = {"JOB_ID", "CPUS_PER_TASK", "GPUS_ON_NODE", "JOB_NUM_NODES"}
    assert taken == {"SLURMD_NODENAME", *(f"SLURM_{name}" for name in known)}


def test_the_slurm_scripts_commands():
    lines = [line.strip() for line in SLURM.replace("\\\n", " ").splitlines()]
    (tune,) = [line for line in lines if line.startswith("raypose ")]
    for resume in ("", "--resume"):
        raypose_parses(shlex.split(tune.replace('"${resume[@]}"', resume)))
    hours, minutes, _ = map(int, re.search(r"--time=(\d+):(\d+):(\d+)", SLURM).groups())
    told = re.search(r"--time-budget (\S+)", tune)[1]
    assert read(Tune, {"time_budget": told}).time_budget <= (hours * 60 + minutes - 15) * 60
    has = shlex.split(re.search(r"^has=\((.*)\)$", SLURM, re.MULTILINE)[1])
    has = [re.sub(r"\$.*", "4", word) for word in has]
    starts = [
        shlex.split(line[line.index("ray start") :].replace('"${has[@]}"', "").rstrip("& "))
        for line in lines
        if "ray start" in line
    ]
    assert len(starts) == 2
    for words in starts:
        parses(ray.scripts.scripts.cli, [re.sub(r"\$port", "6379", word) for word in words[1:]] + has)


def test_the_slurm_script_finds_the_name(tmp_path):
    (line,) = [line for line in SLURM.splitlines() if line.startswith("name=")]
    (tmp_path / "search.yaml").write_text("# name: not\nname: mice   # of the lab\ndata: {}\n")
    done = subprocess.run(
        ["bash", "-c", f'space=search.yaml\n{line}\nprintf %s "$name"'], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.stdout == "mice"


def test_the_cluster_launchers_file_is_what_ray_takes():
    config = yaml.safe_load(AWS)
    assert config["head_node_type"] in config["available_node_types"]
    validate_config(fillout_defaults(config))
    with pytest.raises(jsonschema.ValidationError):
        validate_config(fillout_defaults({**config, "max_worker": 4}))


def test_the_cluster_launchers_command():
    exec_line = re.search(r"ray exec \S+ '(.*)'", AWS)[1]
    raypose_parses(shlex.split(exec_line))
    assert "--address auto" in exec_line  # no RAY_ADDRESS is set there


def closed(properties, required=()):
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


TEXT_VALUE, COUNT, FLAG = {"type": "string"}, {"type": "integer", "minimum": 0}, {"type": "boolean"}
QUANTITIES = {"type": "object", "additionalProperties": {"type": "string", "pattern": r"^\d+(\.\d+)?(m|[KMGT]i?)?$"}}
CONTAINER = closed(
    {
        "name": {"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"},
        "image": TEXT_VALUE,
        "resources": closed({"requests": QUANTITIES, "limits": QUANTITIES}, ["limits"]),
        "volumeMounts": {"type": "array", "items": closed({"name": TEXT_VALUE, "mountPath": TEXT_VALUE}, ["name"])},
    },
    ["name", "image", "resources"],
)
VOLUME = closed(
    {
        "name": TEXT_VALUE,
        "persistentVolumeClaim": closed({"claimName": TEXT_VALUE}, ["claimName"]),
        "emptyDir": closed({"medium": TEXT_VALUE, "sizeLimit": TEXT_VALUE}),
    },
    ["name"],
)
PODS = closed(
    {
        "spec": closed(
            {"containers": {"type": "array", "items": CONTAINER}, "volumes": {"type": "array", "items": VOLUME}}
        )
    },
    ["spec"],
)
START = {"type": "object", "additionalProperties": TEXT_VALUE}
WORKERS = closed(
    {
        "groupName": TEXT_VALUE,
        **dict.fromkeys(("replicas", "minReplicas", "maxReplicas"), COUNT),
        "rayStartParams": START,
        "template": PODS,
    },
    ["groupName", "minReplicas", "maxReplicas", "template"],
)
# The fields of KubeRay's ray.io/v1 RayJob that the example has, with what of them is required.
JOB = closed(
    {
        "apiVersion": {"const": "ray.io/v1"},
        "kind": {"const": "RayJob"},
        "metadata": closed({"name": {"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"}}, ["name"]),
        "spec": closed(
            {
                "entrypoint": TEXT_VALUE,
                "shutdownAfterJobFinishes": FLAG,
                "ttlSecondsAfterFinished": COUNT,
                "rayClusterSpec": closed(
                    {
                        "rayVersion": TEXT_VALUE,
                        "enableInTreeAutoscaling": FLAG,
                        "headGroupSpec": closed({"rayStartParams": START, "template": PODS}, ["template"]),
                        "workerGroupSpecs": {"type": "array", "items": WORKERS, "minItems": 1},
                    },
                    ["headGroupSpec"],
                ),
            },
            ["entrypoint", "rayClusterSpec"],
        ),
    },
    ["apiVersion", "kind", "metadata", "spec"],
)


def test_the_ray_job_is_what_kuberay_takes():
    jsonschema.validate(RAYJOB, JOB)
    spec = RAYJOB["spec"]["rayClusterSpec"]
    for group in (spec["headGroupSpec"], *spec["workerGroupSpecs"]):
        pod = group["template"]["spec"]
        (container,) = pod["containers"]
        mounted = [mount["name"] for mount in container["volumeMounts"]]
        assert sorted(mounted) == sorted(volume["name"] for volume in pod["volumes"])
        assert {"name": "shared", "mountPath": "/shared"} in container["volumeMounts"]
    assert (
        len(
            {
                group["template"]["spec"]["containers"][0]["image"]
                for group in (spec["headGroupSpec"], *spec["workerGroupSpecs"])
            }
        )
        == 1
    )


def test_the_ray_jobs_search_grows_with_the_cluster():
    words = shlex.split(RAYJOB["spec"]["entrypoint"])
    raypose_parses(words)
    given = dict(word.removeprefix("tune.").split("=") for word in words if word.startswith("tune."))
    cpu, gpu = float(given["resources.cpu"]), float(given["resources.gpu"])
    settings = read(Tune, {"resources": {"cpu": cpu, "gpu": gpu}, "max_concurrent": int(given["max_concurrent"])})
    (workers,) = RAYJOB["spec"]["rayClusterSpec"]["workerGroupSpecs"]
    limits = workers["template"]["spec"]["containers"][0]["resources"]["limits"]
    node = {"CPU": float(limits["cpu"]), "GPU": float(limits["nvidia.com/gpu"])}
    assert share(settings, [{}], grows=True).at_a_time == settings.max_concurrent  # only the head is there
    assert share(settings, [node] * workers["maxReplicas"]).at_a_time == settings.max_concurrent


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", TEXT):
        assert (DOCS / target).exists(), target


def test_what_prometheus_is_told():
    """The names of gauges are those that are exported, and the file is the one that Ray writes."""
    (config,) = map(yaml.safe_load, blocks("yml"))
    (files,) = [each["files"] for job in config["scrape_configs"] for each in job["file_sd_configs"]]
    assert [Path(file).name for file in files] == [PROMETHEUS_SERVICE_DISCOVERY_FILE]
    assert set(re.findall(r"ray_raypose_\w+?_(?=NAME|\w+\{)", TEXT)) == {
        "ray_raypose_trial_",
        "ray_raypose_search_best_",
    }
    assert all(f"`{name}`" in TEXT for name in (*OF_TRAINING, "ray_raypose_search_trials"))
    assert set(re.findall(r"ray_raypose_trial_(\w+)\{", TEXT)) <= {"ap", *OF_TRAINING}
