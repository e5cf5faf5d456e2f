"""Tables of what the configurations of a space cost. To be printed without markup: labels may have brackets."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from raypose.models.cost import Cost
from raypose.proof.prices import Price

ABSENT = "-"
UNBUILT = "can't be built"
GAP = 2  # between columns
COSTS: dict[str, Callable[[Cost], float]] = {
    "M parameters": lambda cost: cost.params / 1e6,
    "GFLOPs": lambda cost: cost.flops / 1e9,
    "GB in training": lambda cost: (cost.memory or 0) / 1e9,
}


class Unit(NamedTuple):
    """What a cost is called, in a narrow table too, and its value."""

    name: str
    short: str
    value: Callable[[Price], float]


def units(batch_sizes: Iterable[int]) -> list[Unit]:
    """The costs that a combination has."""
    return [
        Unit("M parameters", "params, M", lambda price: price.params / 1e6),
        Unit("GFLOPs", "GFLOPs", lambda price: price.flops / 1e9),
        *(Unit(f"GB at batch {size}", f"GB at {size}", _memory(size)) for size in batch_sizes),
    ]


def _memory(size: int) -> Callable[[Price], float]:
    return lambda price: price.memory[size] / 1e9


def summary(prices: Sequence[Price], corner: str = "") -> Table:
    """The least, the median and the most of all combinations; of a single one, its costs."""
    several: dict[str, Callable[[list[float]], float]] = {"least": min, "median": statistics.median, "most": max}
    names = several if len(prices) > 1 else {"": min}
    table = _table(show_header=len(prices) > 1)
    table.add_column(corner)
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    for unit in units(prices[0].memory):
        values = [unit.value(price) for price in prices]
        table.add_row(unit.name, *(number(of(values)) for of in names.values()))
    return table


def whole(prices: Sequence[Price], names: Iterable[str]) -> Table:
    """A row for each combination: what it costs, and its values of those dimensions `names` that rows differ in."""
    columns = units(prices[0].memory)
    shown_names = differing(names, [price.row for price in prices])
    table = _table()
    for unit in columns:
        table.add_column(unit.short, justify="right", no_wrap=True)
    if shown_names:
        table.add_column("combination", overflow="fold")
    for price in prices:
        words = ", ".join(in_words(name, price.row[name]) for name in shown_names if name in price.row)
        table.add_row(*(number(unit.value(price)) for unit in columns), *([words] if shown_names else []))
    return table


def in_words(name: str, value: Any) -> str:
    """A component's name alone; any other value with the name of its dimension."""
    is_name = isinstance(value, str) and value[:1].isalpha() and value not in ("true", "false", "null")
    return value if is_name else f"{name.rpartition('.')[2]} {shown(value)}"


def side_by_side(
    names: Iterable[str], rows: Sequence[Mapping[str, Any]], costs: Sequence[Cost | None], width: int
) -> Iterator[Table]:
    """A column for each sampled configuration: its values of the dimensions `names`, and its cost, None where it can't be
    built. As many tables as it takes for each to be at most `width` wide, where one column fits at all."""
    heads = [name for name in names if any(name in row for row in rows)]
    columns = [
        [str(i), *(shown(row.get(name)) for name in heads), *_costs(cost)]
        for i, (row, cost) in enumerate(zip(rows, costs, strict=True), 1)
    ]
    titles = [Text(""), *map(Text, heads), *(Text(name, "bold") for name in COSTS)]
    for block in _blocks(columns, width - max(title.cell_len for title in titles)):
        table = _table()
        table.add_column(titles[0], no_wrap=True)
        for column in block:
            table.add_column(column[0], justify="right", overflow="fold")
        for title, *cells in zip(titles[1:], *(column[1:] for column in block), strict=True):
            table.add_row(title, *cells)
        yield table


def _costs(cost: Cost | None) -> list[str]:
    if cost is None:
        return [UNBUILT, *[ABSENT] * (len(COSTS) - 1)]
    return [number(value(cost)) for value in COSTS.values()]


def _blocks(columns: Iterable[list[str]], width: int) -> list[list[list[str]]]:
    """Neighbouring columns that fit into `width` together, one at least."""
    blocks: list[list[list[str]]] = []
    left = 0
    for column in columns:
        needed = GAP + max(map(cell_len, column))
        if not blocks or needed > left:
            blocks.append([])
            left = width
        blocks[-1].append(column)
        left -= needed
    return blocks


def _table(show_header: bool = True) -> Table:
    return Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold", show_header=show_header)


def differing(names: Iterable[str], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Those of the dimensions `names` that have several values in the rows."""
    return [name for name in names if len({row[name] for row in rows if name in row}) > 1]


def shown(value: Any) -> str:
    """A dimension's value; of a label that is a JSON string, the string."""
    if value is None:
        return ABSENT
    return f"{value:.4g}" if isinstance(value, float) else str(value).strip('"')


def number(value: float) -> str:
    """Three digits."""
    return f"{value:.3g}" if value < 1000 else f"{value:,.0f}"
