"""Whole files: shipped ones, those of the documents, and wrong ones."""

import importlib.util
import json
import re
import sys
from pathlib import Path

import pytest
from jsonschema import Draft7Validator

from raypose.errors import RayPoseError
from raypose.plugins import load_plugins
from raypose.plugins.loading import PREFIX, _forget
from raypose.space.reading.reader import read

ROOT = Path(__file__).parents[2]
SHIPPED = sorted((ROOT / "search_spaces").glob("*.yaml"))
DOCUMENTS = [ROOT / "README.md", ROOT / "docs/search_space.md", ROOT / "docs/tutorials/add_new_modules.md"]
NOT_SHOWN = """
from raypose import HEADS

@HEADS.register_module(force=True)
class SamplerHead:
    def __init__(self, in_channels, jitter): ...
"""


def module(path):
    spec = importlib.util.spec_from_file_location(f"schema_{path.stem}", path)
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


corpus = module(ROOT / "tests" / "check" / "corpus.py")
texts = module(ROOT / "tests" / "check" / "good_spaces.py")


def blocks(language, text):
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@pytest.fixture
def forget():
    yield
    for name in [name for name in sys.modules if name.startswith(PREFIX)]:
        _forget(name)


@pytest.fixture
def with_plugin(tmp_path, write_schema, forget):
    """`with_plugin(text)`, the schema after a plugin has been loaded, which is forgotten after the test."""

    def load(text):
        (tmp_path / "my_modules.py").write_text(text)
        load_plugins([str(tmp_path / "my_modules.py")])
        return write_schema()

    return load


def test_it_is_a_schema_of_draft_7_of_moderate_size(schema):
    Draft7Validator.check_schema(schema)
    text = json.dumps(schema)
    assert len(text) < 1_000_000
    used = set(re.findall(r'"\$ref": "#/definitions/([^"]*)"', text))
    assert used <= schema["definitions"].keys()


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_spaces(errors, path):
    assert errors(path.read_text()) == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_spaces_of_documents_with_the_modules_that_they_show(errors, errors_by, with_plugin, document):
    """Parts of spaces too: as if they had a base with the rest."""
    text = document.read_text()
    scripts = re.compile(r"^import raypose$", re.MULTILINE)  # they use it, and register nothing
    modules = [NOT_SHOWN, *(block for block in blocks("python", text) if not scripts.search(block))]
    spaces = [each if re.search("^name:", each, re.M) else f"base: a.yaml\n{each}" for each in blocks("yaml", text)]
    told = errors_by(with_plugin("\n\n".join(modules)))
    assert [told(space) for space in spaces] == [[] for _ in spaces]
    assert any("is not one of" in each for space in spaces for each in errors(space))  # without the plugin


TOLD = '''
@BACKBONES.register_module(force=True)
class ToldBackbone(nn.Module):
    """It has a docstring.

    Args:
        width: how wide it is. And more.
    """

    def __init__(self, width: int = 16): ...
'''


def test_plugins_good_spaces_and_faulty_ones(errors_by, with_plugin):
    schema = with_plugin(texts.PLUGIN + TOLD)
    errors = errors_by(schema)
    told = schema["definitions"]["backbone.ToldBackbone"]
    assert told["description"] == "It has a docstring."
    assert told["properties"]["width"] | {"allOf": 0} == {"allOf": 0, "description": "how wide it is", "default": 16}

    for text in corpus.good_spaces().values():
        assert errors(text) == []
    wrong_inside = texts.FREE.replace("deep: true", "deep: {uniform: 1}"), texts.FREE.replace("deep:", "codec:")
    assert [len(errors(text)) for text in wrong_inside] == [1, 0]
    assert "'anything', 'depth', 'lr' were unexpected" in errors(texts.FREE.replace("FreeB", "ToldB"))[0]
    assert missed(errors, of_each_kind=0) == []


@pytest.mark.slow
def test_many_faulty_spaces(errors_by, with_plugin):
    assert missed(errors_by(with_plugin(texts.PLUGIN)), of_each_kind=5) == []


