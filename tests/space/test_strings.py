from __future__ import annotations

from pathlib import Path

import pytest

from raypose.errors import RayPoseError
from raypose.space import Space, defaults, difference, dump
from raypose.space.reading.strings import escape, expand


@pytest.fixture(autouse=True)
def variables(monkeypatch, tmp_path):
    monkeypatch.setenv("DIR", "/data")
    monkeypatch.setenv("EMPTY", "")
    monkeypatch.setenv("RELATIVE", "sub")
    monkeypatch.setenv("COUNT", "12")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("UNSET", raising=False)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("'${DIR}/x'", "/data/x"),
        ("a${DIR}b${COUNT}c", "a/datab12c"),
        ("${UNSET:-default}", "default"),
        ("${EMPTY:-default}", "default"),
        ("'${EMPTY}'", ""),
        ("'${UNSET:-}'", ""),
        ("${DIR:-default}", "/data"),
        ("'$${DIR}'", "${DIR}"),
        ("'$$${DIR}'", "$${DIR}"),
        ("$DIR $ x$", "$DIR $ x$"),
        ("'${COUNT}'", "12"),
        ("${COUNT}", 12),
        ("${UNSET:-1e-3}", 1e-3),
        ("${UNSET:-on}", "on"),
        ("{choice: ['${DIR}']}", "/data"),
        ("['${DIR}']", ["/data"]),
    ],
)
def test_variables(written: str, value: object) -> None:
    read = Space.parse(f"a: {written}").default()["a"]
    assert read == value
    assert type(read) is type(value)


def test_a_plain_variable_may_be_the_end_of_a_range() -> None:
    (dimension,) = Space.parse("a:\n  uniform:\n    - 0\n    - ${COUNT}\n").dimensions
    assert dimension.high == 12.0


UNSET = "the environment variable UNSET is not set; set it, or write ${UNSET:-default}"
NAMELESS = "holds a '${' that names no variable; write ${NAME} or ${NAME:-default}, or $${ for a literal ${"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: [x, '${UNSET}/y']", f"s.yaml:2:8: {UNSET}"),
        ("a: {uniform: ['${UNSET}', 1]}", f"s.yaml:1:15: {UNSET}"),
        ("a: '${}'", f"s.yaml:1:4: '${{}}' {NAMELESS}"),
        ("a: '${1X}'", f"s.yaml:1:4: '${{1X}}' {NAMELESS}"),
    ],
)
def test_bad_variables(text: str, message: str) -> None:
    with pytest.raises(RayPoseError) as caught:
        Space.parse(text, file="s.yaml")
    assert str(caught.value) == message


@pytest.mark.parametrize("text", ["", "${X}", "$${X}", "$$${", "a$$b$", "${", "}{$"])
def test_escape_is_undone_by_expand(text: str) -> None:
    assert expand(escape(text), {}) == text


def test_paths_are_relative_to_the_file(tmp_path) -> None:
    folder = tmp_path / "spaces"
    folder.mkdir()
    for name in ("my_modules.py", "weights.pth"):
        (folder / name).touch()
    file = folder / "s.yaml"
    file.write_text(
        "plugins: [my_modules.py, my_package.modules, ~/p.py]\n"
        "data:\n"
        "  train: {ann_file: ../ann.json, img_prefix: images, cache_dir: ~/cache}\n"
        "  val: {ann_file: {choice: [a.json, /abs/b.json]}, img_prefix: '', other: images}\n"
        "  test: {ann_file: [a.json, '${RELATIVE}/b.json'], img_prefix: '${DIR}/images', cache_dir: null}\n"
        "backbones: [{pretrained: weights.pth}, {pretrained: resnet50.a1_in1k}, {pretrained: null}]\n"
    )
    space, home = Space.load(file), Path(tmp_path / "home")
    config = space.sample(defaults)
    assert config["plugins"] == [f"{folder}/my_modules.py", "my_package.modules", f"{home}/p.py"]
    data = config["data"]
    assert data["train"] == {
        "ann_file": f"{tmp_path}/ann.json",
        "img_prefix": f"{folder}/images",
        "cache_dir": f"{home}/cache",
    }
    assert data["val"] == {"ann_file": f"{folder}/a.json", "img_prefix": "", "other": "images"}
    assert data["test"] == {
        "ann_file": [f"{folder}/a.json", f"{folder}/sub/b.json"],
        "img_prefix": "/data/images",
        "cache_dir": None,
    }
    assert [each["pretrained"] for each in config["backbones"]] == [f"{folder}/weights.pth", "resnet50.a1_in1k", None]


def test_a_name_stays_one_beside_a_folder_of_that_name(tmp_path) -> None:
    (tmp_path / "coco").mkdir()
    text = "[{dataset_info: coco}, {dataset_info: mine.yaml}, {dataset_info: ~/mine.yml}, {dataset_info: ''}]"
    told = Space.parse(f"a: {text}", folder=tmp_path).config()["a"]
    home = tmp_path / "home"
    assert [each["dataset_info"] for each in told] == ["coco", f"{tmp_path}/mine.yaml", f"{home}/mine.yml", ""]


def test_a_portable_configuration_means_the_same_in_another_folder(tmp_path, monkeypatch) -> None:
    odd = tmp_path / "a ${b} c"
    odd.mkdir()
    text = (
        "ann_file: '${DIR}/../x.json'\nimg_prefix: '${RELATIVE}/images'\ncache_dir: ../cache\n"
        "a: {ann_file: ~/x.json, literal: '$${DIR}', number: '${COUNT}', same: on}\nb: ${COUNT}\n"
    )
    space = Space.parse(text, folder=odd)
    written = dump({**space.sample(defaults, portable=True), "seed": 3})
    again = Space.parse(written, folder=tmp_path / "elsewhere")
    assert again.config() == {**space.config(), "seed": 3}
    assert "${DIR}/../x.json" in written
    assert "~/x.json" in written

    monkeypatch.setenv("DIR", "/other/machine")
    moved = Space.parse(written, folder=tmp_path / "elsewhere").config()
    assert moved["ann_file"] == "/other/x.json"
    assert moved["a"]["literal"] == "${DIR}"


def test_without_expansion_nothing_changes() -> None:
    space = Space.parse("ann_file: ${UNSET}/x.json\nb: $${", expand=False)
    assert space.config() == {"ann_file": "${UNSET}/x.json", "b": "$${"}


def test_the_machine_makes_no_difference(monkeypatch, tmp_path) -> None:
    text = "ann_file: ${DIR}/x.json\nimg_prefix: images"
    before = Space.parse(text)
    monkeypatch.setenv("DIR", "/elsewhere")
    assert difference(before, Space.parse(text, folder=tmp_path)) == []
