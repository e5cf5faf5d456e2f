"""Which model of an experiment somebody means, and a copy of its folder."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from raypose.errors import RayPoseError
from raypose.files import read_json

if TYPE_CHECKING:
    from raypose.reporting.experiment import Experiment
    from raypose.reporting.records import Record


@dataclass(frozen=True)
class Chosen:
    """A trial, what it is in its search (`place`), and where its model may lie, the first that is there counts."""

    record: Record
    place: str
    folders: tuple[Path, ...]

    @property
    def model(self) -> Path | None:
        """Its model folder; None if its weights are gone."""
        return next((folder for folder in self.folders if (folder / "weights.pt").exists()), None)


def ranked(experiment: Experiment, rank: int) -> Chosen | None:
    """The finished trial of that rank, from 1, in the order of `raypose show`; None if no trial is finished.

    Raises:
        RayPoseError: fewer trials are finished.
    """
    from raypose.reporting.records import is_candidate

    found = [each for each in experiment.own if is_candidate(each)]
    if not found:
        return None
    record, best = _one(found, rank, "--rank", "finished trial"), experiment.folder / "best"
    is_published = (
        read_json(best / "metrics.json").get("trial") == record.number
    )  # it alone has values on the test data
    place = "the best" if rank == 1 else f"number {rank}"
    own = experiment.trial_folder(record.number)
    return Chosen(record, place, (best, own) if is_published else (own,))


def on_front(experiment: Experiment, place: int) -> Chosen | None:
    """That trial of the Pareto front, from 1, in the order of `raypose show`; None if no trial is finished.

    Raises:
        RayPoseError: there is one objective, or fewer trials are on the front.
    """
    if len(experiment.goals) < 2:
        message = f"--pareto needs several objectives; this search has one, {experiment.goals[0].metric}"
        raise RayPoseError(message, hint="--rank 2 is the second best trial", rule="wrong-option")
    if not experiment.front:
        return None
    record = _one(experiment.front, place, "--pareto", "trial on the Pareto front")
    folders = experiment.folder / "pareto" / f"{record.number:04d}", experiment.trial_folder(record.number)
    return Chosen(record, f"number {place} of {len(experiment.front)} on the Pareto front", folders)


def finally_trained(experiment: Experiment) -> Chosen:
    """The final training of the winner.

    Raises:
        RayPoseError: there is none that came to its end.
    """
    record = experiment.final
    if record is None or record.state != "COMPLETE":
        why = "its final training has not come to its end" if record else "there was no final training"
        raise RayPoseError(f"--final: {why}", hint="`final: true` in the `tune` section asks for one", rule="no-final")
    place = f"the final training of trial {record.of}, the best"
    return Chosen(record, place, (experiment.folder / "final", experiment.trial_folder(record.number)))


def _one(found: list[Record], number: int, option: str, what: str) -> Record:
    if number > len(found):
        there = f"there {'is' if len(found) == 1 else 'are'} only {_many(len(found), what)}"
        raise RayPoseError(f"{option} {number}: {there}", rule="out-of-range")
    return found[number - 1]


def _many(number: int, what: str) -> str:
    from raypose.reporting.words import counted

    noun, _, rest = what.partition(" on ")
    return counted(number, noun) + (f" on {rest}" if rest else "")


def take(experiment: Experiment, chosen: Chosen, target: Path, force: bool) -> None:
    """Copy a chosen trial's model folder to `target`, with its predictions and a model card; whole or not at all. `force`
    replaces another model folder.

    Raises:
        RayPoseError: the model is gone, or `target` holds something.
    """
    from raypose.model_folder import publish
    from raypose.reporting.card import write_card

    source, whole = chosen.model, target.resolve()
    if source is None:
        raise _gone(experiment, chosen)
    _refuse_taken(experiment, target, force)

    def finish(folder: Path) -> None:
        predictions = experiment.trial_folder(chosen.record.number) / "predictions.json"
        if predictions.exists():
            shutil.copy2(predictions, folder / predictions.name)
        write_card(experiment, chosen.record, folder, chosen.place, whole.name)

    try:
        publish(source, whole, finish)
    except FileNotFoundError:
        if (source / "weights.pt").exists():  # else a search that runs has just dropped it
            raise
        raise _gone(experiment, chosen) from None


def _gone(experiment: Experiment, chosen: Chosen) -> RayPoseError:
    """Weights are kept for the best few trials alone."""
    from raypose.reporting.records import is_candidate

    found = [each for each in experiment.own if is_candidate(each)]
    there = [str(rank) for rank, _ in enumerate(found, 1) if (one := ranked(experiment, rank)) and one.model]
    message = (
        f"trial {chosen.record.number} ({chosen.place}) has no weights any more: tune.keep best trials keep theirs"
    )
    again = f"raypose train {experiment.trial_folder(chosen.record.number) / 'config.yaml'} trains it again"
    kept = f"models are there of --rank {', '.join(there)}" if there else "no trial has any"
    return RayPoseError(message, hint=f"{kept}; {again}", rule="no-weights")


def _refuse_taken(experiment: Experiment, target: Path, force: bool) -> None:
    home = experiment.folder.resolve()
    if target.resolve().is_relative_to(home):
        raise RayPoseError(
            f"{target} is in the experiment's own folder", hint="name another place", rule="wrong-option"
        )
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    if not all((target / name).exists() for name in ("config.yaml", "weights.pt")):
        raise RayPoseError(
            f"{target} exists and is no model folder", hint="name a folder that is not there", rule="file-exists"
        )
    if not force:
        raise RayPoseError(f"{target} holds a model already", hint="add --force to replace it", rule="file-exists")
