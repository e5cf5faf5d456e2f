from __future__ import annotations

import sys

import pytest

import raypose
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


def test_builtins_are_imported_at_the_first_look_up(tmp_path, monkeypatch):
    (tmp_path / "late_builtin.py").write_text(
        "from test_registry_late import LATE\nLATE.register_module(module=dict)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    late = Registry("late", "late_builtin")
    monkeypatch.setitem(sys.modules, "test_registry_late", type("M", (), {"LATE": late}))
    late.register_module(name="users", module=list)
    assert "late_builtin" not in sys.modules
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
