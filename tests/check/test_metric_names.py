"""What `raypose check` knows of each metric: its names, and whether higher or lower is better."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from raypose.errors import RayPoseError
from raypose.tuning.checked import load_checked

_spec = importlib.util.spec_from_file_location("good_spaces_of_names", Path(__file__).with_name("good_spaces.py"))
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)
GOOD = _module.good_spaces()["features"]
METRICS = "metrics: [{type: CocoAP}, {type: PCK, threshold: 0.2, name: PCK@0.2}, {type: EPE}]"


def found(tmp_path, metrics, objective):
    text = GOOD.replace(METRICS, f"metrics: [{metrics}]").replace("metric: PCK@0.2\n  mode: max", objective)
    assert METRICS not in text
    assert objective in text
    (tmp_path / "s.yaml").write_text(text)
    warnings = []
    try:
        space = load_checked(tmp_path / "s.yaml", warn=warnings.extend)
    except RayPoseError as error:
        return [each.message for each in error.problems], None
    return [each.message for each in warnings], space


@pytest.mark.parametrize(
    ("metrics", "objective"),
    [
        ("{type: PCKh}", "metric: PCKh"),
        ("{type: PCKh, threshold: 0.1, name: PCKh@0.1}", "metric: PCKh@0.1\n  mode: max"),
        ("{type: NME}", "metric: NME"),
        ("{type: NME, keypoints: [nose, tail], name: eyes}", "metric: eyes\n  mode: min"),
        ("{type: NME, name: eyes}, {type: AUC}", "metric: [{eyes: min}]"),
        ("{type: AUC, norm_factor: 50}", "metric: AUC"),
        ("{type: CrowdPoseAP}", "metric: AP_hard"),
        ("{type: CocoAP, details: true}", "metric: ARL"),
        ("{type: CocoAP, nms_thr: 0.95, score_mode: bbox}", "metric: AP50"),
    ],
)
def test_metrics_are_known(tmp_path, tiny_coco, metrics, objective):
    messages, _ = found(tmp_path, metrics, objective)
    assert messages == []


@pytest.mark.parametrize(
    ("metrics", "objective", "message"),
    [
        ("{type: PCK}", "metric: PCKh", "no configured metric gives 'PCKh', which tune.metric asks for"),
        ("{type: CocoAP}", "metric: APM", "no configured metric gives 'APM', which tune.metric asks for"),
        ("{type: NME}", "metric: NME\n  mode: max", "mode 'max' contradicts 'NME', which is better when it is lower"),
        ("{type: NME, name: eyes}", "metric: eyes",
         "'eyes' is better when it is lower, but 'max' is the mode of a metric so named"),
        ("{type: CrowdPoseAP}, {type: CocoAP}", "metric: AP", "two metrics give 'AP'"),
        ("{type: CocoAP, score_mode: box}", "metric: AP",
         "'score_mode' must be 'keypoint', 'bbox', 'bbox_keypoint' or 'bbox_rle', but got \"box\""),
        ("{type: AUC, num_thrs: 0}", "metric: AUC", "'num_thrs' must be greater than 0, but got 0"),
    ],
)  # fmt: skip
def test_what_is_wrong(tmp_path, tiny_coco, metrics, objective, message):
    messages, _ = found(tmp_path, metrics, objective)
    assert message in messages
