"""How fast a GPU trains ResNet-50 and HRNet-W32 at 256x192: `python benchmarks/gpu.py`.

Everything is on (the store of crops, augmentation of whole batches on the GPU, autocast, channels-last, fused AdamW), beside
the same step on one batch that stays on the GPU, in turns. The format is the one that a few steps measure as the fastest, or
`--precision`. Needs torch, torchvision, timm, OpenCV, PyYAML and pydantic, not Ray. Instances are COCO's people of
`coco-mini` in `RAYPOSE_DATA`, where that is, else drawn ones.

Without a GPU it says so, and only sees that it runs, on the CPU and with small sizes, as does `--smoke`.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import os
import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from typing import Any
from unittest import mock

import torch
from speed.measuring import in_turns, machine
from speed.people import batches, people
from speed.training import MODEL, Training

MODELS: dict[str, dict[str, Any]] = {
    "ResNet-50": {**MODEL, "backbone": {"type": "ResNet", "depth": 50}},
    "HRNet-W32": {**MODEL, "backbone": {"type": "HRNet", "arch": "w32"}},
}
HEADER = (
    "| model | format | everything on, samples/s | one batch, samples/s | ratio | GPU busy | peak memory |\n"
    "| --- | --- | --- | --- | --- | --- | --- |"
)


@contextlib.contextmanager
def watched(percents: list[int]) -> Iterator[None]:
    """Meanwhile the GPU's utilisation, five times a second, where there is nvidia-smi."""
    gpu = f"--id=GPU-{torch.cuda.get_device_properties(0).uuid}"
    command = ["nvidia-smi", gpu, "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", "--loop-ms=200"]
    try:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    except OSError:
        yield
        return
    try:
        yield
    finally:
        process.terminate()
        percents += [int(line) for line in process.communicate()[0].split() if line.isdigit()]


def row(name: str, model: dict[str, Any], args: argparse.Namespace) -> str:
    """Of the table."""
    source = batches(people(args.instances), args.batch_size, threads=args.threads, device=args.device)
    training = Training(model, source, args.precision, args.device)
    on_gpu, busy = args.device != "cpu", []
    if on_gpu:
        torch.cuda.reset_peak_memory_stats()  # of the steps that told the format
    blocks = {"whole": lambda: training.whole(args.steps), "fixed": lambda: training.fixed(args.steps)}
    took = in_turns(blocks, args.rounds)
    whole_rate, fixed_rate = (args.steps * args.batch_size / took[block] for block in ("whole", "fixed"))
    memory = f"{torch.cuda.max_memory_allocated() / 2**30:.1f} GiB" if on_gpu else ""
    if on_gpu:
        with watched(busy):  # by itself: a block is over before nvidia-smi has looked twice
            training.whole(args.steps * args.rounds)
    utilisation = f"{statistics.median(busy):.0f} %" if busy else ""
    rates = f"{whole_rate:,.0f} | {fixed_rate:,.0f} | {whole_rate / fixed_rate:.2f}"
    return f"| {name} | {training.precision} | {rates} | {utilisation} | {memory} |"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=MODELS, default=list(MODELS), metavar="MODEL")
    parser.add_argument("--precision", choices=["auto", "fp32", "bf16", "fp16"], default="auto")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--steps", type=int, default=40, help="in a block")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--instances", type=int, default=2048)
    parser.add_argument("--smoke", action="store_true", help="see that it runs, on the CPU; the figures say nothing")
    args = parser.parse_args(arguments)
    args.device = "cpu" if args.smoke or not torch.cuda.is_available() else "cuda"
    models = {name: MODELS[name] for name in args.only}
    if args.device == "cpu":
        print("no GPU is used: this only sees that it runs, the figures say nothing")
        models = {"ResNet-18": MODEL}
        args.batch_size, args.instances, args.steps, args.rounds, args.precision = 2, 4, 1, 1, "fp32"

    print(f"{datetime.date.today()}, {machine()}; batches of {args.batch_size}\n\n{HEADER}", flush=True)
    with tempfile.TemporaryDirectory() as cache, mock.patch.dict(os.environ, RAYPOSE_CACHE=cache):
        for name, model in models.items():
            if args.device != "cpu":
                torch.cuda.empty_cache()
            print(row(name, model, args), flush=True)


if __name__ == "__main__":
    main()
