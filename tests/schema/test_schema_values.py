"""Values, and what may stand for them."""

import pytest

GOOD = {
    "optimizer": [
        "lr: 1e-3",
        "lr: 1",
        'lr: "${LR}"',
        "lr: {loguniform: [1e-4, 1e-2]}",
        'lr: {loguniform: ["${LOW}", 1e-2]}',
        "lr: {uniform: [0, 1]}",
        "lr: {quniform: [-0.04, 0.5, 0.1]}",
        "lr: {qloguniform: [1e-4, 1e-2, 1e-4]}",
        "lr: {lograndint: [1, 10]}",
        "lr: {choice: [1e-3, {loguniform: [1e-4, 1e-2]}, {label: large, fixed: 1}]}",
        "lr: {ref: model.backbone}",
        "lr: {ref: optimizer.SGD.lr, times: 0.1}",
        "lr: {fixed: 0.1}",
        "betas: [{uniform: [0.8, 0.9]}, 0.999]",
        "betas: {choice: [[0.8, 0.9], [0.9, 0.999]]}",
        "amsgrad: {choice: [true, false]}",
        "amsgrad: ${FLAG}",
        "foreach: null",
        "paramwise_cfg: null",
        "paramwise_cfg: {norm_decay_mult: {choice: [0, 1]}, custom_keys: {backbone: {lr_mult: {uniform: [0, 1]}}}}",
    ],
    "backbone": [
        "depth: {choice: [18, {choice: [50, 101]}]}",
        "out_indices: [2, {randint: [3, 5]}]",
        "pretrained: {choice: [null, imagenet]}",
    ],
    "codec": ["sigma: {randint: [1, 4]}", "sigma: {qrandint: [1, 4]}", "sigma: {qrandint: [1, 9, 2]}"],
}
BAD = {
    "optimizer": [
        ('lr: "1e-3"', "lr: '1e-3' is not of type 'number'"),
        ("lr: true", "lr: True is not of type 'number'"),
        ("lr: null", "lr: None is not of type 'number'"),
        ("lr: [1e-3]", "lr: [0.001] is not of type 'number'"),
        ("lr: -1", "lr: -1 is less than the minimum of 0"),
        ("lr: {loguniforn: [1e-4, 1e-2]}", "lr: Additional properties are not allowed ('loguniforn' was unexpected)"),
        ("lr: {uniform: [0, 1], loguniform: [1, 2]}", "lr: {'uniform': [0, 1], 'loguniform': [1, 2]} is valid under"),
        ("lr: {loguniform: [0, 1e-2]}", "lr.loguniform[0]: 0 is less than or equal to the minimum of 0"),
        ("lr: {uniform: [-1, 1]}", "lr.uniform[0]: -1 is less than the minimum of 0"),
        ("lr: {uniform: [0]}", "lr.uniform: [0] is too short"),
        ("lr: {uniform: [0, 1, 2]}", "lr.uniform: [0, 1, 2] is too long"),
        ("lr: {quniform: [0, 1]}", "lr.quniform: [0, 1] is too short"),
        ("lr: {uniform: [low, 1]}", "lr.uniform[0]: 'low' is not of type 'number'"),
        ("lr: {randint: [0, 1.5]}", "lr.randint[1]: 1.5 is not of type 'integer'"),
        ("lr: {choice: []}", "lr.choice: [] should be non-empty"),
        ("lr: {choice: [1, two]}", "lr.choice[1]: 'two' is not of type 'number'"),
        ("lr: {choice: 1}", "lr.choice: 1 is not of type 'array'"),
        ("lr: {ref: 3}", "lr.ref: 3 is not of type 'string'"),
        ("lr: {ref: a, times: much}", "lr.times: 'much' is not of type 'number'"),
        ("lr: {uniform: [0, 1], times: 2}", "lr: 'ref' is a dependency of 'times'"),
        ("lr: {fixed: high}", "lr.fixed: 'high' is not of type 'number'"),
        ("betas: [0.9]", "betas: [0.9] is too short"),
        ("betas: [{uniform: [low, 1]}, 0.9]", "betas[0].uniform[0]: 'low' is not of type 'number'"),
        ("amsgrad: yes", "amsgrad: 'yes' is not of type 'boolean'"),
        ("amsgrad: {uniform: [0, 1]}", "amsgrad: Additional properties are not allowed ('uniform' was unexpected)"),
        ("constructor: Defalt", "constructor: 'Defalt' is not one of"),
        ("paramwise_cfg: {custom_keys: {backbone: {lr: 1}}}", "custom_keys.backbone: Additional properties"),
        ("constructor: LayerDecayOptimizerConstructor", "'paramwise_cfg' is a required property"),
    ],
    "backbone": [
        ("depth: 49", "depth: 49 is not one of [18, 34, 50, 101, 152]"),
        ("depth: {choice: [18, 49]}", "depth.choice[1]: 49 is not one of"),
        ("depth: {uniform: [18, 50]}", "depth: Additional properties are not allowed ('uniform' was unexpected)"),
        ("out_indices: 3", "out_indices: 3 is not of type 'array'"),
        ("depth: {choice: [18], label: {}}", "depth.label: {} is not of type"),
    ],
    "codec": [("sigma: {randint: [0, 4]}", "sigma.randint[0]: 0 is less than or equal to the minimum of 0")],
}
TYPES = {"optimizer": "AdamW", "backbone": "ResNet", "codec": "MSRAHeatmap"}


@pytest.mark.parametrize(("slot", "text"), [(slot, text) for slot in GOOD for text in GOOD[slot]])
def test_what_may_stand_for_a_value(errors, slot, text):
    assert errors.of(slot, f"type: {TYPES[slot]}\n{text}") == []


@pytest.mark.parametrize(("slot", "text", "message"), [(slot, *each) for slot in BAD for each in BAD[slot]])
def test_what_may_not(errors, slot, text, message):
    found = errors.of(slot, f"type: {TYPES[slot]}\n{text}")
    assert len(found) == 1
    assert message in found[0]
