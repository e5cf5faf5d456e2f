"""Trials that break in a scripted way: run as a module, a whole search over them in a process of its own."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from raypose.space import Space

SPACE = """
name: faulty
kind: {{choice: {kinds}}}
x: {{uniform: [0.5, 1]}}
training: {{epochs: 4}}
tune: {{metric: score, num_trials: {trials}, scheduler: null, max_concurrent: {at_a_time}, stall_timeout: {stall},
        resources: {{cpu: 1}}, sampler: {sampler}}}
"""


def space(kinds: list[str], trials: int | None = None, stall: int = 40, at_a_time: int = 3) -> Space:
    """Each kind once, in some order; more trials than kinds: at random."""
    grid = {"kind": [json.dumps(kind) for kind in kinds], "x": [0.75]}
    sampler = {"type": "GridSampler", "search_space": grid} if trials is None else {"type": "RandomSampler"}
    text = SPACE.format(
        kinds=json.dumps(kinds),
        trials=trials or len(kinds),
        stall=stall,
        at_a_time=at_a_time,
        sampler=json.dumps(sampler),
    )
    return Space.parse(text)


def make_trial(pause: float = 0.0):
    # Nested, so that it travels to the workers by value.
    def trial(config, run):
        import os
        import signal
        import time

        from raypose.training import checkpoints

        kind = config["kind"]
        start = 1 if run.checkpoint is None else checkpoints.load(run.checkpoint) + 1
        for epoch in range(start, 5):
            with open(run.dir / "starts.txt", "a") as file:
                file.write(f"{epoch}\n")
            once = run.dir / "broken"
            first = epoch == 3 and not once.exists()
            if first:
                once.touch()
            if kind == "raises at first" or (epoch == 3 and kind == "raises"):
                raise ValueError("out of luck")
            if epoch == 3 and kind == "memory":
                raise MemoryError("too large")
            if epoch == 3 and kind == "hangs":
                while True:
                    pass
            if kind == "hangs at first" or (epoch == 3 and kind == "sleeps"):
                time.sleep(1e6)
            if (first and kind == "exits") or (epoch == 3 and kind == "exits always"):
                os._exit(1)
            if first and kind == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            if first and kind == "long":
                time.sleep(60)
            if first and kind in ("damaged", "damaged twice"):
                for path in sorted((run.dir / "checkpoints").iterdir())[-1 if kind == "damaged" else 0 :]:
                    path.write_bytes(path.read_bytes()[:-40] + bytes(40))
                os._exit(1)
            if epoch == 3 and kind == "eats":
                blocks = []
                while len(blocks) < 60:  # 6 GB; what ends it ends it long before
                    blocks.append(bytearray(b"x") * (100 * 2**20))
                    time.sleep(0.1)
            time.sleep(pause)
            score = float("nan") if epoch == 3 and kind == "nan" else config["x"] * epoch
            run.report(epoch, {"score": score})
            checkpoints.save_epoch(epoch, run.dir / "checkpoints", epoch)

    return trial


def main(folder: str, address: str, options: str) -> int:
    """Search and return an exit status, as `raypose tune` does. `options`: JSON for `space`, or the `file` of a space of
    trainings; `resume`, `pause`, and the `cpus` of a cluster of its own."""
    import ray

    from raypose.errors import RayPoseError
    from raypose.tuning.search import tune

    given = json.loads(options)
    pause, resume, cpus, file = (given.pop(name, None) for name in ("pause", "resume", "cpus", "file"))
    what = {"space": file} if file else {"space": space(**given), "trial": make_trial(pause or 0.0)}
    if cpus:
        ray.init("local", num_cpus=cpus, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    try:
        result = tune(**what, experiments=Path(folder), resume=bool(resume), address=address, quiet=True)
    except RayPoseError as error:
        print(error, flush=True)
        return error.exit_status
    return 128 + result.interrupted if result.interrupted else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
