"""Colours and type of the report's figures, in light and dark. States have the same colours everywhere; all pairs differ in
lightness, too, so that they stay apart for colour-blind eyes and in grey print."""

from __future__ import annotations

from typing import Any

STATES = {"COMPLETE": "#3d7cc0", "PRUNED": "#9aa3ae", "RUNNING": "#2a9d8f", "FAIL": "#c2402f"}
WORDS = {"COMPLETE": "complete", "PRUNED": "pruned", "RUNNING": "running", "FAIL": "failed"}
BEST = "#e5851c"  # the winner
TRUTH, PREDICTED = "#35d0ba", "#ffa62b"  # of keypoints over an image

FONT = '"Inter", "Helvetica Neue", "Segoe UI", Roboto, "Liberation Sans", system-ui, sans-serif'


def _config(
    ink: str, soft: str, line: str, paper: str, ramp: list[str], font: str = FONT, background: str = "transparent"
) -> dict[str, Any]:
    axis = {"domainColor": line, "gridColor": line, "tickColor": line, "labelColor": soft, "titleColor": ink}
    sizes = {"labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": 500}
    return {
        "background": background,
        "font": font,
        "view": {"stroke": None},
        "axis": {**axis, **sizes, "labelLimit": 150, "titlePadding": 8, "gridOpacity": 0.7, "labelOverlap": "greedy"},
        "axisX": {"grid": False, "tickCount": 6},
        "axisY": {"domain": False, "ticks": False, "tickCount": 6},
        "legend": {
            "gradientThickness": 10,
            "labelColor": soft,
            "titleColor": ink,
            **sizes,
            "orient": "top",
            "titleOrient": "left",
            "offset": 8,
        },
        "text": {"color": soft, "fontSize": 11},
        "rule": {"color": line},
        "style": {"halo": {"stroke": paper, "strokeWidth": 4, "strokeJoin": "round"}},  # under text that lines cross
        "range": {"ramp": ramp, "heatmap": ramp},
    }


THEMES: dict[str, dict[str, Any]] = {
    "light": _config("#20252b", "#5a6470", "#dce0e5", "#fdfdfc", ["#c9d3de", "#7fa7d1", "#2f6fb5", "#123f78"]),
    "dark": _config("#e8eaed", "#a3acb8", "#343b45", "#14171b", ["#414c59", "#4a76a8", "#6fa8e6", "#cfe4ff"]),
}
# Of pictures, which have the fonts of the machine that draws them.
PRINT = _config(
    "#20252b", "#5a6470", "#dce0e5", "#fdfdfc", ["#c9d3de", "#7fa7d1", "#2f6fb5", "#123f78"], "sans-serif", "#ffffff"
)
