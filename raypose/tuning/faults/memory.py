"""What Ray says where its memory monitor ended workers, and which of them was to blame."""

from __future__ import annotations

import re

LOW = "low on memory"  # is in Ray's words then
WORKER = re.compile(r"(Selected to kill: )?\(.*?pid=(\d+), actual memory used=([\d.]+)GB")
FAR_MORE = 2  # times the memory of another: then that one is not to blame


def killed(text: str) -> dict[int, float]:
    """The process ids of the workers that a node ended for its memory, with the GB that each had; none of those that had
    far less than one which was spared. Ray ends the newest ones until there is room again, whoever filled it.

    Args:
        text: Ray's message.

    Example:
        >>> killed("Selected to kill: (Actor(a), pid=7, actual memory used=0.3GB)")
        {7: 0.3}
    """
    workers = [(selected, int(pid), float(size)) for selected, pid, size in WORKER.findall(text)]
    spared = max((size for selected, _, size in workers if not selected), default=0.0)
    return {pid: size for selected, pid, size in workers if selected and size * FAR_MORE >= spared}


def is_innocent(text: str) -> bool:
    """Whether a message of Ray's on a lost worker tells that memory ran out, but by one that was not ended then."""
    return LOW in text and bool(WORKER.search(text)) and not killed(text)
