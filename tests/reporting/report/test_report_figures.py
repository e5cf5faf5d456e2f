"""Each figure's spec compiles, and its data say what the trials are."""

import json
import math
import statistics
from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest
import vl_convert

from raypose.reporting.report.figure import short, some
from raypose.reporting.report.figures import FIGURES
from raypose.reporting.report.theme import BEST, STATES, THEMES

MANY = ["COMPLETE", "PRUNED", "FAIL", "COMPLETE", "PRUNED", "COMPLETE"] * 3
TWO, ONE_LOW = [("AP", "maximize"), ("flops", "minimize")], [("EPE", "minimize")]


@pytest.fixture(scope="module")
def view(view_of):
    return view_of(MANY)


@pytest.fixture(scope="module")
def two(view_of):
    return view_of(["COMPLETE"] * 12, goals=TWO)


def by_name(view, section):
    return {figure.name: figure for figure in FIGURES[section](view)}


def rows(layer):
    return layer["data"]["values"]


@pytest.mark.parametrize("section", FIGURES)
def test_specs_compile_in_both_themes_and_have_no_names_of_fields_that_lack(view, two, section):
    for figure in [*FIGURES[section](view), *FIGURES[section](two)]:
        text = json.dumps(figure.spec, allow_nan=False)
        assert "http" not in text
        for theme in THEMES.values():
            vega = vl_convert.vegalite_to_vega(json.loads(text), config=theme)
            assert vega["marks"], figure.name
        for layer in figure.spec["layer"]:
            data = layer.get("data", figure.spec.get("data"))["values"]
            used = [each["field"] for each in layer["encoding"].values() if isinstance(each, dict) and "field" in each]
            used += [each["field"] for each in layer["encoding"].get("tooltip", [])]
            assert {*used} <= {*data[0]}, figure.name
        assert figure.caption.endswith(".")


def test_every_kind_of_figure_has_something_to_show_of_some_experiment(view, two):
    shown = [section for section in FIGURES if FIGURES[section](view) or FIGURES[section](two)]
    assert shown == [*FIGURES]


def test_the_best_so_far_is_the_running_maximum_of_what_finished(view):
    figure = by_name(view, "progress")["best-over-trials"]
    steps = rows(figure.spec["layer"][0])
    finished = [each for each in view.experiment.frozen_trials if each.state.name == "COMPLETE"]
    best = np.maximum.accumulate([each.value for each in finished])
    expected = [(finished[0].number, best[0])]
    expected += [(each.number, b) for each, a, b in zip(finished[1:], best, best[1:], strict=False) if b > a]
    np.testing.assert_allclose([(each["at"], each["value"]) for each in steps[:-1]], expected, rtol=1e-4)
    dots = rows(figure.spec["layer"][1])
    assert {each["trial"] for each in dots} == {n for n, state in enumerate(MANY) if state != "FAIL"}


def test_over_time_trials_stand_where_they_ended(view):
    dots = rows(by_name(view, "progress")["best-over-time"].spec["layer"][1])
    assert {each["trial"]: each["at"] for each in dots} == pytest.approx(
        {number: 2 * number + 3 for number, state in enumerate(MANY) if state != "FAIL"}
    )  # minutes, as they were made up


def test_slices_have_log_axes_options_in_order_and_medians(view):
    figures = by_name(view, "slices")
    dots = figures["slice-lr"].spec["layer"][0]
    assert dots["encoding"]["x"]["scale"]["type"] == "log"
    assert {each["trial"]: each["at"] for each in rows(dots)} == pytest.approx(
        {each.number: each.params["optimizer.lr"] for each in view.valued}, rel=1e-4
    )
    medians, dots = figures["slice-backbone"].spec["layer"][:2]
    assert dots["encoding"]["x"]["axis"]["labelExpr"] == '["ResNet", "HRNet"][datum.value]'
    complete = [each for each in view.own if each.state == "COMPLETE" and each.params["model.backbone"] == "HRNet"]
    found = {each["told"]: each["value"] for each in rows(medians)}
    assert found["HRNet"] == pytest.approx(statistics.median(each.value for each in complete), rel=1e-4)
    assert {round(each["at"]) for each in rows(dots) if each["told"] == "HRNet"} == {1}


def test_conditional_dimensions_have_only_the_trials_that_have_them(view):
    figure = by_name(view, "slices")["slice-depth"]
    having = {each.number for each in view.valued if "model.backbone.ResNet.depth" in each.params}
    dots = next(layer for layer in figure.spec["layer"] if layer["mark"]["type"] == "circle")
    assert {each["trial"] for each in rows(dots)} == having
    assert f"only the {len(having)} trials that have it" in figure.caption


def test_parallel_lines_pass_their_values_and_a_dash_where_there_is_none(view):
    layers = by_name(view, "parallel")["parallel"].spec["layer"]
    lines = {each["trial"]: each for layer in layers[:3] for each in rows(layer)}
    assert {*lines} == {each.number for each in view.valued}
    for number, line in lines.items():
        at = dict(zip(line["row"], line["at"], strict=True))
        params = view.frozen[number].params
        assert at["backbone"] == (params["model.backbone"] == "HRNet")
        assert (at["depth"] < 0) == ("model.backbone.ResNet.depth" not in params)
    rates = {number: math.log(view.frozen[number].params["optimizer.lr"]) for number in lines}
    order = sorted(lines, key=lambda n: lines[n]["at"][lines[n]["row"].index("lr")])
    assert order == sorted(rates, key=rates.get)
    assert layers[2]["mark"]["color"] == BEST
    assert [each["trial"] for each in rows(layers[2])] == [view.best.number]


