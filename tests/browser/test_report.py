"""The report in a real browser: drawn, quiet, off the network, and of use."""

import importlib.util
from pathlib import Path

import pytest

from raypose.reporting.experiment import load_experiment
from raypose.reporting.report import write_report

ROOT = Path(__file__).parents[2]


def module(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


made_up = module(ROOT / "tests" / "reporting" / "report" / "made_up.py")
pictures = module(ROOT / "docs" / "pictures" / "report.py")
STATES = ["COMPLETE", "PRUNED", "PRUNED", "COMPLETE", "FAIL", "COMPLETE"] * 4


@pytest.fixture(scope="module")
def html(tmp_path_factory):
    folder = made_up.make_experiment(tmp_path_factory.mktemp("report") / "made", STATES, label=made_up.EVIL)
    return write_report(load_experiment(folder))[0]


@pytest.fixture
def open_report(open_page, html):
    def open_it(**settings):
        page = open_page(html.as_uri(), **settings)
        page.wait_for_selector("html[data-drawn]", state="attached")
        return page

    return open_it


def quiet(page, html):
    """Nothing but its own file and what it holds was asked for, and nothing went wrong."""
    asked = [each for each in page.seen.requests if not each.startswith("data:")]
    return asked == [html.as_uri()] and page.seen.errors == []


def drawn(page):
    """[(width, number of marks)] of each figure; of a canvas, whether it has any ink counts as one mark."""
    return page.eval_on_selector_all(
        ".vega",
        """figures => figures.map(figure => {
            const svg = figure.querySelector("svg.marks"), canvas = figure.querySelector("canvas.marks");
            const box = (svg || canvas).getBoundingClientRect();
            if (svg) return [box.width, svg.querySelectorAll(".mark-symbol path, .mark-line path, .mark-rect path").length];
            const ink = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some(each => each);
            return [box.width, ink ? 1 : 0];
        })""",
    )


def test_all_figures_are_drawn_without_an_error_and_without_the_network(open_report, html):
    page = open_report()
    figures = drawn(page)
    assert len(figures) >= 12
    assert all(width > 200 and marks > 0 for width, marks in figures)
    assert quiet(page, html)
    page.hover("#best-over-time .mark-symbol path >> nth=0", force=True)
    page.wait_for_selector("#vg-tooltip-element.visible")
    assert "configuration" in page.inner_text("#vg-tooltip-element")
    assert page.eval_on_selector_all("img", "found => found.length") == 0  # what names of users are not


def test_the_leaderboard_sorts_and_filters(open_report):
    page = open_report()

    def column(place):
        return page.eval_on_selector_all(
            "#trials tbody tr:not([hidden])", f"rows => rows.map(row => row.cells[{place}].textContent)"
        )

    assert column(0) == [str(rank) for rank in range(1, len(STATES) + 1)]
    page.click("#trials th >> nth=1")
    assert column(1) == [str(number) for number in range(len(STATES))]
    page.click("#trials th >> nth=1")
    assert column(1) == [str(number) for number in reversed(range(len(STATES)))]
    page.click("#trials th >> nth=3")
    values = column(3)
    known = [float(value) for value in values if value]
    assert known == sorted(known)
    assert values[len(known) :] == [""] * STATES.count("FAIL")  # what has no value stays behind
    page.select_option("#state", "PRUNED")
    assert {*column(2)} == {"pruned"}
    assert page.inner_text("#shown") == f"{STATES.count('PRUNED')} of {len(STATES)}"
    page.fill("#filter", "resnet depth 50")
    assert column(6)
    assert all("depth 50" in each for each in column(6))
    page.fill("#filter", "no such trial")
    assert column(1) == []


def test_samples_show_truth_and_prediction_as_asked(open_report):
    page = open_report()
    truth, predicted = page.locator(".samples .truth").first, page.locator(".samples .predicted").first
    page.uncheck("#show-truth")
    assert (truth.is_visible(), predicted.is_visible()) == (False, True)
    page.check("#show-truth")
    page.uncheck("#show-predicted")
    assert (truth.is_visible(), predicted.is_visible()) == (True, False)
    sizes = page.eval_on_selector_all(".samples svg", "found => found.map(svg => svg.getBoundingClientRect().height)")
    assert len(sizes) == 12
    assert min(sizes) > 50


def test_dark_is_dark_figures_included_and_follows_a_change(open_report):
    page = open_report(dark=True)
    brightness = (
        "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).reduce((a, b) => a + +b, 0)"
    )
    label = ".vega svg .mark-text text"
    assert page.evaluate(brightness) < 150
    assert page.get_attribute("html", "data-drawn") == "dark"
    dark = page.get_attribute(label, "fill")
    page.emulate_media(color_scheme="light")
    page.wait_for_selector("html[data-drawn=light]", state="attached")
    assert page.evaluate(brightness) > 600
    assert page.get_attribute(label, "fill") != dark


def test_a_phone_scrolls_down_only(open_report, html):
    page = open_report(width=390, height=844)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.eval_on_selector(".scroll", "box => box.scrollWidth > box.clientWidth")  # the table does, by itself
    assert all(width <= 390 for width, _ in drawn(page))
    assert quiet(page, html)


def test_pictures(open_report, html, artifacts):
    taken = pictures.shoot(open_report(), html, artifacts)
    assert [each.name for each in taken] == ["report.png", "report-dark.png", "report-phone.png"]
    assert min(each.stat().st_size for each in taken) > 50_000


def test_the_report_of_a_real_search(mice, open_page, tmp_path):
    html = write_report(load_experiment(mice), tmp_path / "report.html")[0]
    page = open_page(html.as_uri())
    page.wait_for_selector("html[data-drawn]", state="attached")
    assert all(width > 200 and marks > 0 for width, marks in drawn(page))
    assert page.locator("#trials tbody tr").count() == 6
    assert "three stacks are too many" in page.locator("body").text_content()
    assert quiet(page, html)
