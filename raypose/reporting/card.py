"""The model card of a trained model: what it does, how well, where it comes from, and how it is used."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raypose.files import read_json, write_text
from raypose.reporting import card_facts
from raypose.reporting.leaderboard import of_runs
from raypose.reporting.records import Record
from raypose.reporting.report.drawing import sheet
from raypose.reporting.report.samples import kept_samples
from raypose.reporting.words import counted
from raypose.space import Space

if TYPE_CHECKING:
    from raypose.reporting.experiment import Experiment

NOT_QUALITY = ("trial", "epoch", "test", "lr", "train_loss", "samples_per_second", "gpu_memory")  # of metrics.json
PICTURE = "samples/examples.svg"
FEW = 5  # images of the picture


def write_card(experiment: Experiment, record: Record, model: Path, place: str, name: str) -> None:
    """Write `README.md` into a model folder, and a picture of what the model predicts where training kept samples; see
    `card`."""
    if kept := kept_samples(model):
        usual = [each for each in kept.samples if not each.worst] or kept.samples
        evenly = usual[:: max(1, len(usual) // FEW)][:FEW]
        write_text(model / PICTURE, sheet(kept, evenly))
    write_text(model / "README.md", card(experiment, record, model, place, name))


def card(experiment: Experiment, record: Record, model: Path, place: str, name: str) -> str:
    """The text of a README.md, in Markdown, of the model folder `model`, that of a trial, which is to be called `name`;
    `place` says what the trial is in its search.

    Example:
        >>> print(card(experiment, experiment.best, Path("experiments/mouse/best"), "the best", "mouse"))
        # mouse: a pose model
        ...
    """
    config = Space.load(model / "config.yaml", expand=False).config()
    meta, kept = experiment.meta(record.number), read_json(model / "samples" / "samples.json")
    parts: dict[str, Iterable[str]] = {
        "": _predicts(config, kept.get("info") or {}),
        "Examples": _examples(model),
        "How well": _well(read_json(model / "metrics.json"), record),
        "How it was found": _found(experiment, record, place),
        "How to use it": card_facts.use(name),
        "Input": card_facts.crops(config),
        "Data": card_facts.data(config),
        "Configuration": card_facts.configuration(config),
        "Versions": card_facts.versions(meta),
        "Licence": card_facts.licence(config),
    }
    parts = {heading: told for heading, lines in parts.items() if (told := list(lines))}
    title = f"# {config.get('name', experiment.name)}: a pose model"
    text = [
        line for heading, lines in parts.items() for line in ([f"## {heading}", ""] if heading else []) + [*lines, ""]
    ]
    return "\n".join([title, "", *text]).rstrip() + "\n"


def _predicts(config: Mapping[str, Any], info: Mapping[str, Any]) -> Iterable[str]:
    names = info.get("names") or []
    what = f"{counted(len(names), 'keypoint')} of each object" if names else "the keypoints of each object"
    yield f"It finds {what} in a picture, given the object's box (top-down)" + (":" if names else ".")
    if names:
        yield f"{', '.join(names)}."


def _examples(model: Path) -> Iterable[str]:
    if (model / PICTURE).exists():
        yield f"![predictions on validation images]({PICTURE})"
        yield ""
        yield "Validation images, from hard to easy, labels in green, predictions in orange, errors below."


def _well(metrics: Mapping[str, Any], record: Record) -> Iterable[str]:
    test, quality = metrics.get("test") or {}, [key for key in metrics if key not in NOT_QUALITY]
    if not quality:
        yield "Nothing is known: there is no metrics.json."
        return
    yield from [
        "| metric | validation | test |" if test else "| metric | validation |",
        "|---|---|" + ("---|" if test else ""),
    ]
    for name in dict.fromkeys([*quality, *test]):
        cells = [_number(metrics.get(name)), *([_number(test.get(name))] if test else [])]
        yield f"| {name} | {' | '.join(cells)} |"
    yield ""
    yield f"The model is that of epoch {metrics.get('epoch', '?')}, the best one on the validation data, of which a search"
    yield "makes the most: expect a little less of new data" + ("; the test data were looked at once." if test else ".")
    if record.repeats:
        yield f"Trained {len(record.repeats) + 1} times with different seeds, it comes to {of_runs(record)}."


def _found(experiment: Experiment, record: Record, place: str) -> Iterable[str]:
    goals = ", ".join(f"{goal.metric} ({goal.mode})" for goal in experiment.goals)
    early = sum(each.state == "PRUNED" for each in experiment.own)
    stopped = f", {early} of them stopped early" if early else ""
    trials = f"{counted(len(experiment.own), 'trial')}{stopped}"
    yield f"By `raypose tune`: trial {record.number}, {place} of {trials}, by {goals}."
    if record.params:
        yield from ["", "| searched | taken |", "|---|---|"]
        yield from (f"| {key} | {_number(value)} |" for key, value in record.params.items())


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "" if value is None else str(value)
