from __future__ import annotations

import pytest

from raypose.errors import RayPoseError
from raypose.space import Range, Space, difference

TEXT = """\
training: {epochs: 20}
data: {input_size: [64, 96]}
empty:
plain: {uniform: [0, 1]}
optimizer:
  choice:
    - {type: AdamW, lr: {loguniform: [1e-4, 1e-2]}}
    - {label: 1.5, type: SGD, lr: 1}
    - 7
"a.b": {"c.d": 1, c: 2}
"""


def space(*overrides: str) -> Space:
    return Space.parse(TEXT, "s.yaml", overrides=overrides)


def default(*overrides: str) -> dict:
    return space(*overrides).default()


@pytest.mark.parametrize(
    ("override", "path", "value"),
    [
        ("training.epochs=3", ("training", "epochs"), 3),
        ("training.epochs = 3 ", ("training", "epochs"), 3),
        ("training.epochs=1e-3", ("training", "epochs"), 1e-3),
        ("training.epochs='1e-3'", ("training", "epochs"), "1e-3"),
        ("training.epochs=", ("training", "epochs"), None),
        ("training.epochs=# no", ("training", "epochs"), None),
        ("training.epochs=on", ("training", "epochs"), "on"),
        ("training.epochs=a=b", ("training", "epochs"), "a=b"),
        ("training.epochs={type: ResNet, a: [1]}", ("training", "epochs"), {"type": "ResNet", "a": [1]}),
        ("training.ema=0.9", ("training", "ema"), 0.9),
        ("training.a.b.c=1", ("training", "a"), {"b": {"c": 1}}),
        ("new.key=1", ("new",), {"key": 1}),
        ("empty.key=1", ("empty",), {"key": 1}),
        ("data.input_size.1=128", ("data", "input_size"), [64, 128]),
        ("data.input_size=[1, 2]", ("data", "input_size"), [1, 2]),
        ("plain=0.1", ("plain",), 0.1),
        ("plain.uniform=[2, 4]", ("plain",), 3.0),
        ("plain.uniform.0=0.5", ("plain",), 0.75),
        ("plain={choice: [a, b]}", ("plain",), "a"),
        ("plain={ref: optimizer}", ("plain", "type"), "AdamW"),
        ("optimizer.AdamW.lr=1e-3", ("optimizer", "lr"), 1e-3),
        ("optimizer.choice.0.lr=5", ("optimizer", "lr"), 5),
        ("optimizer.AdamW={type: Lion}", ("optimizer",), {"type": "Lion"}),
        ("optimizer={type: Lion}", ("optimizer",), {"type": "Lion"}),
        ("a.b.c.d=5", ("a.b",), {"c.d": 5, "c": 2}),
        ("a.b.c=5", ("a.b",), {"c.d": 1, "c": 5}),
    ],
)
def test_values_are_replaced_or_added(override: str, path: tuple[str, ...], value: object) -> None:
    found: object = default(override)
    for key in path:
        assert isinstance(found, dict)
        found = found[key]
    assert found == value
    assert type(found) is type(value)


def test_the_rest_stays_as_it_is() -> None:
    before, after = default(), default("training.epochs=3")
    assert after.pop("training") == {"epochs": 3}
    assert {"training": {"epochs": 20}, **after} == before
    assert difference(space(), space("optimizer.1.5.lr=2")) == ["optimizer.1.5.lr"]


def test_later_ones_win_and_see_the_earlier() -> None:
    assert default("training.x={y: 1}", "training.x.z=2", "training.x.y=3")["training"]["x"] == {"y": 3, "z": 2}


def test_a_constant_may_become_a_dimension() -> None:
    dimensions = {each.name: each for each in space("training.epochs={randint: [1, 5]}").dimensions}
    found = dimensions["training.epochs"]
    assert isinstance(found, Range)
    assert (found.mark.file, found.mark.line) == ("--set training.epochs={randint: [1, 5]}", 0)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("training.epochs", "write --set path=value"),
        ("=3", "write --set path=value"),
        ("training.epochs.x=1", "'training.epochs' is 20, which has no 'x'"),
        ("plain.x=1", "'plain' is {\"uniform\":[0,1]}, which has no 'x'"),
        ("optimizer.Adam.lr=1", "'optimizer' has no option 'Adam'; did you mean 'AdamW'?"),
        ("optimizer.lr=1", "'optimizer' has no option 'lr'; known: 1.5, 7, AdamW"),
        ("optimizer.7.x=1", "'optimizer.7' is 7, which has no 'x'"),
        ("data.input_size.2=1", "'data.input_size' has no item '2'; it has 2, the first is 0"),
        ("data.input_size.x.y=1", "'data.input_size' has no item 'x'; it has 2, the first is 0"),
        ("training..x=1", "a key is empty after 'training'"),
        ("base=x.yaml", "`base` cannot be set, since it is read first"),
        ("training.epochs=[1", "not valid YAML: a ',' or a closing bracket is missing"),
        ("training.epochs={a: 1, a: 2}", "duplicate key 'a'; it stands in line 1 already"),
        ("training.epochs=${RAYPOSE_UNSET}", "the environment variable RAYPOSE_UNSET is not set; set it, or write"),
        ("optimizer.AdamW.lr.loguniform.0=1e-2", "`low < high` must hold, but got (low=0.01, high=0.01)"),
        ("training.epochs={choice: []}", "`choice` needs at least one option, but got []"),
        ("training.epochs={ref: plan}", "`ref` names no dimension: 'plan'; did you mean 'plain'?"),
    ],
)
def test_overrides_that_cannot_be(override: str, message: str) -> None:
    with pytest.raises(RayPoseError) as caught:
        space(override)
    (problem,) = caught.value.problems
    assert str(problem).startswith(f"--set {override}: {message}")
    assert (problem.line, problem.column) == (None, None)
    assert problem.rule


def test_all_problems_come_at_once() -> None:
    with pytest.raises(RayPoseError) as caught:
        space("a", "optimizer.X.y=1", "plain={uniform: [1, 0]}")
    assert len(caught.value.problems) == 3


def test_what_is_kept_is_the_changed_space(tmp_path) -> None:
    found = Space.parse(
        TEXT, folder=tmp_path, overrides=["ann_file=x.json", "plain={fixed: {choice: [1]}}", "empty='${HOME}'"]
    )
    again = Space.parse(found.text, folder=tmp_path)
    assert again.default() == found.default()
    assert difference(found, again) == []
    assert found.default()["ann_file"] == f"{tmp_path}/x.json"
    assert space().text == TEXT


def test_overrides_see_what_a_base_wrote(tmp_path) -> None:
    (tmp_path / "b.yaml").write_text(TEXT)
    (tmp_path / "s.yaml").write_text("base: b.yaml\nname: x\n")
    found = Space.load(tmp_path / "s.yaml", overrides=["training.epochs=3", "name=y"]).default()
    assert found["training"]["epochs"] == 3
    assert found["name"] == "y"
