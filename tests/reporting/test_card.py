"""Model cards: what they say, with samples and without."""

import json

import pytest

from raypose.reporting.card import card, write_card


@pytest.fixture
def model(search):
    made = search(num_trials=2, repeats=1, repeat_best=1)
    made.run(0.2, 0.5, PCK=0.7)
    made.run(0.1, 0.3)
    made.follow(0.4)
    return made.load(), made.folder / "best"


def test_a_card_says_what_it_is_how_good_where_from_and_how_to_use_it(model):
    experiment, folder = model
    metrics = json.loads((folder / "metrics.json").read_text())
    (folder / "metrics.json").write_text(json.dumps({**metrics, "test": {"AP": 0.456, "PCK": None}}))
    text = card(experiment, experiment.best, folder, "the best", "my mouse")
    assert text.startswith("# mice: a pose model\n")
    assert "\n| metric | validation | test |\n" in text
    assert "| AP | 0.5 | 0.456 |" in text
    assert "| PCK | 0.7 |  |" in text
    assert "it comes to 0.45 ± 0.071 (2)" in text
    assert "trial 0, the best of 2 trials, by AP (max)." in text
    for name, value in experiment.best.params.items():
        assert f"| {name} | {value if isinstance(value, str) else f'{value:.4g}'} |" in text
    assert "raypose predict 'my mouse' IMAGE ..." in text
    assert 'raypose.load("my mouse")' in text
    assert "crops of 96 x 128 pixels" in text
    assert "${MICE}/train.json" in text
    assert "python 3.11.7, torch 2.0" in text
    assert "12,345 parameters" in text
    pretrained = "torchvision://resnet" in (folder / "config.yaml").read_text()
    assert ("torchvision://resnet" in text.partition("## Licence")[2]) == pretrained
    for heading in ("How well", "How it was found", "How to use it", "Input", "Data", "Configuration", "Versions"):
        assert f"\n## {heading}\n" in text
    assert "## Examples" not in text


def test_the_commands_of_a_card_are_commands(model):
    from raypose.cli import COMMANDS

    text = card(*model[:1], model[0].best, model[1], "the best", "mouse")
    lines = text.partition("```sh\n")[2].partition("```")[0].splitlines()
    assert lines
    assert {line.split()[1] for line in lines} <= {*COMMANDS}


def test_samples_give_keypoint_names_and_a_picture(model):
    experiment, folder = model
    (folder / "samples").mkdir()
    (folder / "samples" / "0.jpg").write_bytes(b"\xff\xd8\xff\xd9")
    sample = {"file": "0.jpg", "width": 8, "height": 8, "id": 1, "image": "a.png", "error": 4.2, "worst": False}
    points = {"truth": [[1, 1, 2], [2, 2, 0]], "predicted": [[1, 2, 0.9], [3, 3, 0.1]]}
    info = {"names": ["nose", "tail"], "skeleton": [[0, 1]]}
    known = {"info": info, "unit": "%", "total": 1, "samples": [{**sample, **points}]}
    (folder / "samples" / "samples.json").write_text(json.dumps(known))
    write_card(experiment, experiment.best, folder, "the best", "mouse")
    text = (folder / "README.md").read_text()
    assert "It finds 2 keypoints of each object" in text
    assert "nose, tail." in text
    assert "](samples/examples.svg)" in text
    assert "<svg" in (folder / "samples" / "examples.svg").read_text()


def test_a_model_of_which_little_is_known(model):
    experiment, folder = model
    (folder / "metrics.json").unlink()
    (folder / "config.yaml").write_text("name: old\n")
    (experiment.trial_folder(0) / "meta.json").unlink()
    text = card(experiment, experiment.best, folder, "the best", "mouse")
    assert "Nothing is known" in text
    assert "## Data" not in text
