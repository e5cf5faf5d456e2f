"""The structural check: every combination of the choices that change the model, the optimizer and its schedule."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from raypose.config import Training, read
from raypose.errors import Problem
from raypose.proof.batches import batch_sizes
from raypose.proof.costs import Build, Costs
from raypose.proof.custom_keys import CustomKeys
from raypose.proof.model import prove_model, without_codec_and_loss
from raypose.proof.optimizer import prove_optimizer, prove_schedule
from raypose.proof.places import Row, with_facts
from raypose.proof.pretrained import prove_pretrained
from raypose.proof.training import prove_training
from raypose.proof.verdicts import Verdicts
from raypose.proof.workshop import Failed, Workshop
from raypose.space import Space
from raypose.space.combining import combinations
from raypose.space.offending import with_values
from raypose.space.space import in_order
from raypose.space.suggest import from_partial

MODEL = [("model",), ("data", "input_size")]
OPTIMIZER = [("optimizer",), ("training", "lr_schedule"), ("training", "epochs")]
# The order in which a model comes about.
STAGES = ("train", "val", "codec", "backbone", "neck", "head", "posenet", "step", "training")
OTHERS = ("backbone", "neck", "head")
LIMIT = 512
ROUNDS, ELSEWHERE = 3, 4  # how often suspects are tried again, each with how many other rows


@dataclass(frozen=True)
class Proof:
    """What was found: problems; the combinations whose models can be built; whether these are all combinations of their
    choices; the components that ran on the CPU, since their code can't run on `meta`."""

    problems: list[Problem]
    rows: Sequence[Row]
    complete: bool
    on_cpu: list[str]
    costs: Costs


def prove(space: Space, limit: int = LIMIT) -> Proof:
    """Try all combinations of options if there are at most `limit`, else every option and every pair of options.

    Each component is built once, without memory for its weights, and each join of components is tried once. The space
    must have passed `raypose.check.check`, and its plugins must be loaded.

    Example:
        >>> for problem in prove(Space.load("search.yaml")).problems:
        ...     print(problem)
    """
    proving = _Proving(space)
    models = combinations(space, MODEL, limit)
    rows = [row for row in models.rows if proving.model(row) is not None]
    for row in combinations(space, [*MODEL, *OPTIMIZER], limit).rows:
        proving.optimizer(row)
    if not models.complete:
        proving.confirm(models.rows)
    problems = in_order([*proving.verdicts.problems(), *proving.custom_keys.problems()])
    return Proof(with_values(problems, space.tree), rows, models.complete, sorted(proving.shop.on_cpu), proving.costs)


class _Proving:
    def __init__(self, space: Space) -> None:
        self.space, self.shop = space, Workshop()
        self.verdicts, self.custom_keys, self.costs = Verdicts(space), CustomKeys(space), Costs(self.shop)
        self.batch_size = min(2, *batch_sizes(space))

    def model(self, row: Row) -> Build | None:
        """What a row's model is built of; None where a stage failed."""
        config = self.space.sample(from_partial(row))
        try:
            prove_pretrained(self.shop, config["model"])
            self.verdicts.add("pretrained", row)
        except Failed as failed:
            self.verdicts.add("pretrained", row, failed.problems)
        try:
            build = self.costs.build(config)
            prove_model(self.shop, config["model"], build.parts, build.setting)
            prove_training(self.costs, build, self.batch_size)
        except Failed as failed:
            self._note(row, STAGES, failed)
            if failed.stage == "codec":
                self._without_codec(row, config)
            return None
        self._note(row, STAGES)
        return build

    def confirm(self, rows: Sequence[Row]) -> None:
        """Try what seems to be to blame with other options elsewhere: of few rows several explanations may hold."""
        for _ in range(ROUNDS):
            for guilty, _ in list(self.verdicts.suspects()):
                for row in random.Random(0).sample(list(rows), min(ELSEWHERE, len(rows))):
                    self.model(with_facts(self.space, row, guilty))

    def _note(self, row: Row, stages: Sequence[str], failed: Failed | None = None) -> None:
        for stage in stages:
            if failed is not None and stage == failed.stage:
                return self.verdicts.add(stage, row, failed.problems)
            self.verdicts.add(stage, row)
        return None

    def _without_codec(self, row: Row, config: dict[str, Any]) -> None:
        """The other parts, with the codec and loss that suit the head."""
        failed = None
        try:
            self.costs.build({**config, "model": without_codec_and_loss(config["model"])})
        except Failed as error:
            failed = error
        if failed is None or failed.stage in OTHERS:
            self._note(row, OTHERS, failed)

    def optimizer(self, row: Row) -> None:
        """An optimizer for the row's model, and a schedule for the optimizer."""
        build = self.model(row)
        if build is None:
            return
        config = self.space.sample(from_partial(row))
        cfg, training = config["optimizer"], read(Training, config.get("training"))
        parts = build.parts
        names = (id(parts.backbone), id(parts.neck), id(parts.keypoint_head), type(build.model).__name__)
        try:
            unmatched = prove_optimizer(self.shop, cfg, build.model, names)
            self.verdicts.add("optimizer", row)
            self.custom_keys.add(row, cfg, unmatched)
            prove_schedule(self.shop, cfg, training, build.model)
            self.verdicts.add("schedule", row)
        except Failed as failed:
            self.verdicts.add(failed.stage, row, failed.problems)
