from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

import click


@click.command("evaluate")
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--on", "part", type=click.Choice(["val", "test", "train"]), default="val", show_default=True,
              help="Which of the configuration's datasets.")  # fmt: skip
@click.option("--ann-file", type=click.Path(path_type=Path), help="Another COCO keypoints file, instead of --on.")
@click.option("--img-prefix", type=click.Path(path_type=Path), help="The folder of that file's images.")
@click.option("--predictions", type=click.Path(path_type=Path), help="Write the predictions there, as COCO results.")
@click.option("--device", help="cpu or cuda (default: cuda where there is one).")
@click.option("--metrics", "which", type=click.Choice(["all", "configured"]), default="all", show_default=True,
              help="Those of the model's configuration, and all others that can measure the dataset, or the former alone.",
              )  # fmt: skip
@click.option("--per-keypoint", is_flag=True, help="The metrics of each keypoint, too.")
@click.option("--json", "as_json", is_flag=True, help="The metrics as JSON.")
def command(
    model: Path,
    part: Literal["train", "val", "test"],
    ann_file: Path | None,
    img_prefix: Path | None,
    predictions: Path | None,
    device: str | None,
    which: Literal["all", "configured"],
    per_keypoint: bool,
    as_json: bool,
) -> None:
    """Evaluate the model folder MODEL on a dataset."""
    from raypose.cli import _device
    from raypose.cli._next import quoted
    from raypose.errors import RayPoseError
    from raypose.evaluation import evaluate
    from raypose.files import to_json, write_json

    if (ann_file is None) != (img_prefix is None):
        raise RayPoseError("--ann-file and --img-prefix go together", rule="missing-option")
    data = None
    if ann_file is not None:
        data = {"type": "CocoKeypoints", "ann_file": str(ann_file), "img_prefix": str(img_prefix)}
    found = evaluate(model, part, data, _device.device(device), per_keypoint=per_keypoint, every=which == "all")
    if predictions is not None:
        write_json(predictions, found.predictions)
    if as_json:
        click.echo(to_json(found.metrics | ({"per_keypoint": found.per_keypoint} if per_keypoint else {})))
        return
    width = max(map(len, found.metrics))
    for name, value in found.metrics.items():
        click.echo(f"{name:{width}} {value:.4g}")
    for line in _table(found.per_keypoint):
        click.echo(line)
    click.echo(f"\nnext: raypose predict {quoted(model)} IMAGE ...; raypose export {quoted(model)}")


def _table(columns: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    """A line for each keypoint, with a column for each metric."""
    names = list(next(iter(columns.values()), ()))
    width = max((len(name) for name in names), default=0)
    if names:
        yield ""
        yield " ".join([" " * width, *(f"{metric:>8}" for metric in columns)])
    for name in names:
        cells = (f"{values[name]:{max(8, len(metric))}.4g}" for metric, values in columns.items())
        yield " ".join([f"{name:{width}}", *cells])
