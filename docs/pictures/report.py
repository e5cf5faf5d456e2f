"""Pictures of a report, as a browser shows it: in light, in dark, on a phone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

# What each picture shows: the width and height of the window, and its colours.
PICTURES = {
    "report": (1280, 900, "light"),
    "report-dark": (1280, 900, "dark"),
    "report-phone": (390, 844, "light"),
}


def opened(page: Any, html: Path) -> None:
    """Open a report in a playwright page and wait until its figures are drawn."""
    page.goto(html.resolve().as_uri())
    page.wait_for_selector("html[data-drawn]", state="attached")


def shoot(page: Any, html: Path, folder: Path, whole: bool = True) -> list[Path]:
    """Take pictures of the report, the whole page in each, or its first screen; a page that is open and drawn already is
    only redrawn."""
    if page.url != html.resolve().as_uri():
        opened(page, html)
    taken = []
    for name, (width, height, colours) in PICTURES.items():
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=colours)
        page.wait_for_selector(f"html[data-drawn={colours}]", state="attached")
        page.evaluate("document.fonts.ready")
        page.screenshot(path=folder / f"{name}.png", full_page=whole)
        taken.append(folder / f"{name}.png")
    return taken
