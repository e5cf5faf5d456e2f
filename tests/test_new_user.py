"""A new user's way, from annotations of 30 images to a model in onnxruntime. Each command is one that an earlier one told
of: no step needs knowledge that is not on the page before it."""

import json
import re
import shlex
import textwrap
from pathlib import Path

import pytest

from raypose.cli import main

pytestmark = pytest.mark.slow
SHORT = (  # `check` says it again in the command that it tells of
    "model.backbone={type: HourglassNet, downsample_times: 2, feat_channel: 8, stage_blocks: 1}",
    "data.input_size=[64, 64]",
    "training.epochs=1",
    "tune.scheduler=null",
)


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """`run(command, *more)` -> all that it printed; what is `more` only saves time."""
    monkeypatch.chdir(tmp_path)

    def call(command, *more):
        with pytest.raises(SystemExit) as end:
            main([*shlex.split(command, comments=True)[1:], *more])
        out, err = capsys.readouterr()
        assert not end.value.code, f"{command}\n{out}\n{err}"
        return out

    return call


def told(page, command):
    """The command of that name that a page tells of, as it stands there."""
    found = re.findall(rf"raypose {command}\b[^;\n#]*", page)
    assert found, f"nothing tells of 'raypose {command}':\n{page}"
    return found[0].strip()


@pytest.mark.usefixtures("cluster")
def test_from_annotations_to_onnxruntime(run, tmp_path, tiny_coco_in):
    tiny_coco_in(tmp_path, num_images=30)

    page = run("raypose init annotations.json --name dots")
    page = run(told(page, "check"), *(f"--set={each}" for each in SHORT))
    tuned = run(told(page, "tune"), "--num-trials=2", "--no-check")

    page = run(told(tuned, "report"))
    (report,) = set(re.findall(r"\S+\.html", page))
    assert "dots" in Path(report).read_text(encoding="utf-8")

    image = next(Path("images").rglob("*.png"))
    page = run(told(tuned, "predict").replace("IMAGE ...", str(image)))
    (results,) = re.findall(r"\S+\.json", page)
    assert [each["file_name"] for each in json.loads(Path(results).read_text())] == [image.name]

    page = run(told(tuned, "export"))
    (model,) = re.findall(r"wrote (\S+\.onnx)", page)
    assert Path(model).exists()

    # What the page says to type into Python.
    lines = [line for line in page.splitlines() if line.startswith("  ") and not line.strip().startswith("raypose ")]
    code = textwrap.dedent("\n".join(lines))
    known = {}
    exec(compile(code, "the page of raypose export", "exec"), known)
    assert known["keypoints"].shape == (1, 3, 2), code
