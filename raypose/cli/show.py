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
    from raypose import journal
    from raypose.files import to_json
    from raypose.reporting.asides import asides
    from raypose.reporting.epochs import goals as searched
    from raypose.reporting.infeasible import Infeasible
    from raypose.reporting.outcomes import unmet
    from raypose.reporting.pareto import front, front_table
    from raypose.reporting.records import standings
    from raypose.reporting.roles import TRIAL
    from raypose.reporting.sameness import Sameness

    study = journal.load_study(experiment)
    trials, goals = study.get_trials(deepcopy=False), searched(study)
    records, infeasible = standings(study), Infeasible.count(trials)
    leading, sameness = front(records, goals), Sameness.read(experiment)
    beside = [*asides(trials, goals), *filter(None, [unmet(records)])]
    if as_json:
        found: dict[str, Any] = {"trials": [asdict(record) for record in records]}
        found |= {"front": [each.number for each in leading], "infeasible": asdict(infeasible)}
        found |= {"asides": beside, "sameness": asdict(sameness)}
        click.echo(to_json(found))
        return
    from rich.console import Console

    from raypose.reporting.leaderboard import leaderboard
    from raypose.reporting.words import counted

    console = Console()
    if leading:
        console.print(front_table(leading, goals), "")
    trained = [record for record in records if record.role == TRIAL]
    shown, metrics = trained[:number] if number else trained, [goal.metric for goal in goals]
    console.print(leaderboard(shown, metrics, title=f"{experiment.resolve().name}: {counted(len(trained), 'trial')}"))
    if infeasible:
        console.out(f"\n{infeasible}", highlight=False)
    for line in beside:
        console.out(f"\n{line}", highlight=False)
    if told := sameness.lines() if detail else list(filter(None, [str(sameness)])):
        console.out("\n" + "\n".join(told), highlight=False)
    for record in records if detail else []:
        if record.detail:
            text = f"\ntrial {record.number} ({record.reason}):\n{record.detail}"
            console.out(text, highlight=False)
