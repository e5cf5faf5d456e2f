from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click


@click.command("export")
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--to", "target", type=click.Path(path_type=Path), help="The file (default: model.onnx in MODEL).")
@click.option("--decode/--no-decode", default=True, show_default=True,
              help="Whether keypoints come out, else what the head gives, heatmaps for example.")  # fmt: skip
@click.option(
    "--opset", type=click.IntRange(min=1), help="Version of ONNX's operators (default: what torch recommends)."
)
@click.option(
    "--images",
    type=click.Path(path_type=Path, exists=True),
    help="An image, or a folder, to check with (default: samples that the training kept, else its validation data).",
)
@click.option("--check/--no-check", default=True, show_default=True,
              help="Whether onnxruntime must find PyTorch's keypoints, to 0.1 pixels.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="What was written, as JSON.")
def command(
    model: Path, target: Path | None, decode: bool, opset: int | None, images: Path | None, check: bool, as_json: bool
) -> None:
    """Write the model folder MODEL as ONNX, for batches of any size, and how its input is made in a JSON file beside it.

    Both are checked with onnxruntime on real images before they are there. Needs `pip install 'raypose[export]'`.
    """
    from raypose.exporting import export
    from raypose.files import to_json

    found = export(model, target, decode=decode, opset=opset, check=check, images=images)
    size = found.file.stat().st_size
    if as_json:
        told = {"file": str(found.file), "description": str(found.file.with_suffix(".json")), "bytes": size}
        click.echo(to_json({**told, **{key: found.description[key] for key in ("opset", "input", "outputs", "check")}}))
        return
    for line in (*_told(found, size), *_next(found)):
        click.echo(line)


def _told(found: Any, size: int) -> Iterator[str]:
    told = found.description
    yield f"wrote {found.file}: {size / 1e6:.1f} MB, ONNX opset {told['opset']}, fp32"
    yield f"wrote {found.file.with_suffix('.json')}: how its input is made of an image, and its output is read"
    for what, each in (("input", told["input"]), *(("output", each) for each in told["outputs"])):
        yield f"{what}: {each['name']} {each['type']} [{', '.join(map(str, each['shape']))}]"
    yield from _checked(told["check"])
    if told["flip_test"]["in_training"]:
        yield "keypoints are those of one pass: its training's flip test is not in it"


def _checked(check: Any) -> Iterator[str]:
    if check is None:
        yield "not checked (--no-check)"
        return
    from raypose.reporting.words import counted

    far, sizes = check["largest_difference"]["keypoints"], " and ".join(map(str, check["batch_sizes"]))
    yield f"checked: keypoints differ from PyTorch's by {far:.2g} pixels at most (limit {check['limit']:g})"
    yield f"checked on: {counted(check['images'], 'image')} of {check['source']}, in batches of {sizes}"
    if check["undecided"]:
        yield f"left out: {counted(check['undecided'], 'keypoint')} that PyTorch itself moves by a rounding error"


def _next(found: Any) -> Iterator[str]:
    entry, names = found.description["input"], ", ".join(each["name"] for each in found.description["outputs"])
    shape = ", ".join(map(str, entry["shape"][1:]))
    unpacked = names if len(found.description["outputs"]) > 1 else f"{names},"
    yield "next: in Python, with zeros for a crop (docs/export.md makes it of an image):"
    yield "  import numpy, onnxruntime"
    yield f"  session = onnxruntime.InferenceSession({str(found.file)!r})"
    yield f'  crop = numpy.zeros((1, {shape}), "float32")'
    yield f'  {unpacked} = session.run(None, {{"{entry["name"]}": crop}})'
