"""The page: a template, a style, a script and the library that draws, all in one file."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import vl_convert
from markupsafe import Markup

from raypose.files import to_json
from raypose.reporting.report import facts, table
from raypose.reporting.report.drawing import drawing
from raypose.reporting.report.figure import Figure
from raypose.reporting.report.theme import BEST, PREDICTED, STATES, THEMES, TRUTH, WORDS
from raypose.reporting.report.view import View
from raypose.reporting.summary import summary

PAGE = Path(__file__).with_name("page")
COLOURS = {**{state.lower(): colour for state, colour in STATES.items()}, "best": BEST} | {
    "truth": TRUTH,
    "predicted": PREDICTED,
}


def render(view: View, figures: Mapping[str, list[Figure]]) -> str:
    """The report of an experiment as HTML that needs nothing but itself: its policy lets no address be reached, and no
    script run but these two."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(PAGE), autoescape=True, trim_blocks=True, lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )  # fmt: skip
    library, script = (
        _library(),
        (PAGE / "report.js").read_text(encoding="utf-8"),
    )
    sentences, running = summary(view.experiment), any(each.state == "RUNNING" for each in view.experiment.records)
    under_way = sentences.pop(0) if running else ""  # the first says so
    drawn = {each.name: each.spec for group in figures.values() for each in group}
    return environment.get_template("report.html").render(
        experiment=view.experiment, view=view, best=view.best, figures=figures, facts=facts,
        values=facts.values(view), title=sentences[0], sentences=sentences[1:], under_way=under_way,
        now=datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"), columns=table.columns(view),
        rows=table.rows(view), failures=table.failed(view), kept=view.kept, drawing=_drawing,
        data=_inline_json({"specs": drawn, "themes": THEMES}), library=_script(library), script=_script(script),
        hashes=" ".join(f"'sha256-{_digest(text)}'" for text in (library, script)), colours=COLOURS,
        view_states=WORDS,
        style=Markup((PAGE / "report.css").read_text(encoding="utf-8")),
    )  # fmt: skip


@cache
def _library() -> str:
    """What draws Vega-Lite in a browser, of the version that the figures are written for."""
    return vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")


def _drawing(sample: Any, kept: Any) -> Markup:
    return Markup(drawing(sample, kept))  # escapes what it writes


def _inline_json(value: Any) -> Markup:
    """JSON that no text of users can end the script element of."""
    text = to_json(value, indent=None)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def _script(text: str) -> Markup:
    return Markup(text)  # ours and the library's; a test holds that they have no `</script`


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
