"""An experiment as pandas data frames, for notebooks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from raypose.reporting.epochs import best_epoch, epochs
from raypose.reporting.records import Record
from raypose.reporting.roles import TRIAL
from raypose.space import Choice, Dimension

if TYPE_CHECKING:
    import pandas

    from raypose.reporting.experiment import Experiment


def trials(experiment: Experiment) -> pandas.DataFrame:
    """A row for each trial that was trained, by its `number`: what it is, the metrics of its best epoch, the objectives
    first, and a column for each dimension of the space, empty where the trial's branch has none. `role` and `of` are there
    if something was repeated, `repeats` is how often.

    Labels and states are categories, numbers float64 or Int64, so that what is empty stays an integer's."""
    import pandas as pd

    records = sorted(experiment.records, key=lambda each: each.number)
    studied = {trial.number: trial for trial in experiment.frozen_trials}
    metrics = [_metrics(experiment, studied[each.number], each) for each in records]
    names = dict.fromkeys([*(goal.metric for goal in experiment.goals), *(name for each in metrics for name in each)])
    columns: dict[str, Any] = {"state": pd.Categorical([each.state for each in records])}
    columns |= {name: pd.array([each.get(name) for each in metrics], "float64") for name in names}
    columns |= {
        "epochs": pd.array([each.epochs for each in records], "Int64"),
        "seconds": pd.array([each.seconds for each in records], "float64"),
        "reason": pd.array([each.reason for each in records], "string"),
    }
    if any(each.role != TRIAL for each in records):
        columns["role"] = pd.Categorical([each.role for each in records])
        columns["of"] = pd.array([each.of for each in records], "Int64")
        columns["repeats"] = pd.array([len(each.repeats) for each in records], "Int64")
    dimensions = {each.name: each for each in (experiment.space.dimensions if experiment.space else ())}
    params = dict.fromkeys([*dimensions, *(name for each in records for name in each.params)])
    columns |= {name: _column(dimensions.get(name), [each.params.get(name) for each in records]) for name in params}
    return pd.DataFrame(columns, index=pd.Index([each.number for each in records], name="number", dtype="int64"))


def curves(experiment: Experiment) -> pandas.DataFrame:
    """A row for each epoch of each trial: `trial`, `epoch` and every metric that it reported.

    Example:
        >>> load_experiment("experiments/quickstart").curves.pivot(index="epoch", columns="trial", values="AP").plot()
    """
    import pandas as pd

    numbers = sorted(each.number for each in experiment.records)
    rows = [{"trial": number, **row} for number in numbers for row in experiment.curve(number)]
    frame = pd.DataFrame(rows, columns=list(dict.fromkeys(["trial", "epoch", *_keys(rows)])))
    return frame.astype({name: "int64" if name in ("trial", "epoch") else "float64" for name in frame.columns})


def _metrics(experiment: Experiment, trial: Any, record: Record) -> Mapping[str, Any]:
    """Those of the best epoch: what the trial's folder has of it, and the objectives, which the study knows."""
    best = best_epoch(epochs(trial), experiment.goals)
    rows = (row for row in experiment.curve(record.number) if row.get("epoch") == best)
    row = {name: value for name, value in next(rows, {}).items() if name != "epoch"}
    return {**row, **record.values}


def _keys(rows: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    return (name for row in rows for name in row)


def _column(dimension: Dimension | None, values: Sequence[Any]) -> Any:
    """A dimension's values with the type that they have; a choice's labels in the order of the space."""
    import pandas as pd

    known = [value for value in values if value is not None]
    if isinstance(dimension, Choice) or any(isinstance(value, str) for value in known):
        labels = dimension.labels if isinstance(dimension, Choice) else ()
        return pd.Categorical(values, categories=list(dict.fromkeys([*labels, *sorted(map(str, known))])))
    whole = bool(known) and all(isinstance(value, int) for value in known)
    return pd.array(values, "Int64" if whole else "float64")
