"""How deep each parameter of a backbone lies, for learning rates that decay with it."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn

Units = Iterable[tuple[str, nn.Module]]
NORMS = (nn.modules.batchnorm._BatchNorm, nn.LayerNorm, nn.GroupNorm)


def unit_depths(stages: Iterable[Units], stage_wise: bool) -> dict[str, int]:
    """The depth of each parameter, by its name: 0 in the first stage, the stem, and more towards the output.

    Args:
        stages: the units of each stage in the order in which they run, with their names: blocks, or bare layers, of
            which a normalisation belongs to the one before it.
        stage_wise: the depth is the number of the stage, not that of the unit; stages without parameters don't count.

    Example:
        >>> unit_depths([[("stem", nn.Conv2d(3, 8, 3, bias=False))], [("block", nn.Linear(8, 8, bias=False))]], False)
        {'stem.weight': 0, 'block.weight': 1}
    """
    depths: dict[str, int] = {}
    stage_depth = unit_depth = 0
    for stage in stages:
        units = [(name, unit) for name, unit in stage if next(unit.parameters(), None) is not None]
        stage_depth += bool(units and depths)
        for name, unit in units:
            unit_depth += bool(stage_depth and not isinstance(unit, NORMS))
            depth = stage_depth if stage_wise else unit_depth
            depths |= {f"{name}.{parameter}": depth for parameter, _ in unit.named_parameters()}
    return depths
