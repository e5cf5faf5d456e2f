"""`raypose schema`."""

import json
from pathlib import Path

import pytest

from raypose.registry import BACKBONES

PLUGIN = """
from raypose import BACKBONES

@BACKBONES.register_module()
class SchemaNet:
    def __init__(self, width: int = 16): ...
"""


def test_the_schema_with_a_plugin_is_written_to_a_file(cli):
    Path("mine.py").write_text(PLUGIN)
    done = cli("schema", "--plugin", "mine.py", "--to", "raypose.schema.json")
    BACKBONES.remove(lambda each: each.__name__ == "SchemaNet")
    assert (done.status, done.out) == (0, "")
    definitions = json.loads(Path("raypose.schema.json").read_text())["definitions"]
    assert "SchemaNet" in definitions["name-of-backbone"]["enum"]
    assert definitions["backbone.SchemaNet"]["properties"]["width"]["default"] == 16


def test_the_schema_is_printed_and_help_says_how_an_editor_reads_it(cli):
    printed = json.loads(cli("schema").out)["definitions"]
    samplers, schedulers = printed["name-of-sampler"]["enum"], printed["name-of-scheduler"]["enum"]
    assert {"TPESampler", "RandomSampler"} <= set(samplers)
    assert {"MedianPruner", "ASHAScheduler"} <= set(schedulers)
    assert not {"BaseSampler", "BaseGASampler", "PB2", "create_scheduler"} & {
        *samplers,
        *schedulers,
    }
    assert "# yaml-language-server: $schema=raypose.schema.json" in cli("schema", "--help").out


@pytest.mark.parametrize("wrong", [("--plugin", "nothing.py"), ("--to", "nowhere/a.json")])
def test_what_is_missing_is_named(cli, wrong):
    done = cli("schema", *wrong)
    assert done.status == 2
    assert wrong[1].partition("/")[0] in done.err