def missed(errors, of_each_kind):
    """Faulty spaces of the static check's corpus that a schema should find and does not; so many mutants of each kind."""
    faulty = [each for each in corpus.faulty_spaces(of_each_kind) if each.by_schema]
    faulty = [each for each in faulty if 'min_resource: "' not in each.text]  # by its signature it may be a string
    assert len(faulty) > 50
    return [each.name for each in faulty if is_yaml(each.text) and not errors(each.text, first=True)]


def is_yaml(text):
    try:
        return bool(read(text, "space.yaml"))
    except RayPoseError:
        return False


GOOD = texts.FEATURES


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("name: features\n", "", "$: 'name' is a required property"),
        ("name: features", "name: a/b", "$.name: 'a/b' does not match"),
        ("seed: 1", "sed: 1", "$: Additional properties are not allowed ('sed' was unexpected)"),
        ("seed: 1", "seed: {randint: [1, 9]}", "$.seed: {'randint': [1, 9]} is not of type 'integer'"),
        ("  input_size:", "  imput_size:", "$.data: Additional properties are not allowed ('imput_size'"),
        ("flip: 0.5", "flip: 1.5", "$.data.augment.flip: 1.5 is greater than the maximum of 1"),
        ("rotation: {uniform: [0, 45]}", "rotation: {unifrom: [0, 45]}", "$.data.augment.rotation: Additional"),
        ("{split: 0.34, group_by: video}", "{group_by: video}", "$.data.val: 'split' is a required property"),
        ("{split: 0.34, group_by: video}", "{split: 0.34, by: video}", "$.data.val: Additional properties"),
        ("{split: 0.34, group_by: video}", "{ann_file: a.json}", "$.data.val: 'type' is a required property"),
        ("ann_file: annotations.json, ", "", "$.data.train: 'ann_file' is a required property"),
        ("[[64, 64], [96, 96]]", "[[64, 64], [96]]", "$.data.input_size.choice[1]: [96] is too short"),
        ("precision: fp32", "precision: fp8", "$.training.precision: 'fp8' is not one of ['auto', 'fp32', "),
        ("{type: EPE}", "{type: EEP}", "$.training.metrics[2].type: 'EEP' is not one of"),
        ("type: MSRAHeatmap", "type: MSRAHeatmp", "choice[0].codec.type: 'MSRAHeatmp' is not one of"),
        ("{lr_mult: 0.1}", "{lr: 0.1}", "choice[0].paramwise_cfg.custom_keys.backbone: Additional properties"),
        ("backbone: {type: SGD", "backbone: {tpe: SGD", "$.optimizer.choice[2].backbone: 'type' is a required"),
        ("num_trials: 12", "num_trials: many", "$.tune.num_trials: 'many' is not of type 'integer'"),
        ("num_trials: 12", "num_trials: {choice: [1, 2]}", "$.tune.num_trials: {'choice': [1, 2]} is not of type"),
        ("mode: max", "mode: most", "$.tune.mode: 'most' is not one of ['max', 'min']"),
        ("metric: PCK@0.2", "metric: [EPE, {AP: low}]", "$.tune.metric[1].AP: 'low' is not one of ['max', 'min']"),
        ("metric: PCK@0.2", "metric: []", "$.tune.metric: [] should be non-empty"),
        ("num_trials: 12", "time_budget: 1x", "$.tune.time_budget: '1x' does not match"),
        ("num_trials: 12", "time_budget: 0", "$.tune.time_budget: 0 is less than or equal to the minimum"),
        ("{cpu: 1}", "{cpus: 1}", "$.tune.resources: Additional properties are not allowed ('cpus' was"),
        ("{type: MedianPruner, n_startup_trials: 2}", "{type: MedianPruner, trials: 2}", "wrapped_pruner: Additional"),
        ('constraints: ["params <= 50e6"', "constraints: [3", "$.tune.constraints[0]: 3 is not of type 'string'"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_once_with_its_place(errors, old, new, message):
    assert errors(GOOD) == []
    assert old in GOOD
    found = errors(GOOD.replace(old, new, 1))
    assert len(found) == 1
    assert message in found[0]
