from __future__ import annotations

import math

import pytest

from raypose.errors import RayPoseError
from raypose.space import Space


def config(text: str):
    return Space.parse(text).config()


def problems(text: str) -> list[str]:
    with pytest.raises(RayPoseError) as caught:
        Space.parse(text, file="s.yaml")
    assert caught.value.exit_status == 2
    assert all(problem.rule for problem in caught.value.problems)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1e-4", 1e-4), ("1E5", 1e5), ("-1.5e+3", -1500.0), ("1.", 1.0), (".5", 0.5), ("+3", 3), ("-0", 0), ("0", 0),
        ("0x1F", 31), ("0o17", 15), ("-.inf", -math.inf), (".INF", math.inf),
        ("true", True), ("False", False), ("~", None), ("null", None), ("", None),
        ("on", "on"), ("off", "off"), ("yes", "yes"), ("No", "No"), ("y", "y"),
        ("1:30", "1:30"), ("190:20:30", "190:20:30"), ("2024-01-31", "2024-01-31"), ("010", "010"), ("1_000", "1_000"),
        ("1e", "1e"), ("e5", "e5"), ("1.2.3", "1.2.3"), ("-", ["x"]), ("0b11", "0b11"), ("nan", "nan"),
        ("'1e-4'", "1e-4"), ('"true"', "true"), ("!!str 5", "5"), ("!!float 5", 5.0), ("!!int '5'", 5),
    ],
)  # fmt: skip
def test_plain_values_have_one_meaning(written: str, value: object) -> None:
    text = "a:\n- x" if written == "-" else f"a: {written}"
    read = config(text)["a"]
    assert read == value
    assert type(read) is type(value)


def test_nan_is_a_number() -> None:
    assert math.isnan(config("a: .nan")["a"])


def test_anchors_aliases_and_merge_keys() -> None:
    read = config(
        "base: &base {a: 1, b: {c: 2}}\n"
        "other: &other {b: 5, z: 9}\n"
        "one: {<<: *base, a: 3}\n"
        "two: {<<: [*base, *other]}\n"
        "three: {'<<': kept}\n"
        "list: [*base, *base]\n"
    )
    assert read["one"] == {"a": 3, "b": {"c": 2}}
    assert read["two"] == {"a": 1, "b": {"c": 2}, "z": 9}
    assert read["three"] == {"<<": "kept"}
    assert read["list"] == [{"a": 1, "b": {"c": 2}}] * 2
    assert read["list"][0] is not read["list"][1]


def test_keys_are_words_or_integers() -> None:
    assert config("{on: 1, 3: 2, 1.5: 3, true: 4}") == {"on": 1, 3: 2, "1.5": 3, "true": 4}


def test_positions_of_keys_and_values_are_kept() -> None:
    tree = Space.parse("# comment\na:\n  bc: [1, \u00fcx]\n  d: &e {f: 1}\n").tree
    inner = tree.entries["a"]
    where = [tree.key_marks["a"], inner.key_marks["bc"], inner.entries["bc"].items[1], inner.entries["d"]]
    marks = [getattr(each, "mark", each) for each in where]
    assert [(mark.line, mark.column) for mark in marks] == [(2, 1), (3, 3), (3, 11), (4, 6)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["s.yaml: the file is empty"]),
        ("# only a comment\n", ["s.yaml: the file is empty"]),
        ("- 1\n- 2", ["s.yaml:1:1: the top level must be a mapping such as `name: ...`"]),
        ("just words", ["s.yaml:1:1: the top level must be a mapping such as `name: ...`"]),
        ("{choice: [{a: 1}]}", ["s.yaml:1:1: the top level cannot be a dimension"]),
        ("a: 1\nb: 2\na: 3\n", ["s.yaml:3:1: duplicate key 'a'; it stands in line 1 already"]),
        ("a: {b: 1, b: 2}", ["s.yaml:1:11: duplicate key 'b'; it stands in line 1 already"]),
        ("a: &x [1, *x]", ["s.yaml:1:4: this alias stands inside of what it names"]),
        ("a: {<<: 5}", ["s.yaml:1:9: `<<` takes a mapping or a list of mappings"]),
        ("a: !!python/name:x ''", ["s.yaml:1:4: '' cannot be read with the tag tag:yaml.org,2002:python/name:x"]),
        ("a: !!int x", ["s.yaml:1:4: 'x' cannot be read with the tag tag:yaml.org,2002:int"]),
        ("a: !thing {b: 1}", ["s.yaml:1:4: the tag !thing is not supported"]),
        ("? [1, 2]\n: 3", ["s.yaml:1:3: a key must be a word or a number"]),
    ],
)
def test_mistakes_name_their_place(text: str, expected: list[str]) -> None:
    assert problems(text) == expected


@pytest.mark.parametrize(
    ("text", "start", "part"),
    [
        ("a: [1, 2\nb: 3\n", "s.yaml:1:4: not valid YAML: ", "closing bracket"),
        ("a: b: c\n", "s.yaml:1:5: not valid YAML: ", "a ':' cannot stand here"),
        ("a:\n\t- 1\n", "s.yaml:2:1: not valid YAML: ", "tab"),
        ("a: 'x\nb: 2\n", "s.yaml:1:4: not valid YAML: ", "quotes"),
        ("a: *missing\n", "s.yaml:1:4: not valid YAML: ", "names no anchor"),
        ("a: 1\n  b: 2\n", "s.yaml:2:4: not valid YAML: ", "indentation"),
        ("a: 1\n---\nb: 2\n", "s.yaml:2:1: not valid YAML: ", "document"),
        ("a: {b: ${X}/y}\n", "s.yaml:1:9: not valid YAML: ", "quote strings with ${...} within [ ] and { }"),
        ("a: \x01\n", "s.yaml: not valid YAML: ", "control characters"),
    ],
)
def test_syntax_errors_in_plain_words(text: str, start: str, part: str) -> None:
    (problem,) = problems(text)
    assert problem.startswith(start)
    assert part in problem


def test_a_file_that_explodes_through_aliases_is_refused() -> None:
    lines = ["a0: &a0 [1, 1]"] + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]
    (problem,) = problems("\n".join(lines))
    assert "at most 100000 values" in problem


def test_deep_nesting_is_refused() -> None:
    (problem,) = problems("a: " + "[" * 200 + "]" * 200)
    assert "100 levels" in problem


def test_all_mistakes_come_at_once_and_by_line() -> None:
    text = "a: {uniform: [5, 1]}\nb: 1\nb: 2\nc: ${RAYPOSE_SURELY_UNSET}\nd: {choice: []}\n"
    assert [problem.split(":")[1] for problem in problems(text)] == ["1", "3", "4", "5"]


def test_files_that_cannot_be_read(tmp_path) -> None:
    def message(path) -> str:
        with pytest.raises(RayPoseError) as caught:
            Space.load(path)
        return str(caught.value)

    assert message(tmp_path / "no.yaml") == f"no such file: {tmp_path / 'no.yaml'}"
    assert message(tmp_path) == f"{tmp_path} is a folder, not a YAML file"
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"a: 1\nb: \xe9\n")
    assert message(latin) == f"{latin}:2: the file is not UTF-8 text"
    bom = tmp_path / "bom.yaml"
    bom.write_bytes("a: é\r\nb: 2\r\n".encode("utf-8-sig"))
    assert Space.load(bom).config() == {"a": "é", "b": 2}