def test_low_is_right_on_the_row_of_a_metric_that_is_better_low(view_of):
    view = view_of(["COMPLETE"] * 4, goals=ONE_LOW)
    layers = by_name(view, "parallel")["parallel"].spec["layer"]
    lines = [each for layer in layers for each in rows(layer) if "trial" in each]
    assert {each["trial"]: each["at"][0] for each in lines}[view.best.number] == 1
    assert min(each["at"][0] for each in lines) == 0


def test_curves_are_the_studys_values_and_stopped_ones_are_dimmed(view):
    layers = by_name(view, "curves")["curves"].spec["layer"]
    curves = {each["trial"]: each for layer in (layers[0], layers[2]) for each in rows(layer)}
    for number, curve in curves.items():
        known = view.frozen[number].intermediate_values
        assert curve["epoch"] == sorted(known)
        assert curve["value"] == pytest.approx([known[epoch] for epoch in curve["epoch"]], rel=1e-4)
    assert len(curves) == len(view.valued)
    colour = layers[0]["encoding"]["color"]["scale"]
    assert dict(zip(colour["domain"], colour["range"], strict=True))["PRUNED"] == STATES["PRUNED"]
    assert layers[0]["encoding"]["opacity"]["condition"]["test"] == "datum.state == 'PRUNED'"
    assert [each["trial"] for each in rows(layers[2])] == [view.best.number]


def test_the_front_is_the_experiments(two):
    (figure,) = FIGURES["pareto"](two)
    bold = figure.spec["layer"][-1]
    assert {each["trial"] for each in rows(bold)} == {each.number for each in two.experiment.front}
    assert figure.spec["layer"][0]["encoding"]["x"]["title"] == "flops ↓"


def test_costs_are_the_objectives_or_what_trials_were_built_of(view, two):
    built = rows(by_name(view, "costs")["cost-params"].spec["layer"][0])
    assert {each["trial"]: each["cost"] for each in built} == {
        each.number: 1000 * (each.number % 5 + 1) for each in view.valued
    }
    flops = rows(by_name(two, "costs")["cost-flops"].spec["layer"][0])
    assert {each["trial"]: each["cost"] for each in flops} == pytest.approx(
        {each.number: each.values["flops"] for each in two.own}, rel=1e-4
    )


def test_keypoints_and_errors_are_those_that_training_kept(view, made_up):
    figures = by_name(view, "keypoints")
    assert [each["name"] for each in figures["keypoints-EPE"].spec["data"]["values"]] == [
        "left_hand",
        "nose",
    ]  # worst first
    bars, marks = FIGURES["errors"](view)[0].spec["layer"][:2]
    assert sum(each["count"] for each in rows(bars)) == 40
    assert [each["at"] for each in rows(marks)] == pytest.approx([np.median(view.kept.errors), 17.55])


def test_of_many_keypoints_the_hardest_are_shown_and_of_many_dimensions_the_important(view_of, monkeypatch):
    view = view_of(MANY)
    many = {f"point {i}": float(i) for i in range(133)}
    view.__dict__["kept"] = replace(view.kept, per_keypoint={"EPE": many})
    (figure,) = FIGURES["keypoints"](view)
    assert [each["value"] for each in figure.spec["data"]["values"]] == [132.0 - i for i in range(40)]
    assert "Shown are 40 of 133." in figure.caption
    for name in ("slices", "importance", "parallel"):
        monkeypatch.setattr(import_module(f"raypose.reporting.report.figures.{name}"), "FEW", 2)
    order = [each.name for each in view.dimensions]
    assert [figure.title for figure in FIGURES["slices"](view)] == [each.short for each in view.varied[:2]]
    assert order == [each.name for each in view.importances if each.name in order]
    assert "Shown are the 2 most important of 4 dimensions." in by_name(view, "parallel")["parallel"].caption


@pytest.mark.parametrize(
    "states", [[], ["RUNNING"], ["FAIL"] * 2, ["PRUNED"], ["COMPLETE"], ["COMPLETE", "RUNNING"]], ids=str
)
def test_what_has_little_to_show_breaks_no_figure(view_of, states):
    view = view_of(states, samples=False)
    for section, draw in FIGURES.items():
        for figure in draw(view):
            assert vl_convert.vegalite_to_vega(figure.spec)["marks"], section


def test_of_many_the_best_and_an_even_sample_are_shown(view):
    records = view.own
    chosen = some(records, 8)
    assert chosen[:2] == records[:2]
    assert len({each.number for each in chosen}) == 8
    assert some(records, 100) == records


def test_numbers_are_short_and_finite():
    assert [short(each) for each in (0.123456789, math.inf, math.nan, 7, "x")] == [0.12346, None, None, 7, "x"]
