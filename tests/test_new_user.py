"""A new user's way, from annotations of 30 images to a model in onnxruntime. Each command is one that an earlier one told
of: no step needs knowledge that is not on the page before it."""

import re
import shlex
import textwrap
from pathlib import Path

import numpy as np
import pytest

from raypose.cli import main

pytestmark = pytest.mark.slow


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
    page = run(told(page, "check"))
    short = ["--num-trials", "2", "--set", "training.epochs=2", "--set", "tune.scheduler=null"]
    tuned = run(told(page, "tune"), *short, "--set", "model.backbone={type: MobileNetV3, arch: small}")

    page = run(told(tuned, "report"))
    (report,) = re.findall(r"\S+\.html", page)
    assert "<svg" in Path(report).read_text() or "vega" in Path(report).read_text()

    image = next(Path("images").rglob("*.png"))
    page = run(told(tuned, "predict").replace("IMAGE ...", str(image)))
    (results,) = re.findall(r"\S+\.json", page)
    assert f'"{image.name}' in Path(results).read_text() or image.name in Path(results).read_text()

    page = run(told(tuned, "export"))
    (model,) = set(re.findall(r"\S+\.onnx", page))
    assert Path(model).exists()

    # What the page says to type into Python.
    lines = [line for line in page.splitlines() if line.startswith("  ") and not line.strip().startswith("raypose ")]
    code = textwrap.dedent("\n".join(lines))
    known = {"np": np}
    exec(compile(code, "the page of raypose export", "exec"), known)
    assert any(getattr(value, "shape", ())[-2:] == (3, 2) for value in known.values()), code
