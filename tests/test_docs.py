"""Every YAML file that is shipped, and every command and code block of README.md and of the tutorials, runs."""

import re
import runpy
import shlex
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
import torch
import yaml

import raypose.registry
from raypose.cli import COMMANDS, main
from raypose.models.builder import build_model
from raypose.optim import build_optimizer
from raypose.plugins.loading import PREFIX, _forget
from raypose.reporting.infeasible import Infeasible
from raypose.reporting.records import Record
from raypose.space import Choice, Space, defaults, dump
from raypose.space.traverse import as_written
from raypose.tuning.checked import load_checked

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
SEARCH_SPACE = (ROOT / "docs" / "search_space.md").read_text()
TUTORIALS = {
    "en": (ROOT / "docs" / "tutorials" / "add_new_modules.md").read_text(),
    "zh_CN": (ROOT / "docs" / "zh_CN" / "tutorials" / "add_new_modules.md").read_text(),
}


def blocks(language, text=README):
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def commands(text=README):
    """The `raypose ...` lines of the shell blocks, without the comments."""
    lines = [line.split("  #")[0].strip() for block in blocks("bash", text) for line in block.splitlines()]
    return [line for line in lines if line.startswith("raypose ")]


def python_block(word):
    (found,) = [block for block in blocks("python") if word in block]
    return found


def yaml_block(name):
    (found,) = [block for block in blocks("yaml") if f"name: {name}" in block]
    return found


def run(command):
    with pytest.raises(SystemExit) as end:
        main(shlex.split(command)[1:])
    assert not end.value.code, command


@pytest.fixture
def mice(tmp_path, monkeypatch, tiny_coco):
    """The folder of the README's reader: `annotations/train.json` and `images/`."""
    (tmp_path / "annotations").mkdir()
    Path(tiny_coco.ann_file).rename(tmp_path / "annotations" / "train.json")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


