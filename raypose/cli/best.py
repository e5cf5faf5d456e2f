from __future__ import annotations

from pathlib import Path
from typing import Any

import click


@click.command("best")
@click.argument("experiment", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="The trial, its configuration and its folders as JSON.")
def command(experiment: Path, as_json: bool) -> int:
    """Show the best trial of the experiment folder EXPERIMENT, finished or running: its values, what was sampled, its
    configuration, and where its model lies.

    Exit status 1 if no trial is finished yet, or none meets the constraints.
    """
    from raypose.files import to_json
    from raypose.reporting.outcomes import unmet
    from raypose.reporting.records import load_records, winner
    from raypose.reporting.roles import TRIAL

    records, _ = load_records(experiment)
    best = winner(records)
    if best is None:
        states = [record.state for record in records if record.role == TRIAL]
        told = ", ".join(f"{states.count(state)} {state}" for state in sorted(set(states))) or "there is no trial"
        why = unmet(records) or f"no trial is finished that could be the best ({told})"
        click.echo(f"{experiment}: {why}", err=True)
        return 1
    config = experiment / "trials" / f"{best.number:04d}" / "config.yaml"
    text = config.read_text(encoding="utf-8") if config.exists() else ""
    found = _described(experiment, records, best, text)
    click.echo(to_json(found) if as_json else _told(found, text))
    return 0


def _described(experiment: Path, records: list[Any], best: Any, text: str) -> dict[str, Any]:
    from raypose.reporting.records import final
    from raypose.space import Space

    last = final(records)
    return {
        "trial": best.number,
        "values": best.values,
        "runs": len(best.repeats) + 1,
        "mean": best.mean,
        "deviation": best.deviation,
        "epochs": best.epochs,
        "params": best.params,
        "config": Space.parse(text, expand=False).config() if text else None,
        "model": _model(experiment / "best"),
        "final": {"trial": last.number, "state": last.state, "values": last.values} if last else None,
        "final_model": _model(experiment / "final"),
    }


def _model(folder: Path) -> str | None:
    return str(folder) if (folder / "weights.pt").exists() else None


def _told(found: dict[str, Any], text: str) -> str:
    from raypose.reporting.words import counted

    values = ", ".join(f"{name} {value:.4g}" for name, value in found["values"].items())
    lines = [f"trial {found['trial']}: {values} after {counted(found['epochs'], 'epoch')}"]
    if found["runs"] > 1:
        lines.append(f"mean of {found['runs']} runs: {found['mean']:.4g} ± {found['deviation']:.2g}")
    lines += ["", *(f"{name}: {value}" for name, value in found["params"].items())]
    lines += ["", "# its configuration", text.rstrip()]
    models = [(name, found[key]) for name, key in (("model", "model"), ("final model", "final_model")) if found[key]]
    lines += [""] if models else ["", "it left no model: there is no best/weights.pt"]
    for name, folder in models:
        lines += [f"{name}: {folder}", f"  raypose evaluate {folder}", f"  raypose train {folder}"]
        lines += [f'  raypose.load("{folder}")']
    return "\n".join(lines)
