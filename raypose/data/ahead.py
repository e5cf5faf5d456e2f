"""Work done ahead by threads, in order and not too far."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def ahead(function: Callable[[T], R], items: Iterable[T], threads: int) -> Generator[R]:
    """`function` of each item, in their order, by threads that are a few items ahead and no more, so that what is made
    does not pile up.

    Example:
        >>> list(ahead(str, range(3), threads=2))
        ['0', '1', '2']
    """
    pending: deque[Future[R]] = deque()
    with ThreadPoolExecutor(threads, thread_name_prefix="raypose-crops") as pool:
        try:
            for item in items:
                pending.append(pool.submit(function, item))
                if len(pending) > 4 * threads:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for each in pending:
                each.cancel()


def one_ahead(items: Iterator[T], pool: ThreadPoolExecutor) -> Iterator[T]:
    """The items, the next one made by a thread of the pool; what it raises is raised here."""
    pending = pool.submit(next, items, None)
    while (item := pending.result()) is not None:
        pending = pool.submit(next, items, None)
        yield item
