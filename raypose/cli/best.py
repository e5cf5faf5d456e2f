from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from raypose.cli._next import listed, quoted

if TYPE_CHECKING:
    from raypose.cli._taking import Chosen
    from raypose.reporting.experiment import Experiment


@click.command("best")
@click.argument("experiment", type=click.Path(path_type=Path))
@click.option("--rank", type=click.IntRange(min=1), help="That trial in place of the best one: 2 is the second best.")
@click.option("--pareto", type=click.IntRange(min=1),
              help="With several objectives, that trial of the Pareto front, as `show` lists it.")  # fmt: skip
@click.option("--final", is_flag=True, help="The final training (`tune.final`) in place of the best trial.")
@click.option("--to", "target", type=click.Path(path_type=Path),
              help="Copy its model there, a folder to be made, with a model card.")  # fmt: skip
@click.option("--force", is_flag=True, help="Replace the model that --to names.")
@click.option("--json", "as_json", is_flag=True, help="The trial, its configuration and its folders as JSON.")
def command(
    experiment: Path, rank: int | None, pareto: int | None, final: bool, target: Path | None, force: bool, as_json: bool
) -> int:
    """Show the best trial of the experiment folder EXPERIMENT, finished or running: its values, what was sampled, its
    configuration, and where its model lies. With --to, copy the model.

    Exit status 1 if no trial is finished yet, or none meets the constraints.
    """
    from raypose.cli._taking import finally_trained, on_front, ranked, take
    from raypose.errors import RayPoseError
    from raypose.files import to_json
    from raypose.reporting.experiment import load_experiment

    if (rank is not None) + (pareto is not None) + final > 1:
        raise RayPoseError("--rank, --pareto and --final name one trial each: give one of them", rule="wrong-option")
    read = load_experiment(experiment)
    chosen = finally_trained(read) if final else on_front(read, pareto) if pareto else ranked(read, rank or 1)
    if chosen is None:
        click.echo(f"{experiment}: {_why_none(read)}", err=True)
        return 1
    if target is not None:
        take(read, chosen, target, force)
    config = read.trial_folder(chosen.record.number) / "config.yaml"
    text = config.read_text(encoding="utf-8") if config.exists() else ""
    found = _described(read, chosen, target, text)
    if as_json:
        click.echo(to_json(found))
    else:
        options = f" --pareto {pareto}" if pareto else f" --rank {rank}" if rank else " --final" if final else ""
        click.echo(_copied(found, chosen) if target is not None else _told(experiment, found, text, options))
    return 0


def _why_none(experiment: Experiment) -> str:
    from raypose.reporting.outcomes import unmet

    states = [record.state for record in experiment.own]
    told = ", ".join(f"{states.count(state)} {state}" for state in sorted(set(states))) or "there is no trial"
    return unmet(experiment.records) or f"no trial is finished that could be the best ({told})"


def _described(experiment: Experiment, chosen: Chosen, target: Path | None, text: str) -> dict[str, Any]:
    from raypose.space import Space

    last, record = experiment.final, chosen.record
    return {
        "trial": record.number,
        "values": record.values,
        "runs": len(record.repeats) + 1,
        "mean": record.mean,
        "deviation": record.deviation,
        "epochs": record.epochs,
        "params": record.params,
        "config": Space.parse(text, expand=False).config() if text else None,
        "model": str(chosen.model) if chosen.model else None,
        "copied": str(target) if target is not None else None,
        "final": {"trial": last.number, "state": last.state, "values": last.values} if last else None,
        "final_model": _model(experiment.folder / "final"),
    }


def _model(folder: Path) -> str | None:
    return str(folder) if (folder / "weights.pt").exists() else None


def _headline(found: dict[str, Any]) -> list[str]:
    from raypose.reporting.words import counted, shown

    lines = [f"trial {found['trial']}: {shown(found['values'])} after {counted(found['epochs'], 'epoch')}"]
    if found["runs"] > 1:
        lines.append(f"mean of {found['runs']} runs: {found['mean']:.4g} ± {found['deviation']:.2g}")
    return lines


def _told(experiment: Path, found: dict[str, Any], text: str, options: str) -> str:
    lines = [*_headline(found), "", *(f"{name}: {value}" for name, value in found["params"].items())]
    lines += ["", "# its configuration", text.rstrip(), ""]
    models = [(name, found[key]) for name, key in (("model", "model"), ("final model", "final_model")) if found[key]]
    lines += [f"{name}: {folder}" for name, folder in models] or ["it left no model: its weights are gone"]
    if not found["model"]:
        return "\n".join(lines)
    copy = {f"raypose best {quoted(experiment)}{options} --to DIR": "a copy with a model card, to take along"}
    return "\n".join([*lines, *_next(found["model"], copy)])


def _copied(found: dict[str, Any], chosen: Chosen) -> str:
    where = f"{chosen.place}; its model is now in {found['copied']}, whose README.md says what it is"
    return "\n".join([*_headline(found), where, *_next(found["copied"], {})])


def _next(folder: str, first: dict[str, str]) -> list[str]:
    """What people do with a model."""
    name = quoted(folder)
    return listed(
        first
        | {
            f"raypose predict {name} IMAGE ...": "keypoints of images of yours",
            f"raypose evaluate {name}": "all its metrics",
            f"raypose export {name}": "the model as ONNX",
            f"raypose train {name}": "the same training again",
            f"raypose.load({json.dumps(folder, ensure_ascii=False)})": "in Python",
        }
    )
