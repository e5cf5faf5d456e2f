"""Pictures of poses: on images, of training targets, in sheets. Everything is uint8 [H,W,3] in RGB, drawn by OpenCV."""

from __future__ import annotations

from raypose.data.drawing.pose import colors_of, draw_box, draw_pose
from raypose.data.drawing.sheet import Cell, Row, sheet, write_png
from raypose.data.drawing.targets import draw_target
from raypose.data.drawing.text import put_text
from raypose.data.drawing.views import enlarge, moved, region

__all__ = [
    "Cell",
    "Row",
    "colors_of",
    "draw_box",
    "draw_pose",
    "draw_target",
    "enlarge",
    "moved",
    "put_text",
    "region",
    "sheet",
    "write_png",
]
