from __future__ import annotations

import importlib
import sys

import pytest

import raypose
from raypose import entry_points as installed
from raypose.errors import RayPoseError
from raypose.registry import REGISTRIES, Registry, build_from_cfg, call_problems, offer, parameters, takes_anything


@pytest.fixture
def shapes():
    registry = Registry("shape")

    @registry.register_module()
    class Circle:
        def __init__(self, radius: float, color: str = "red") -> None:
            self.radius, self.color = radius, color

    @registry.register_module(name=["box", "square"])
    def make_box(side: int, **more: object) -> tuple:
        return side, more

    return registry


def test_building_by_name(shapes):
    circle = build_from_cfg({"type": "Circle", "radius": 2}, shapes)
    assert (circle.radius, circle.color) == (2, "red")
    assert shapes.build({"type": "square", "side": 3, "depth": 4}) == (3, {"depth": 4})
    assert build_from_cfg({"type": shapes.get("Circle"), "radius": 1}, shapes).radius == 1


def test_defaults_fill_in_what_is_not_given(shapes):
    circle = build_from_cfg({"type": "Circle", "radius": 2}, shapes, {"radius": 1, "color": "blue"})
    assert (circle.radius, circle.color) == (2, "blue")
    assert shapes.build({"type": "Circle", "radius": 2}, color="green").color == "green"


def test_building_leaves_the_configuration_alone(shapes):
    cfg = {"type": "Circle", "radius": 2}
    shapes.build(cfg)
    assert cfg == {"type": "Circle", "radius": 2}


def test_offer_gives_what_the_signature_names_and_the_user_did_not(shapes):
    cfg = {"type": "Circle", "radius": 2}
    assert offer(cfg, shapes, radius=9, color="blue", weight=3) == {"type": "Circle", "radius": 2, "color": "blue"}


@pytest.mark.parametrize(
    ("cfg", "text", "rule"),
    [
        ({"type": "Circel", "radius": 1}, "unknown shape 'Circel'; did you mean 'Circle'", "unknown-component"),
        ({"type": "X", "radius": 1}, "unknown shape 'X'; known: Circle, box, square", "unknown-component"),
        ({"radius": 1}, "the shape must be a mapping with a 'type'", "missing-type"),
        ("Circle", "a mapping with a 'type'", "missing-type"),
        ({"type": "Circle"}, "Circle needs the argument 'radius'", "missing-argument"),
        (
            {"type": "Circle", "radius": 1, "colour": "red"},
            "no argument 'colour'; did you mean 'color'",
            "unknown-argument",
        ),
    ],
)
def test_mistakes(shapes, cfg, text, rule):
    with pytest.raises(RayPoseError, match=text) as caught:
        build_from_cfg(cfg, shapes)
    assert [problem.rule for problem in caught.value.problems] == [rule]


def test_all_wrong_arguments_come_at_once(shapes):
    with pytest.raises(RayPoseError) as caught:
        shapes.build({"type": "Circle", "radios": 1, "colour": 2})
    assert len(caught.value.problems) == 3


def test_what_a_builder_gives_later_is_not_missing(shapes):
    assert call_problems(shapes.get("Circle"), {}, frozenset({"radius"})) == []
    ((_, _, hint, _),) = call_problems(
        shapes.get("Circle"), {"radius": 1, "x": 2}, writable=["radius", "color", "more"]
    )
    assert hint == "known: color, more, radius"


def test_a_name_is_taken_once(shapes):
    with pytest.raises(RayPoseError, match="shape 'Circle' is already registered by"):
        shapes.register_module(name="Circle", module=dict)
    shapes.register_module(name="Circle", module=dict, force=True)
    assert shapes.get("Circle") is dict


def test_forgotten_brackets_are_told(shapes):
    with pytest.raises(RayPoseError, match="needs brackets"):

        @shapes.register_module
        class Line: ...


def test_a_decorated_component_stays_itself(shapes):
    class Line: ...

    assert shapes.register_module()(Line) is Line
    assert shapes.register_module(name="other", module=Line) is Line


def test_listing_and_removing(shapes):
    assert list(shapes) == ["Circle", "box", "square"]
    assert len(shapes) == 3
    assert "box" in shapes
    assert "Box" not in shapes
    shapes.remove(lambda component: component is shapes.get("box"))
    assert list(shapes) == ["Circle"]


