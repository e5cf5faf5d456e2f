from __future__ import annotations

import importlib.util
import itertools
from pathlib import Path

import pytest

from raypose.errors import RayPoseError
from raypose.space.reading.reader import read
from raypose.tuning.checked import examine, load_checked

ROOT = Path(__file__).parents[1]


def module(path: Path):
    spec = importlib.util.spec_from_file_location(f"check_{path.stem}", path)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


corpus = module(Path(__file__).with_name("corpus.py"))


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    module(ROOT / "conftest.py").write_tiny_coco(folder)
    corpus.write_surroundings(folder)
    return folder


def problems(text: str, home: Path) -> list:
    file = home / "space.yaml"
    file.write_text(text)
    found: list = []
    try:
        load_checked(file, warn=found.extend)
    except RayPoseError as error:
        return error.problems
    return found


SMALL = ("readme",)  # the space that is built fastest; those of the others are slow tests
BUILT = [
    pytest.param(each, id=each.name, marks=[] if each.of in SMALL else pytest.mark.slow)
    for each in corpus.faulty_spaces()
    if not each.statically
]


@pytest.mark.parametrize("faulty", BUILT)
def test_what_only_building_finds_is_refused_with_its_line(home, faulty) -> None:
    file = home / "space.yaml"
    file.write_text(faulty.text)
    assert problems(faulty.text, home) == []
    errors = [each for each in examine(file).problems if each.level == "error"]
    assert faulty.line in [each.line for each in errors], errors
    assert len(errors) <= 2


@pytest.mark.slow
@pytest.mark.parametrize("name", corpus.good_spaces())
def test_good_spaces_can_be_built(home, name) -> None:
    file = home / "space.yaml"
    file.write_text(corpus.good_spaces()[name])
    assert examine(file).problems == []


@pytest.mark.parametrize("name", corpus.good_spaces())
def test_good_spaces_have_neither_errors_nor_warnings(home, name) -> None:
    assert problems(corpus.good_spaces()[name], home) == []


def test_every_faulty_space_is_refused_and_nearly_always_with_its_line(home) -> None:
    faulty = [each for each in corpus.faulty_spaces() if each.statically]
    assert len(faulty) >= 200
    assert len({each.text for each in faulty}) == len(faulty)
    found = {each.name: [p for p in problems(each.text, home) if p.level == "error"] for each in faulty}
    passed = [each.name for each in faulty if not found[each.name]]
    elsewhere = [each.name for each in faulty if each.line not in {p.line for p in found[each.name]}]
    unlike = [p for each in found.values() for p in each if not (p.rule and p.file)]
    print(f"{len(faulty)} faulty spaces: {len(faulty) - len(passed)} refused, {len(elsewhere)} without their line")
    assert passed == []
    assert len(elsewhere) <= 0.03 * len(faulty), elsewhere
    assert unlike == []


def test_what_only_building_finds_passes_the_static_check(home) -> None:
    others = [each for each in corpus.faulty_spaces() if not each.statically]
    assert len(others) >= 10
    assert [each.name for each in others if problems(each.text, home)] == []


@pytest.mark.slow
def test_many_more_mutants_are_refused(home) -> None:
    for seed in range(2):
        mutants = [each for each in corpus.faulty_spaces(12, seed) if each.statically]
        found = {each.name: problems(each.text, home) for each in mutants}
        assert [name for name, said in found.items() if not any(p.level == "error" for p in said)] == []
        named = sum(each.line in {p.line for p in found[each.name]} for each in mutants)
        assert named >= 0.95 * len(mutants)


def test_a_schema_is_asked_only_about_what_is_yaml() -> None:
    for each in corpus.faulty_spaces():
        if each.by_schema:
            assert not list(itertools.chain(read(each.text, each.name)[1]))
