from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click


@click.command("show")
@click.argument("experiment", type=click.Path(path_type=Path))
@click.option("-n", "--number", default=20, show_default=True, help="How many trials; 0 shows all.")
@click.option("--detail", is_flag=True, help="Failed trials with the last lines of their error.")
@click.option("--json", "as_json", is_flag=True, help="All trials, and how many draws broke a constraint, as JSON.")
def command(experiment: Path, number: int, detail: bool, as_json: bool) -> None:
    """Show the leaderboard of the experiment folder EXPERIMENT, finished or running."""
    from raypose.reporting.records import load_records

    records, infeasible = load_records(experiment)
    if as_json:
        found = {"trials": [asdict(record) for record in records], "infeasible": asdict(infeasible)}
        click.echo(json.dumps(found, indent=1))
        return
    from rich.console import Console

    from raypose.config import Tune, read
    from raypose.reporting.leaderboard import leaderboard
    from raypose.space import Space, defaults

    console = Console()
    tune = read(Tune, Space.load(experiment / "space.yaml", expand=False).sample(defaults).get("tune"))
    shown = records[:number] if number else records
    console.print(
        leaderboard(shown, tune.goals[0].metric, title=f"{experiment.resolve().name}: {len(records)} trials")
    )
    if infeasible:
        console.print(f"\n{infeasible}", highlight=False, markup=False)
    for record in records if detail else []:
        if record.detail:
            console.print(f"\ntrial {record.number} ({record.reason}):\n{record.detail}", highlight=False, markup=False)
