from __future__ import annotations

from pathlib import Path

import pytest

from raypose.errors import RayPoseError
from raypose.space import Space, defaults, difference, dump


@pytest.fixture
def write(tmp_path):
    def put(**files: str) -> Path:
        for name, text in files.items():
            path = tmp_path / name.replace("__", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.with_suffix(".yaml").write_text(text)
        return tmp_path

    return put


def problems(file: Path) -> list[str]:
    with pytest.raises(RayPoseError) as caught:
        Space.load(file)
    assert all(problem.rule for problem in caught.value.problems)
    return [str(problem).replace(f"{file.parent}/", "") for problem in caught.value.problems]


def same_again(space: Space, folder: Path) -> None:
    """What is kept of a space is that space."""
    again = Space.parse(space.text, folder=folder)
    assert again.default() == space.default()
    assert difference(space, again) == difference(again, space) == []
    assert again.text == space.text


@pytest.mark.parametrize(
    ("under", "over", "merged"),
    [
        ("a: {b: 1, c: {d: 2}}", "a: {c: {e: 3}}", {"a": {"b": 1, "c": {"d": 2, "e": 3}}}),
        ("a: {b: 1}", "a: {b: 2}\nf: 4", {"a": {"b": 2}, "f": 4}),
        ("a: [1, 2, 3]", "a: [4]", {"a": [4]}),
        ("a: {b: 1}", "a:", {"a": None}),
        ("a:", "a: {b: 1}", {"a": {"b": 1}}),
        ("a: {choice: [1, 2]}", "a: {b: 1}", {"a": {"b": 1}}),
        ("a: {b: 1}", "a: {choice: [{c: 1}, 2]}", {"a": {"c": 1}}),
        ("a: {uniform: [0, 1]}", "a: {randint: [0, 3]}", {"a": 1}),
        ("a: {ref: c}\nc: {choice: [1]}", "a: {ref: d, times: 2}\nd: {choice: [4]}", {"a": 8, "c": 1, "d": 4}),
        ("a: {b: 1}", "a: {fixed: {c: 1}}", {"a": {"c": 1}}),
        ("a: {type: A, x: 1}", "a: {type: B, y: 2}", {"a": {"type": "B", "y": 2}}),
        ("a: {type: A, x: 1}", "a: {type: A, y: 2}", {"a": {"type": "A", "x": 1, "y": 2}}),
        ("a: {type: A, x: {b: 1}}", "a: {x: {c: 2}}", {"a": {"type": "A", "x": {"b": 1, "c": 2}}}),
        ("a: {x: 1}", "a: {type: A}", {"a": {"x": 1, "type": "A"}}),
        ("a: {constructor: A, x: 1}", "a: {constructor: B}", {"a": {"constructor": "B"}}),
        ("a: {constructor: A, x: 1}", "a: {type: B}", {"a": {"type": "B"}}),
        ("a: {type: A, constructor: B}", "a: {constructor: C}", {"a": {"type": "A", "constructor": "C"}}),
    ],
)  # fmt: skip
def test_what_merges_and_what_replaces(write, under: str, over: str, merged: dict) -> None:
    folder = write(under=under, over=f"base: under.yaml\n{over}")
    space = Space.load(folder / "over.yaml")
    assert space.default() == merged
    same_again(space, folder)


def test_later_bases_win_and_bases_have_bases(write) -> None:
    folder = write(
        root="a: 0\nb: 0\nc: 0\nd: 0",
        one="base: root.yaml\na: 1\nb: 1\nc: 1",
        two="base: [root.yaml]\na: 2\nb: 2",
        top="base: [one.yaml, two.yaml]\na: 3\n",
    )
    assert Space.load(folder / "top.yaml").config() == {"a": 3, "b": 2, "c": 0, "d": 0}


def test_a_space_without_a_base_is_kept_as_written(write) -> None:
    text = "# why\na: 1\nb: {base: nowhere.yaml}\n"
    assert Space.load(write(s=text) / "s.yaml").text == text


def test_values_keep_their_positions(write) -> None:
    folder = write(
        common__under="a: 1\nb:\n  c: {uniform: [3, 1]}\n  d: 1\n",
        over="base: common/under.yaml\nb: {d: {choice: []}}\n",
    )
    assert problems(folder / "over.yaml") == [
        "common/under.yaml:3:16: `low < high` must hold, but got (low=3, high=1)",
        "over.yaml:2:17: `choice` needs at least one option, but got []",
    ]
    (folder / "common" / "under.yaml").write_text("b: {c: {uniform: [1, 3]}}")
    (folder / "over.yaml").write_text("base: common/under.yaml\nname: x\n")
    tree = Space.load(folder / "over.yaml").tree
    assert tree.key_marks["b"].file == tree.entries["b"].mark.file == f"{folder}/common/under.yaml"
    assert tree.mark.file == tree.key_marks["name"].file == f"{folder}/over.yaml"


def test_positions_are_as_the_command_line_names_the_file(write, monkeypatch) -> None:
    folder = write(spaces__s="base: ../common/b.yaml", common__b="a: {choice: 3}")
    monkeypatch.chdir(folder)
    with pytest.raises(RayPoseError, match=r"^common/b.yaml:1:13: `choice` takes a list of options$"):
        Space.load("spaces/s.yaml")


@pytest.mark.parametrize(
    ("over", "message"),
    [
        ("a: 1\nbase: nowhere.yaml", "over.yaml:2:7: no such file: nowhere.yaml"),
        ("base: [ok.yaml, nowhere.yaml]", "over.yaml:1:17: no such file: nowhere.yaml"),
        ("base: .", "over.yaml:1:7: {folder} is a folder, not a YAML file"),
        ("base: list.yaml", "over.yaml:1:7: 'list.yaml' must hold a mapping to be a base"),
        ("base: searched.yaml", "over.yaml:1:7: 'searched.yaml' must hold a mapping to be a base"),
        ("base: broken.yaml", "broken.yaml:2:5: not valid YAML: "),
        ("base: twice.yaml", "twice.yaml:1:8: duplicate key 'a'; it stands in line 1 already"),
        ("base: empty.yaml", "empty.yaml: the file is empty"),
        ("base: over.yaml", "over.yaml:1:7: 'over.yaml' is a base of itself: over.yaml -> over.yaml"),
        ("base: back.yaml", "back.yaml:1:7: 'over.yaml' is a base of itself: over.yaml -> back.yaml -> over.yaml"),
        ("base: 5", "over.yaml:1:7: `base` takes a file or a list of files, but got 5"),
        ("base:", "over.yaml:1:6: `base` takes a file or a list of files, but got null"),
        ("base: [[a]]", 'over.yaml:1:8: `base` takes a file or a list of files, but got ["a"]'),
        ("base: [{choice: [a, b]}]", 'over.yaml:1:8: `base` takes a file or a list of files, but got {"choice":["a","b"]}; '
         "it is read before all else and can't be searched"),
        ("base: ${RAYPOSE_UNSET}/x.yaml", "over.yaml:1:7: the environment variable RAYPOSE_UNSET is not set; set it, or"),
        ("base: '${1}'", "over.yaml:1:7: '${1}' holds a '${' that names no variable; write"),
    ],
)  # fmt: skip
def test_bases_that_cannot_be(write, over: str, message: str) -> None:
    folder = write(
        over=over, ok="a: 1", list="- 1", searched="choice: [1]", broken="x: 1\na: b: c", twice="{a: 1, a: 2}", empty="",
        back="base: over.yaml",
    )  # fmt: skip
    found = problems(folder / "over.yaml")
    assert len(found) == 1
    assert found[0].replace(str(folder), "{folder}").startswith(message), found


def test_a_base_may_be_named_by_a_variable(write, monkeypatch) -> None:
    folder = write(common__b="a: 1", s="base: ${RAYPOSE_T}/b.yaml")
    monkeypatch.setenv("RAYPOSE_T", str(folder / "common"))
    assert Space.load(folder / "s.yaml").config() == {"a": 1}
    assert Space.load(folder / "s.yaml", expand=False).config() == {"a": 1}


def test_paths_stay_those_of_the_file_that_wrote_them(write, monkeypatch) -> None:
    folder = write(
        common__deep__b=(
            "ann_file: {choice: [a.json, /abs/b.json, '${RAYPOSE_T}/c.json', '${RAYPOSE_ABS}/d.json', ~/e.json]}\n"
            "plugins: [mine.py, package.module]\n"
            "more: {pretrained: w.pth, img_prefix: {fixed: images}, other: images}\n"
            "args: {fixed: {choice: {img_prefix: i}}}\n"
        ),
        common__c="base: deep/b.yaml\ncache_dir: ../cache\nkept: {img_prefix: ''}",
        s="base: common/c.yaml\ntop: {ann_file: own.json}\n",
    )
    monkeypatch.setenv("RAYPOSE_T", "sub")
    monkeypatch.setenv("RAYPOSE_ABS", "/data")
    monkeypatch.setenv("HOME", "/home/me")
    for name in ("mine.py", "w.pth"):
        (folder / "common" / "deep" / name).touch()
    space, deep = Space.load(folder / "s.yaml"), f"{folder}/common/deep"
    files = [space.sample(lambda _, label=label: label)["ann_file"] for label in space.dimensions[0].labels]
    assert files == [f"{deep}/a.json", "/abs/b.json", f"{deep}/sub/c.json", "/data/d.json", "/home/me/e.json"]
    config = space.default()
    assert config["plugins"] == [f"{deep}/mine.py", "package.module"]
    assert config["more"]["pretrained"] == f"{deep}/w.pth"
    assert config["more"]["img_prefix"] == f"{deep}/images"
    assert config["args"] == {"choice": {"img_prefix": f"{deep}/i"}}
    assert config["more"]["other"] == "images"
    assert config["cache_dir"] == f"{folder}/cache"
    assert config["kept"] == {"img_prefix": ""}
    assert config["top"] == {"ann_file": f"{folder}/own.json"}
    same_again(space, folder)
    assert "common/deep/${RAYPOSE_T}/c.json" in space.text
    assert str(folder) not in space.text


def test_an_odd_folder_is_no_variable(write) -> None:
    folder = write(**{"odd ${x} __b": "ann_file: a.json", "s": "base: 'odd $${x} /b.yaml'"})
    space = Space.load(folder / "s.yaml")
    assert space.config() == {"ann_file": f"{folder}/odd ${{x}} /a.json"}
    same_again(space, folder)


def test_variables_are_kept_with_and_without_quotes(write, monkeypatch) -> None:
    folder = write(
        b=(
            "a: ${RAYPOSE_T}\nb: '${RAYPOSE_T}'\nc:\n  uniform:\n    - 0\n    - ${RAYPOSE_T}\n"
            "d: ['${RAYPOSE_T}', on, '1e-4', 1e-4]\n"
        ),
        s='base: b.yaml\ne: "$${x}"\nf:\n  g: ${RAYPOSE_T}\n  h: 1\n',
    )
    monkeypatch.setenv("RAYPOSE_T", "12")
    space = Space.load(folder / "s.yaml")
    assert space.default() == {
        "a": 12, "b": "12", "c": 6.0, "d": ["12", "on", "1e-4", 1e-4], "e": "${x}", "f": {"g": 12, "h": 1},
    }  # fmt: skip
    same_again(space, folder)
    portable = dump(space.sample(defaults, portable=True))
    assert Space.parse(portable).config() == space.default()
    monkeypatch.setenv("RAYPOSE_T", "13")
    assert Space.parse(space.text).default()["a"] == 13


def test_a_mapping_called_base_is_none() -> None:
    assert Space.parse("base: &b {a: 1}\nc: *b").config() == {"base": {"a": 1}, "c": {"a": 1}}
