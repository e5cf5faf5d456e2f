"""Pictures of TensorBoard: the HParams table, curves, and validation images."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

WIDTH = 1280
TAGS = "^(best/.*|loss|search/(best .*|finished))$"  # of the curves


def shoot(page: Any, address: str, target: Path, run: str | None = None) -> set[str]:
    """Write tensorboard-hparams.png, tensorboard-scalars.png and tensorboard-images.png into the folder `target`.

    Args:
        page: playwright's.
        address: of a TensorBoard that shows experiments, such as http://localhost:6006.
        run: whose images are shown; by default the first that has some.

    Returns:
        What stands in the table of the HParams page.
    """
    page.set_viewport_size({"width": WIDTH, "height": 720})
    hparams(page, address)
    page.screenshot(path=target / "tensorboard-hparams.png")
    table = cells(page)
    scalars(page, address)
    page.screenshot(path=target / "tensorboard-scalars.png")
    page.set_viewport_size({"width": WIDTH, "height": 1080})
    images(page, address, run or first_with_images(page, address))
    page.screenshot(path=target / "tensorboard-images.png")
    return table


def hparams(page: Any, address: str) -> None:
    """The table of trials with all columns, the highest first, small enough that they stand side by side."""
    open_tab(page, address, "#hparams")
    pane = page.locator("tf-hparams-query-pane")
    pane.locator(".metric-checkbox").first.wait_for()
    for box in pane.locator("paper-checkbox.hparam-checkbox").all():
        if box.get_attribute("checked") is None:
            box.click()
    metric = pane.locator(".metric-checkbox").first.inner_text().strip()
    for menu, choice in enumerate((metric, "Descending")):
        pane.locator("paper-dropdown-menu").nth(menu).click()
        page.locator("paper-item:visible", has_text=choice).first.click()
        page.wait_for_timeout(500)
    page.evaluate("document.body.style.zoom = 0.62")
    pane.locator(".hparam-checkbox").first.scroll_into_view_if_needed()
    page.wait_for_timeout(1500)


def cells(page: Any) -> set[str]:
    """What stands in the table, the titles of its columns included."""
    return {text.strip() for text in page.locator("tf-hparams-table-view vaadin-grid-cell-content").all_inner_texts()}


def scalars(page: Any, address: str) -> None:
    """The curves of all trials, and the search's own."""
    open_tab(page, address, f"?tagFilter={quote(TAGS)}&smoothing=0#timeseries")
    page.locator("card-view").first.wait_for()
    if (steps := page.get_by_text("Enable step selection and data table")).count():  # the settings are open
        steps.click()
        page.get_by_label("Close side pane").first.click()
    page.locator("scalar-card", has_text="search/best").first.wait_for()
    page.wait_for_timeout(2500)


def images(page: Any, address: str, run: str) -> None:
    """A run's pictures in their own size."""
    open_tab(page, address, "#images")
    page.locator("paper-checkbox", has_text="Show actual image size").click()
    page.get_by_label("Write a regex to filter runs").fill(f"^{run}$")
    page.wait_for_timeout(500)
    page.locator("tf-image-loader img").first.wait_for()
    page.wait_for_timeout(2000)


def first_with_images(page: Any, address: str) -> str:
    """The first run that has pictures."""
    return min(page.request.get(f"{address}/data/plugin/images/tags").json())


def open_tab(page: Any, address: str, path: str) -> None:
    """A tab of its own: TensorBoard keeps what was chosen in another one."""
    page.goto("about:blank")
    page.goto(f"{address}/{path}")
