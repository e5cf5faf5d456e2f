"""Experiments as a search leaves them, without one: a study, and the files that a report reads."""

import json
import math
from datetime import datetime, timedelta

import cv2
import numpy as np
import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState

from raypose import journal

# What users' names may hold at the worst, wherever they come from.
EVIL = '</script><img src=x onerror="alert(1)">\'&{{ 7 * 7 }}<!--'
START = datetime(2026, 1, 2, 3, 4)
NAMES = ["nose", "left_hand", EVIL]
SPACE = """\
name: made_up
model: {backbone: {choice: [{type: ResNet, depth: {choice: [18, 50]}}, {type: HRNet, width: {randint: [1, 40]}}]}}
optimizer: {type: AdamW, lr: {loguniform: [1e-4, 1e-2]}}
"""


def make_experiment(folder, states, goals=(("AP", "maximize"),), epochs=6, label="HRNet", samples=True, **attrs):
    """An experiment with a trial for each of `states`; `attrs` are user attributes of all."""
    folder.mkdir(parents=True)
    study = optuna.create_study(
        study_name=journal.STUDY_NAME,
        storage=journal.storage(folder, write=True),
        directions=[goal for _, goal in goals],
    )
    study._storage.set_study_system_attr(study._study_id, "study:metric_names", [name for name, _ in goals])
    rng = np.random.default_rng(0)
    trials = [_trial(rng, number, state, goals, epochs, label, attrs) for number, state in enumerate(states)]
    study.add_trials(trials)
    (folder / "space.yaml").write_text(SPACE)
    for number, trial in enumerate(trials):
        _files(folder / "trials" / f"{number:04d}", number, trial)
    if "COMPLETE" in states:
        best = folder / "best"
        best.mkdir()
        (best / "config.yaml").write_text(f"name: made_up  # {label}\n")
        (best / "weights.pt").write_bytes(b"")
        if samples:
            make_samples(best)
    return folder


def _trial(rng, number, state, goals, epochs, label, attrs):
    distributions = {"model.backbone": CategoricalDistribution(["ResNet", label])}
    params = {"model.backbone": ["ResNet", label][number % 2]}
    if number % 2:
        distributions[f"model.backbone.{label}.width"] = IntDistribution(1, 40)
        params[f"model.backbone.{label}.width"] = 1 + number % 40
    else:
        distributions["model.backbone.ResNet.depth"] = CategoricalDistribution(["18", "50"])
        params["model.backbone.ResNet.depth"] = ["18", "50"][number // 2 % 2]
    distributions["optimizer.lr"] = FloatDistribution(1e-4, 1e-2, log=True)
    params["optimizer.lr"] = float(10 ** rng.uniform(-4, -2))
    last = {"COMPLETE": epochs, "PRUNED": 2, "RUNNING": 3, "FAIL": 0}[state]
    top = 0.5 + 0.1 * (number % 2) + 0.1 * rng.uniform() - 0.05 * abs(math.log10(params["optimizer.lr"]) + 3)
    curve = {
        epoch: (top * (1 - math.exp(-epoch / 2)), *(1e9 * rng.uniform() for _ in goals[1:]))
        for epoch in range(1, last + 1)
    }
    several = len(goals) > 1
    reports = {f"epoch {epoch}": list(values) for epoch, values in curve.items()} if several else {}
    failed = {"reason": "raised", "detail": f"Traceback\nValueError: {label}"} if state == "FAIL" else {}
    done = None if state == "RUNNING" else START + timedelta(minutes=2 * number + 3)
    return optuna.trial.FrozenTrial(
        number=number, trial_id=number, state=TrialState[state], value=None,
        values=list(curve[last]) if state == "COMPLETE" else None, datetime_start=START + timedelta(minutes=2 * number),
        datetime_complete=done, params=params, distributions=distributions, user_attrs={**attrs, **reports, **failed},
        system_attrs={}, intermediate_values={} if several else {epoch: value for epoch, (value,) in curve.items()},
    )  # fmt: skip


def _files(folder, number, trial):
    folder.mkdir(parents=True)
    built = {"model": f"m{number}", "optimizer": "o", "parameters": 1000 * (number % 5 + 1)}
    meta = {"number": number, "params": trial.params, "host": "node", "python": "3.11", "fingerprint": built}
    (folder / "meta.json").write_text(json.dumps({**meta, "versions": {"raypose": "0.1.0", "torch": "2.14.1"}}))
    rows = [{"epoch": epoch, "AP": value} for epoch, value in trial.intermediate_values.items()]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def make_samples(folder, count=12):
    """`samples/` of a model folder, as training keeps them."""
    folder = folder / "samples"
    folder.mkdir()
    samples = []
    for i in range(count):
        picture = np.full((96, 72, 3), 40 + 10 * i, np.uint8)
        cv2.imwrite(str(folder / f"{i}.jpg"), picture)
        truth = [[20.0, 20.0, 2], [50.0, 30.0, 1], [0, 0, 0]]
        predicted = [[22.0 + i, 21.0, 0.9], None if i == 1 else [48.0, 33.0, 0.4], [30.0, 80.0, 0.1]]
        samples.append(
            {"file": f"{i}.jpg", "width": 72, "height": 96, "id": i, "image": EVIL, "error": None if i == 3 else 20.0 - i,
             "truth": truth, "predicted": predicted, "worst": i < 10}
        )  # fmt: skip
    info = {"names": NAMES, "flip_pairs": [], "sigmas": [0.1] * 3, "skeleton": [[0, 1], [1, 2]], "colors": []}
    kept = {"info": info, "input_size": [72, 96], "total": 40, "unit": "% of the box's size", "samples": samples}
    kept["per_keypoint"] = {"EPE": dict(zip(NAMES, [2.1, 3.4, None], strict=True)), "PCK": dict.fromkeys(NAMES, 0.5)}
    kept["errors"] = [round(0.5 * i, 2) for i in range(40)]
    (folder / "samples.json").write_text(json.dumps(kept))
