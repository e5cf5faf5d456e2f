"""Tables of what the configurations of a space cost."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from rich.table import Table

from raypose.models.cost import Cost
from raypose.proof.prices import Price

ABSENT = "-"
COSTS: dict[str, Callable[[Cost], float]] = {
    "M parameters": lambda cost: cost.params / 1e6,
    "GFLOPs": lambda cost: cost.flops / 1e9,
    "GB in training": lambda cost: (cost.memory or 0) / 1e9,
}


def units(batch_sizes: Sequence[int]) -> dict[str, Callable[[Price], float]]:
    """The columns of a cost, in their units."""
    columns: dict[str, Callable[[Price], float]] = {
        "M parameters": lambda price: price.params / 1e6,
        "GFLOPs": lambda price: price.flops / 1e9,
    }
    for size in batch_sizes:
        columns[f"GB at batch {size}"] = lambda price, size=size: price.memory[size] / 1e9  # type: ignore[misc]
    return columns


def summary(prices: Sequence[Price]) -> Table:
    """The least, the median and the most of all combinations."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("")
    for name in ("least", "median", "most"):
        table.add_column(name, justify="right")
    for name, value in units(list(prices[0].memory)).items():
        values = [value(price) for price in prices]
        table.add_row(name, *(number(each) for each in (min(values), statistics.median(values), max(values))))
    return table


def whole(prices: Sequence[Price]) -> Table:
    """A row for each combination: the options that it takes, where there are others, and the cost."""
    columns = units(list(prices[0].memory))
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("combination", overflow="fold")
    for name in columns:
        table.add_column(name, justify="right", overflow="fold")
    names = differing([price.row for price in prices])
    for price in prices:
        words = [in_words(name, price.row[name]) for name in names if name in price.row]
        table.add_row(", ".join(words), *(number(value(price)) for value in columns.values()))
    return table


def in_words(name: str, value: Any) -> str:
    """A component's name alone; any other value with the name of its dimension."""
    is_name = isinstance(value, str) and value[:1].isalpha() and value not in ("true", "false", "null")
    return value if is_name else f"{name.rpartition('.')[2]} {shown(value)}"


def side_by_side(names: Iterable[str], rows: Sequence[Mapping[str, Any]], costs: Sequence[Cost]) -> Table:
    """A column for each sampled configuration: its values of the dimensions `names`, and its cost."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("", no_wrap=True)
    for number_ in range(1, len(rows) + 1):
        table.add_column(str(number_), justify="right", overflow="fold")
    for name in names:
        if any(name in row for row in rows):
            table.add_row(name, *(shown(row.get(name)) for row in rows))
    for name, value in COSTS.items():
        table.add_row(f"[bold]{name}", *(number(value(cost)) for cost in costs))
    return table


def differing(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The dimensions that rows differ in, in their order."""
    names = dict.fromkeys(name for row in rows for name in row)
    return [name for name in names if len({row.get(name) for row in rows}) > 1]


def shown(value: Any) -> str:
    """A dimension's value; of a label that is a JSON string, the string."""
    if value is None:
        return ABSENT
    return f"{value:.4g}" if isinstance(value, float) else str(value).strip('"')


def number(value: float) -> str:
    """Three digits."""
    return f"{value:.3g}" if value < 1000 else f"{value:,.0f}"
