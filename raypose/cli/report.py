from __future__ import annotations

from pathlib import Path

import click


@click.command("report")
@click.argument("experiment", type=click.Path(path_type=Path))
@click.option(
    "--to", "target", type=click.Path(path_type=Path), help="The file to write (default: EXPERIMENT/report.html)."
)
@click.option("--png", type=click.Path(path_type=Path, file_okay=False), help="A folder for a PNG of each figure, too.")
@click.option("--json", "as_json", is_flag=True, help="What was written, as JSON.")
@click.option("--open", "show", is_flag=True, help="Open the report in a browser.")
def command(experiment: Path, target: Path | None, png: Path | None, as_json: bool, show: bool) -> None:
    """Write a report of the experiment folder EXPERIMENT, finished or running: one HTML file that needs no network."""
    from raypose.cli._next import quoted
    from raypose.files import to_json
    from raypose.reporting.experiment import load_experiment
    from raypose.reporting.report import write_report

    written, *pictures = write_report(load_experiment(experiment), target, png)
    if show:
        click.launch(str(written))
    if as_json:
        told = {"file": str(written), "bytes": written.stat().st_size, "pictures": [str(each) for each in pictures]}
        click.echo(to_json(told))
        return
    click.echo(f"wrote {written} ({written.stat().st_size / 1e6:.1f} MB)")
    if pictures:
        click.echo(f"wrote {len(pictures)} pictures to {png}")
    click.echo(f"next: open {written} in a browser; raypose best {quoted(experiment)}")