def test_builtins_are_imported_when_the_registry_is_first_used(tmp_path, monkeypatch):
    (tmp_path / "late_builtin.py").write_text(
        "from test_registry_late import LATE\nLATE.register_module(module=dict)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    late = Registry("late", "late_builtin")
    monkeypatch.setitem(sys.modules, "test_registry_late", type("M", (), {"LATE": late}))
    assert "late_builtin" not in sys.modules
    late.register_module(name="users", module=list)  # what is built in comes first
    assert list(late) == ["dict", "users"]
    assert "late_builtin" in sys.modules
    sys.modules.pop("late_builtin")


def test_signatures():
    class Component:
        def __init__(self, a: int, *rest: int, b: float = 1, **more: str) -> None: ...

    assert list(parameters(Component)) == ["a", "b"]
    assert parameters(Component)["a"].annotation is int
    assert takes_anything(Component)
    assert not takes_anything(lambda a: a)


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Writes a module that can be imported during the test."""
    monkeypatch.syspath_prepend(tmp_path)
    written = []

    def write(name, text):
        (tmp_path / f"{name}.py").write_text(text)
        written.append(name)
        return tmp_path

    yield write
    for name in written:
        sys.modules.pop(name, None)


def test_a_lazy_component_is_imported_when_it_is_asked_for(shapes, module):
    module("lazy_shapes", "class Star:\n    def __init__(self, points: int) -> None: self.points = points\n")
    shapes.register_lazy("Star", "lazy_shapes:Star")
    assert "Star" in shapes
    assert list(shapes) == ["Circle", "Star", "box", "square"]
    with pytest.raises(RayPoseError, match="did you mean 'Star'"):
        shapes.get("Stra")
    with pytest.raises(RayPoseError, match="shape 'Star' is already registered by lazy_shapes"):
        shapes.register_module("Star", module=dict)
    assert "lazy_shapes" not in sys.modules
    assert shapes.build({"type": "Star", "points": 5}).points == 5
    assert shapes.get("Star") is sys.modules["lazy_shapes"].Star
    with pytest.raises(RayPoseError, match="did you mean 'points'"):
        shapes.build({"type": "Star", "point": 5})


def test_a_lazy_component_can_be_removed_by_its_module(shapes):
    shapes.register_lazy("Star", "lazy_shapes:Star")
    shapes.remove(lambda component: component.__module__ == "lazy_shapes" and component.__name__ == "Star")
    assert "Star" not in shapes


@pytest.mark.parametrize(
    ("target", "text"),
    [
        (
            "no_such_module:Star",
            "shape 'Star' cannot be imported: ModuleNotFoundError: No module named 'no_such_module'",
        ),
        ("collections:OrderdDict", "cannot be imported: collections has no 'OrderdDict'; did you mean 'OrderedDict'"),
        ("broken_shapes:Star", "shape 'Star' cannot be imported: ZeroDivisionError: division by zero"),
    ],
)
def test_a_lazy_component_that_is_not_there(shapes, module, target, text):
    module("broken_shapes", "1 / 0\n")
    shapes.register_lazy("Star", target)
    with pytest.raises(RayPoseError, match=text) as caught:
        shapes.get("Star")
    assert caught.value.problems[0].rule == "unknown-component"


def test_dotted_names_are_names_where_a_registry_says_of_what(shapes, module):
    module("my_dicts", "class Mine(dict): ...\nclass Other: ...\nmade = Mine()\n")
    dicts = Registry("mapping", base="builtins:dict")
    assert dicts.build({"type": "my_dicts.Mine", "a": 1}) == {"a": 1}
    assert dicts.get("collections.OrderedDict").__name__ == "OrderedDict"
    assert len(dicts) == 0
    for name, text in (
        ("my_dicts.Other", r"mapping 'my_dicts.Other' must be a subclass of builtins.dict, but it is <class"),
        ("my_dicts.made", "must be a subclass of builtins.dict"),
        ("my_dicts.Min", "my_dicts has no 'Min'; did you mean 'Mine'"),
        ("no_such.Mine", "No module named 'no_such'"),
        (".Mine", "mapping '.Mine' cannot be imported"),
        ("Mine", "unknown mapping 'Mine'"),
    ):
        with pytest.raises(RayPoseError, match=text):
            dicts.get(name)
    with pytest.raises(RayPoseError, match=r"unknown shape 'my_dicts.Mine'"):
        shapes.get("my_dicts.Mine")


def test_what_is_left_out_is_refused_with_its_reason(module):
    module("my_left", "class Mine(dict): ...\nAlias = Mine\n")
    module("my_other", "class Mine(dict): ...\n")
    dicts = Registry("mapping", base="builtins:dict")
    dicts.leave_out({"my_left.Mine": "is too slow"})
    for name in ("Mine", "my_left.Mine", "my_left.Alias"):
        with pytest.raises(RayPoseError, match=f"^mapping '{name}' is too slow$"):
            dicts.get(name)
    assert dicts.get("my_other.Mine").__module__ == "my_other"  # another one of that name
    dicts.register_module("Mine", module=dicts.get("my_other.Mine"))
    assert dicts.get("Mine").__module__ == "my_other"


@pytest.fixture
def package(module, monkeypatch):
    """Writes an installed package with entry points, which the next look-up loads."""

    def write(code, entry_points):
        folder = module("shapes_package", code)
        info = folder / "shapes_package-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shapes-package\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[raypose.components]\n{entry_points}\n")
        monkeypatch.setattr(installed, "_groups", ["raypose.components"])
        importlib.invalidate_caches()

    return write


CODE = """
from raypose import LOSSES
loaded = []
@LOSSES.register_module()
class EntryLoss: ...
def more():
    loaded.append(1)
    assert "EntryLoss" in LOSSES  # a look-up while entry points are loaded
    LOSSES.register_module("OtherEntryLoss", module=EntryLoss)
"""


@pytest.fixture
def cleaned():
    yield
    for registry in REGISTRIES.values():
        registry.remove(lambda component: getattr(component, "__module__", None) == "shapes_package")


@pytest.mark.usefixtures("cleaned")
def test_packages_register_by_entry_points_once(package):
    package(CODE, "mine = shapes_package\nmore = shapes_package:more")
    losses = REGISTRIES["losses"]
    assert losses.get("EntryLoss") is losses.get("OtherEntryLoss") is sys.modules["shapes_package"].EntryLoss
    assert sys.modules["shapes_package"].loaded == [1]


@pytest.mark.usefixtures("cleaned")
@pytest.mark.parametrize(
    ("code", "text", "rule"),
    [
        ("1 / 0", "entry point 'mine' of shapes-package: ZeroDivisionError: division by zero", "plugin"),
        (
            "from raypose import BACKBONES\nBACKBONES.register_module('ResNet', module=dict)",
            "entry point 'mine' of shapes-package: backbone 'ResNet' is already registered by raypose.models",
            "duplicate-name",
        ),
    ],
)
def test_an_entry_point_that_fails_is_named_and_the_others_are_loaded(package, code, text, rule):
    package(f"def more():\n    from raypose import LOSSES\n    LOSSES.register_module('EntryLoss', module=more)\n"
            f"def fail():\n    {code.replace(chr(10), chr(10) + '    ')}\n",
            "mine = shapes_package:fail\nmore = shapes_package:more")  # fmt: skip
    with pytest.raises(RayPoseError, match=text) as caught:
        REGISTRIES["losses"].get("EntryLoss")
    assert caught.value.problems[0].rule == rule
    assert caught.value.__cause__ is not None
    assert callable(REGISTRIES["losses"].get("EntryLoss"))


@pytest.mark.parametrize("name", list(REGISTRIES))
def test_every_registry_has_components_and_is_public(name):
    registry = REGISTRIES[name]
    assert len(registry) > 0 or name == "necks"  # necks come from users so far
    assert getattr(raypose, name.upper()) is registry
    assert all(callable(registry.get(component)) for component in registry)


@pytest.mark.parametrize("name", raypose.__all__)
def test_every_public_name_is_there(name):
    assert getattr(raypose, name) is not None


def test_an_unknown_public_name():
    with pytest.raises(AttributeError, match="no attribute 'tunes'"):
        _ = raypose.tunes
