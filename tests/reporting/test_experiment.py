"""An experiment as one object and as data frames."""

import json

import pandas as pd
import pytest

import raypose
from raypose import RayPoseError
from raypose.reporting.epochs import CHANGED
from raypose.reporting.experiment import load_experiment


def test_trials_are_a_frame_with_a_row_each_and_a_column_for_each_dimension(search):
    made = search()
    made.run(0.2, 0.6, 0.5, PCK=0.7)
    made.run(0.3, end="PRUNED", PCK=0.1)
    made.run(end="FAIL", reason="raised", detail="File x\nValueError: no")
    made.run(0.4, end=None, PCK=0.2)
    frame = raypose.load_experiment(str(made.folder)).trials
    assert frame.index.name == "number"
    assert frame["state"].tolist() == ["COMPLETE", "PRUNED", "FAIL", "RUNNING"]
    assert frame.columns.tolist() == [
        "state", "AP", "PCK", "EPE", "epochs", "seconds", "reason", "model.backbone", "model.backbone.ResNet.depth",
        "model.backbone.HourglassNet.num_stacks", "optimizer.lr",
    ]  # fmt: skip
    assert frame["AP"].tolist()[:2] == [0.6, 0.3]
    assert frame.loc[0, ["PCK", "EPE", "epochs"]].tolist() == [0.7, 9.4, 3]
    assert pd.isna(frame.loc[2, "AP"])
    assert frame.loc[2, "reason"] == "raised"
    params = {trial.number: trial.params for trial in made.state.trials()}
    for number, row in frame.iterrows():
        for name in frame.columns[7:]:
            assert (pd.isna(row[name]) and name not in params[number]) or row[name] == params[number][name]
    assert frame["model.backbone"].cat.categories.tolist() == ["ResNet", "HourglassNet"]
    assert frame["model.backbone.ResNet.depth"].cat.categories.tolist() == ["18", "50"]
    assert str(frame["model.backbone.HourglassNet.num_stacks"].dtype) == "Int64"
    assert str(frame["optimizer.lr"].dtype) == "float64"


def test_curves_are_a_frame_with_a_row_each_epoch(search):
    made = search()
    made.run(0.2, 0.6, PCK=0.7)
    made.run(0.3, end=None)
    with open(made.folder / "trials/0001/metrics.jsonl", "a") as file:
        file.write('{"epoch": 2, "AP"')  # is being written
    frame = made.load().curves
    assert frame[["trial", "epoch", "AP"]].values.tolist() == [[0, 1, 0.2], [0, 2, 0.6], [1, 1, 0.3]]
    assert frame["PCK"].tolist()[:2] == [0.7, 0.7]
    assert [str(frame[name].dtype) for name in ("trial", "epoch", "PCK")] == ["int64", "int64", "float64"]


def test_repeats_and_the_final_training_have_a_role(search):
    made = search(num_trials=2, repeats=2, repeat_best=1, final=True)
    made.run(0.5)
    made.run(0.8)
    made.follow(0.7, 0.75, 0.78)
    frame = made.load().trials
    assert frame["role"].tolist() == ["trial", "trial", "repeat", "repeat", "final"]
    assert frame["of"].tolist()[2:] == [1, 1, 1]
    assert frame["repeats"].tolist() == [0, 2, 0, 0, 0]


def test_several_objectives_and_their_best_epoch(search):
    made = search(metric=[{"AP": "max"}, {"flops": "min"}])
    made.run(0.2, 0.6, 0.5, flops=7.0)
    loaded = made.load()
    assert loaded.trials.columns.tolist()[1:4] == ["AP", "flops", "EPE"]
    assert loaded.trials.loc[0, ["AP", "flops", "EPE"]].tolist() == [0.6, 7.0, 9.4]
    assert "AP 0.6, flops 7" in repr(loaded)


def test_values_that_a_scheduler_changed_are_those_since(search):
    made = search()
    number = made.run(0.5, end=None)
    made.state.note(
        number, **{CHANGED: {"model.backbone": "HourglassNet", "model.backbone.HourglassNet.num_stacks": 3}}
    )
    row = made.load().trials.loc[number]
    assert (row["model.backbone"], row["model.backbone.HourglassNet.num_stacks"]) == ("HourglassNet", 3)
    assert pd.isna(row["optimizer.lr"])


def test_without_trials_without_a_space_and_without_files(search):
    made = search()
    empty = made.load()
    assert (len(empty.trials), len(empty.curves), empty.best) == (0, 0, None)
    assert repr(empty) == "<Experiment mice: 0 trials>"
    assert "<table" in empty._repr_html_()
    assert empty.section("training") == {"epochs": 4}
    made.run(0.5)
    (made.folder / "space.yaml").unlink()
    (made.folder / "trials/0000/metrics.jsonl").unlink()
    bare = made.load()
    assert (bare.trials.loc[0, "AP"], bare.section("training")) == (0.5, {})
    assert "optimizer.lr" in bare.trials
    assert len(bare.curves) == 0


def test_in_a_notebook_the_best_stand_first_and_nothing_is_markup(search):
    made = search()
    made.run(0.2)
    made.run(0.6)
    shown = made.load()._repr_html_()
    assert shown.index("0.6") < shown.index("0.2")
    assert "Experiment mice: 2 trials (2 COMPLETE); best: trial 1, AP 0.6" in shown
    meta = json.loads((made.folder / "trials/0001/meta.json").read_text())
    assert made.load().meta(1) == meta


def test_no_experiment(tmp_path):
    with pytest.raises(RayPoseError, match="is not an experiment"):
        load_experiment(tmp_path)