@pytest.mark.parametrize("file", sorted((ROOT / "search_spaces").glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_spaces_pass_the_check(file, data_root, monkeypatch):
    monkeypatch.setenv("RAYPOSE_DATA", str(data_root.resolve()))
    assert len(load_checked(file).dimensions) >= 5


def test_the_two_set_up_commands_are_one_line_each():
    lines = [line for block in blocks("bash") for line in block.splitlines() if "pip install" in line]
    assert len(lines) == 2
    run_line, test_line = lines
    assert run_line.endswith(".venv/bin/raypose tune search_spaces/quickstart.yaml")
    assert "'.[test]'" in test_line
    assert test_line.endswith(".venv/bin/pytest -n 2 --dist loadfile")


def test_every_command_is_in_the_readme_or_in_help():
    named = {command.split()[1] for command in commands()}
    assert named <= set(COMMANDS)
    assert {"init", "check", "sample", "tune", "show", "evaluate", "train"} <= named


def test_the_language_by_example(mice):
    (mice / "mice.yaml").write_text(yaml_block("mice"))
    space = load_checked(mice / "mice.yaml")
    names = {dimension.name for dimension in space.dimensions}
    assert {"model.backbone", "model.backbone.ResNet.depth", "optimizer.AdamW.lr"} <= names


@pytest.mark.parametrize("block", blocks("console"), ids=lambda block: block.splitlines()[0])
def test_what_the_check_says(block, tmp_path, monkeypatch, capsys):
    """Word by word; torch may count memory a little otherwise one day."""
    (sizes,) = [each for each in blocks("yaml", SEARCH_SPACE) if each.startswith("# sizes.yaml")]
    (tmp_path / "sizes.yaml").write_text(sizes)
    (tmp_path / "search_spaces").symlink_to(ROOT / "search_spaces")
    monkeypatch.chdir(tmp_path)
    command, _, told = block.partition("\n")
    with pytest.raises(SystemExit):
        main(shlex.split(command.removeprefix("$ raypose ")))
    out, err = capsys.readouterr()
    for said, word in zip((err + out).split(), told.split(), strict=True):
        assert said == word or float(said) == pytest.approx(float(word), rel=0.05)


@pytest.mark.usefixtures("cluster")
def test_the_tour_of_commands(mice, capsys):
    """As in the README, but for a space that was made small between two commands."""
    for command in commands():
        run(command.replace("--num-trials 80", "--num-trials 3"))
        if command.startswith("raypose init"):
            make_small(mice / "mice.yaml")
    best = {path.name for path in (mice / "experiments" / "mice" / "best").iterdir()}
    assert best == {"config.yaml", "weights.pt", "metrics.json", "samples"}
    assert (mice / "experiments" / "mice-train" / "weights.pt").exists()
    assert "mice: 2 trials" in capsys.readouterr().out


def make_small(file):
    config = Space.load(file).default()
    config["training"] |= {"epochs": 1, "batch_size": 2}
    config["tune"]["num_trials"] = 2
    config["data"]["input_size"] = [64, 64]
    config["model"] = {
        "type": "TopDown",
        "backbone": {
            "type": "HourglassNet",
            "num_stacks": 1,
            "downsample_times": 1,
            "feat_channel": 8,
            "stage_blocks": 1,
        },
        "keypoint_head": {"type": "HeatmapHead", "num_deconv_layers": 0},
    }
    text = dump(config)
    rate = config["optimizer"]["lr"]
    file.write_text(text.replace(f"lr: {rate}", "lr: {loguniform: [0.001, 0.01]}"))


def test_modules_of_ones_own(mice, capsys):
    """A backbone, head, loss, optimizer and constructor of the user's; the tutorial's are searched over."""
    (mice / "my_modules.py").write_text(python_block("MyBackbone"))
    (mice / "mine.yaml").write_text(yaml_block("mine"))
    run("raypose check mine.yaml")
    run("raypose list backbones --plugin my_modules.py")
    assert "MyBackbone(width=16)" in capsys.readouterr().out
    for config in branches(Space.load("mine.yaml")):
        train_a_step(config)


@pytest.mark.usefixtures("cluster")
def test_from_python(mice, capsys):
    (mice / "script.py").write_text(python_block("raypose.tune"))
    runpy.run_path(str(mice / "script.py"), run_name="__main__")
    assert re.search(r"\d\.\d+ \{'x': ", capsys.readouterr().out)


def test_the_tutorials_have_the_same_code():
    english, chinese = (re.findall(r"^```.*?^```$", text, re.MULTILINE | re.DOTALL) for text in TUTORIALS.values())
    assert english == chinese
    headings = [len(re.findall("^#+ ", text, re.MULTILINE)) for text in TUTORIALS.values()]
    assert headings[0] == headings[1]


def test_the_chinese_readme_says_the_same():
    """By what needs no translation: code, the depth of headings, rows of tables, names and links."""
    chinese = (ROOT / "README_zh-CN.md").read_text()

    def skeleton(text):
        code = re.findall(r"^```.*?^```$", text, re.MULTILINE | re.DOTALL)
        prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
        lines = [line.partition(" ")[0] for line in prose.splitlines() if re.match(r"#|\||\* ", line)]
        links = {link for link in re.findall(r"\]\(([^)]+)\)", prose) if "README" not in Path(link).stem or "/" in link}
        return code, lines, {*re.findall(r"`([^`]+)`", prose)}, links

    for ours, theirs in zip(skeleton(README), skeleton(chinese), strict=True):
        assert ours == theirs


@pytest.fixture
def reader(tmp_path, monkeypatch):
    """The tutorial's reader: an empty folder, drawn people of an earlier test's, no plugin loaded before or after."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    yield tmp_path
    forget_plugins()


def forget_plugins():
    for name in [name for name in sys.modules if name.startswith(PREFIX)]:
        _forget(name)


def steps(text):
    """After each YAML block of a tutorial: the text of my_modules.py so far, and the space."""
    modules, space = "", {}
    for language, block in re.findall(r"^```(python|yaml)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        if language == "python":
            modules += f"\n\n{block}"
        else:
            new = as_written(Space.parse(block).tree)
            parts = {"model": {**space.get("model", {}), **new["model"]}} if "model" in new else {}
            space = {**space, **new, **parts}
            yield modules, space


def branches(space):
    """A configuration for every option of every choice."""
    found = [space.default()]
    for dimension in space.dimensions:
        for label in dimension.labels if isinstance(dimension, Choice) else ():
            config = space.sample(lambda each, d=dimension, own=label: own if each is d else defaults(each))
            found += [config] if config not in found else []
    return found


def train_a_step(config):
    torch.manual_seed(0)
    model = build_model(config["model"], 17, (64, 64)).train()
    optimizer = build_optimizer(config["optimizer"], model)
    before = [parameter.clone() for parameter in model.parameters()]
    keypoints = torch.rand(2, 17, 2) * 63
    model.loss(torch.randn(2, 3, 64, 64), keypoints, torch.ones(2, 17))["loss"].backward()
    optimizer.step()
    assert not any(torch.equal(one, other) for one, other in zip(before, model.parameters(), strict=True))
    return model, optimizer


def test_every_step_of_the_tutorial_builds_and_trains_in_every_branch(reader):
    built, seen = set(), []
    for modules, content in steps(TUTORIALS["en"]):
        (reader / "my_modules.py").write_text(modules)
        (reader / "mine.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
        new = [config for config in branches(load_checked("mine.yaml")) if config not in seen]
        seen += new
        for config in new:
            model, optimizer = train_a_step(config)
            parts = (optimizer, model.backbone, model.keypoint_head, model.loss_keypoint)
            built |= {type(part).__name__ for part in parts} | {config["optimizer"].get("constructor")}
    assert {"MyOptimizer", "MyOptimizerConstructor", "MyNet", "MyHead", "MyLoss"} <= built
    assert {"AdamW", "MobileNetV3", "HeatmapHead", "JointsMSELoss"} <= built


def follow(folder, text=TUTORIALS["en"]):
    """Leave what the tutorial's reader has in the end: my_modules.py, mine.yaml and pyproject.toml."""
    (folder / "my_modules.py").write_text("\n\n".join(blocks("python", text)))
    (folder / "mine.yaml").write_text(blocks("yaml", text)[-1])
    (folder / "pyproject.toml").write_text(blocks("toml", text)[0])


@pytest.mark.usefixtures("cluster")
def test_the_end_of_the_tutorial_is_a_real_search_and_a_model_that_can_be_moved(reader, capsys):
    follow(reader)
    *told, packaged = dict.fromkeys(commands(TUTORIALS["en"]))
    printed = []
    for command in told:
        run(f"{command} --to trained --epochs 1" if command.startswith("raypose train") else command)
        printed.append(capsys.readouterr().out)
    assert "MyLoss(brightness: float = 10.0, use_target_weight" in "".join(printed)
    assert "2 COMPLETE" in "".join(printed)
    assert packaged == "raypose list backbones MyNet"  # see the test of the package

    # On another machine there is neither the experiment nor the user's file.
    elsewhere = reader / "elsewhere"
    for model in ("experiments/mine/best", "trained"):
        shutil.move(reader / model, elsewhere / model)
    shutil.rmtree(reader / "experiments")
    (reader / "my_modules.py").unlink()
    for model in ("experiments/mine/best", "trained"):
        forget_plugins()
        assert "MyNet" not in raypose.BACKBONES
        raypose.load(elsewhere / model)
        assert "MyNet" in raypose.BACKBONES
    forget_plugins()
    run(f"raypose train {elsewhere / 'experiments/mine/best'} --epochs 1 --to again")


def test_what_the_tutorial_says_of_errors(reader, capsys):
    errors = blocks("text", TUTORIALS["en"])
    follow(reader)
    modules, space = (reader / "my_modules.py").read_text(), (reader / "mine.yaml").read_text()
    (reader / "my_modules.py").write_text(modules.replace("import torch\n", "import tourch\n", 1))
    assert check_fails(capsys) == errors[0]
    (reader / "my_modules.py").write_text(modules)
    (reader / "mine.yaml").write_text(space.replace("MyHead", "MyHaed"))
    assert check_fails(capsys) == errors[1]


def check_fails(capsys):
    with pytest.raises(SystemExit) as end:
        main(["check", "mine.yaml"])
    assert end.value.code == 2
    return capsys.readouterr().err.replace(f"{Path.cwd()}/", "")


def test_the_tutorials_package_registers_by_its_entry_point(reader, monkeypatch, capsys):
    """Also where the file is named in `plugins`, as the space still does."""
    follow(reader)
    # The part of `pip install -e .` that leaves the entry points.
    code = "from setuptools.build_meta import prepare_metadata_for_build_wheel as prepare; prepare('.')"
    subprocess.run([sys.executable, "-c", code], cwd=reader, check=True, capture_output=True)
    monkeypatch.syspath_prepend(reader)
    monkeypatch.setattr("raypose.entry_points._groups", ["raypose.components"])  # as if nothing had been loaded
    try:
        run(commands(TUTORIALS["en"])[-1])
        assert "  MyNet(width: int = 16, depth: int = 3)" in capsys.readouterr().out
        run("raypose check mine.yaml")
    finally:
        _forget("my_modules")


PAGES = sorted({*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("*/README.md")})


def anchors(text):
    """Where a link may lead within a page, as GitHub names its headings."""
    text = re.sub(r"^(```+).*?^\1$", "", text, flags=re.MULTILINE | re.DOTALL)
    headings = [re.sub(r"\[(.*?)\]\(.*?\)", r"\1", line) for line in re.findall(r"^#+ (.*)$", text, re.MULTILINE)]
    names = [re.sub(r"[^\w -]", "", each.strip().lower()).replace(" ", "-") for each in headings]
    repeats = [f"{name}-{names[:i].count(name)}" for i, name in enumerate(names) if name in names[:i]]
    return {*names, *repeats, *re.findall(r'<a (?:id|name)="(.*?)"', text)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    text = re.sub(r"^(```+).*?^\1$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    links = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'(?:href|src)="([^"]+)"', text)
    for link in links:
        target, _, place = link.partition("#")
        if not target.startswith(("http:", "https:")):
            found = page.parent / target if target else page
            assert found.exists(), link
            assert not place or place in anchors(found.read_text()), link


def test_the_index_has_every_page():
    docs = ROOT / "docs"
    index = (docs / "README.md").read_text()
    pages = [str(page.relative_to(docs)) for page in docs.glob("**/*.md") if page.name != "README.md"]
    assert [page for page in pages if f"({page})" not in index] == []


def test_anchors_are_named_as_on_github():
    text = "# What `x` is: a, b\n## [Two](x.md) words\n```\n# no heading\n```\n## Two words\n## 添加新的头部\n"
    assert anchors(text) == {"what-x-is-a-b", "two-words", "two-words-1", "添加新的头部"}


def test_what_a_script_reads_of_an_experiment_is_told():
    told = (ROOT / "experiments" / "README.md").read_text()
    assert [each.name for each in (*fields(Record), *fields(Infeasible)) if f"`{each.name}`" not in told] == []


@pytest.mark.parametrize("kind", ["backbones", "necks", "heads", "codecs", "losses", "optimizer_builders"])
def test_the_readme_names_every_component(kind):
    registry = raypose.registry.REGISTRIES[kind]
    builtin = [name for name in registry if registry.get(name).__module__.startswith("raypose.")]
    assert [name for name in builtin if f"`{name}`" not in README] == []
