"""What a model card says from a configuration and a trial's meta.json, section by section, in Markdown."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from raypose.config import Data, Training, read
from raypose.space import dump

SHOWN = ("model", "optimizer", "training")  # sections of the configuration


def use(name: str) -> Iterable[str]:
    called = shlex.quote(name)
    commands = {
        f"raypose predict {called} IMAGE ...": "keypoints of images of yours",
        f"raypose evaluate {called}": "all its metrics",
        f"raypose export {called}": "the model as ONNX",
        f"raypose train {called}": "the same training again",
    }
    width = max(map(len, commands))
    yield from _code("sh", "\n".join(f"{command:{width}}  # {why}" for command, why in commands.items()))
    yield ""
    python = f'import raypose\nmodel = raypose.load("{name}")\nkeypoints, scores = model.predict("image.jpg")'
    yield from _code("python", python)


def crops(config: Mapping[str, Any]) -> Iterable[str]:
    if not config.get("data"):
        return
    data = read(Data, config["data"])
    width, height = data.input_size
    yield f"RGB crops of {width} x {height} pixels (width x height) around each box, made {data.padding:g} times larger, "
    yield "normalised as for ImageNet; `raypose predict` and `raypose.load` do that."
    if read(Training, config.get("training")).flip_test:
        yield "Its metrics are those of the mean of each crop's prediction and that of its mirror image (`flip_test`)."


def data(config: Mapping[str, Any]) -> Iterable[str]:
    known = config.get("data") or {}
    parts = {key: known[key] for key in ("train", "val", "test") if known.get(key)}
    return _code("yaml", dump(parts)) if parts else []


def versions(meta: Mapping[str, Any]) -> Iterable[str]:
    versions = {"python": meta.get("python"), **(meta.get("versions") or {}), "commit": meta.get("git")}
    yield ", ".join(f"{name} {version}" for name, version in versions.items() if version) or "unknown"
    if parameters := (meta.get("fingerprint") or {}).get("parameters"):
        yield f"\n{parameters:,} parameters; seed {meta.get('seed')}; trained in {meta.get('precision', 'fp32')}."


def licence(config: Mapping[str, Any]) -> Iterable[str]:
    weights = sorted({*map(str, _pretrained(config.get("model")))})
    also = f", and those of the pretrained weights that it began with ({', '.join(weights)})" if weights else ""
    yield f"The terms of the data that it was trained on hold{also}: look at them before you pass it on."


def _pretrained(node: Any) -> Iterable[Any]:
    """What stands under `pretrained` anywhere in a configuration."""
    entries = node.items() if isinstance(node, Mapping) else enumerate(node) if isinstance(node, list) else ()
    for key, value in entries:
        if key == "pretrained" and value:
            yield value
        yield from _pretrained(value)


def configuration(config: Mapping[str, Any]) -> Iterable[str]:
    return _code("yaml", dump({key: config[key] for key in SHOWN if key in config}))


def _code(language: str, text: str) -> list[str]:
    return [f"```{language}", text.rstrip(), "```"]
