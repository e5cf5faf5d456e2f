"""The bytes of tensors that come and go while something runs, as lines in the batch size."""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from raypose.models.footprint_kernels import scratch


class Line(NamedTuple):
    """Bytes of a batch of N images: N * `per_image` + `fixed`."""

    per_image: int = 0
    fixed: int = 0

    def at(self, batch_size: int) -> int:
        return batch_size * self.per_image + self.fixed


class Live(TorchDispatchMode):
    """Follows the storages that operations make until they are freed, on whatever device, `meta` included.

    A storage counts once, however many tensors are views of it. What a batch of `batch_size` has of it per image is told
    by divisibility, which is why `batch_size` is a prime that layers don't have.

    Args:
        own: tensors that are there anyway, and don't count.
    """

    def __init__(self, batch_size: int, own: Iterable[Tensor] = ()) -> None:
        super().__init__()
        self.batch_size = batch_size
        self.per_image = self.fixed = 0
        self.highs: set[Line] = set()
        self._own = [tensor.untyped_storage() for tensor in own]
        self._known: dict[int, Any] = {storage._cdata: None for storage in self._own}

    @property
    def now(self) -> Line:
        return Line(self.per_image, self.fixed)

    def highest(self) -> tuple[Line, ...]:
        """What was live at the worst moments since the last call: for every batch size, one of them is the worst."""
        highs, self.highs = {*self.highs, self.now}, set()
        return upper_hull(highs)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        grown = False
        for each in (result,) if isinstance(result, Tensor) else tree_leaves(result):
            grown |= isinstance(each, Tensor) and self._add(each.untyped_storage())
        if grown:
            self.highs.add(Line(self.per_image, self.fixed + scratch(func, args)))
        return result

    def _add(self, storage: torch.UntypedStorage) -> bool:
        key, size = storage._cdata, storage.nbytes()
        if key in self._known or size == 0:
            return False
        per_image, rest = divmod(size, self.batch_size)
        change = (0, size) if rest else (per_image, 0)
        self.per_image, self.fixed = self.per_image + change[0], self.fixed + change[1]

        def freed(_: Any) -> None:
            del self._known[key]
            self.per_image, self.fixed = self.per_image - change[0], self.fixed - change[1]

        self._known[key] = weakref.ref(storage, freed)
        return True


def upper_hull(lines: Iterable[Line]) -> tuple[Line, ...]:
    """Those lines that are the highest at some batch size.

    Example:
        >>> upper_hull([Line(1, 0), Line(0, 5), Line(0, 4)])
        (Line(per_image=0, fixed=5), Line(per_image=1, fixed=0))
    """
    hull: list[Line] = []
    for line in sorted(lines):
        while hull and (hull[-1].fixed <= line.fixed or (len(hull) > 1 and _hidden(hull[-2], hull[-1], line))):
            hull.pop()
        hull.append(line)
    return tuple(hull)


def _hidden(low: Line, middle: Line, high: Line) -> bool:
    """Whether `middle` is nowhere above both lines, which are less and more steep."""
    return (low.fixed - high.fixed) * (middle.per_image - low.per_image) <= (low.fixed - middle.fixed) * (
        high.per_image - low.per_image
    )


class FusedAttention(TorchFunctionMode):
    """Attention on `meta` in one operation, as torch does it on CPUs and GPUs; otherwise it keeps the L x L weights."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        fused = _fused(*args, **kwargs) if func is scaled_dot_product_attention else None
        return func(*args, **kwargs) if fused is None else fused


def _fused(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor | None:
    """None where the fused operation can't do it, or there are values."""
    mask_fits = attn_mask is None or (attn_mask.is_floating_point() and not attn_mask.requires_grad)
    same = query.ndim == 4 and query.shape[-1] == key.shape[-1] == value.shape[-1]
    if not (query.is_meta and same and mask_fits) or dropout_p or enable_gqa:
        return None
    attend = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
    return attend(query, key, value, dropout_p, is_causal, attn_mask=attn_mask, scale=scale)[0]
