"""Why a search ends before its last trial."""

from __future__ import annotations

from dataclasses import dataclass

from raypose.errors import RayPoseError


@dataclass(frozen=True)
class Over:
    """Why a search ends before its last trial; with an `error` if that is a failure. `drain`: what is running comes to
    its end; else it stays RUNNING in the study, for a resume. `change` is what a resume needs to go on, as options of
    `raypose tune`; None where nothing would make it."""

    why: str
    error: RayPoseError | None = None
    drain: bool = False
    change: str | None = None
