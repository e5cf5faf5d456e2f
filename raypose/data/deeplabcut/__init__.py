"""DeepLabCut projects as COCO keypoints files: `labels` reads a file of labels, `project` all of them, `convert` writes.

Source: https://deeplabcut.github.io/DeepLabCut/docs/standardDeepLabCut_UserGuide.html
"""

from __future__ import annotations

from raypose.data.deeplabcut.convert import Converted, convert
from raypose.data.deeplabcut.project import Project, read_project

__all__ = ["Converted", "Project", "convert", "read_project"]
