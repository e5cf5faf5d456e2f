from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click


@click.command("show")
@click.argument("experiment", type=click.Path(path_type=Path))
@click.option("-n", "--number", default=20, show_default=True, help="How many trials; 0 shows all.")
@click.option("--detail", is_flag=True, help="All that trials differ in; the last lines of errors.")
@click.option("--json", "as_json", is_flag=True, help="All trials, and what else is known, as JSON.")
def command(experiment: Path, number: int, detail: bool, as_json: bool) -> None:
    """Show the leaderboard of the experiment folder EXPERIMENT, finished or running."""
    from raypose.files import to_json
    from raypose.journal import uncollected
    from raypose.reporting.experiment import load_experiment
    from raypose.reporting.outcomes import unmet

    with uncollected():
        found = load_experiment(experiment)
        records, infeasible, sameness, leading = found.records, found.infeasible, found.sameness, found.front
        beside = [*found.asides, *filter(None, [unmet(records)])]
    if as_json:
        told: dict[str, Any] = {"trials": [asdict(record) for record in records]}
        told |= {"front": [each.number for each in leading], "infeasible": asdict(infeasible)}
        told |= {"asides": beside, "sameness": asdict(sameness)}
        click.echo(to_json(told))
        return
    from rich.console import Console

    from raypose.reporting.leaderboard import leaderboard
    from raypose.reporting.pareto import front_table
    from raypose.reporting.words import counted

    console = Console()
    if leading:
        console.print(front_table(leading, found.goals), "")
    trained, metrics = found.own, [goal.metric for goal in found.goals]
    shown, title = trained[:number] if number else trained, f"{found.name}: {counted(len(trained), 'trial')}"
    console.print(leaderboard(shown, metrics, title=title))
    if infeasible:
        console.out(f"\n{infeasible}", highlight=False)
    for line in beside:
        console.out(f"\n{line}", highlight=False)
    if lines := sameness.lines() if detail else list(filter(None, [str(sameness)])):
        console.out("\n" + "\n".join(lines), highlight=False)
    for record in records if detail else []:
        if record.detail:
            text = f"\ntrial {record.number} ({record.reason}):\n{record.detail}"
            console.out(text, highlight=False)
