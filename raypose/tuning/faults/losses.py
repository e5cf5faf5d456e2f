"""After Ray Tune gave up: whose worker it was that Ray's memory monitor killed, and whether to go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from raypose.errors import RayPoseError
from raypose.reporting.epochs import epochs
from raypose.tuning.faults.failures import causes
from raypose.tuning.faults.memory import killed
from raypose.tuning.faults.processes import end_worker
from raypose.tuning.stopping.schedulers import why_not_resumed

if TYPE_CHECKING:
    from raypose.tuning.search_state import SearchState

IN_A_ROW = 3  # runs of Ray Tune that give up without any progress in between
LOW_MEMORY = "OutOfMemoryError"  # Ray's, of workers that its memory monitor killed


class Losses:
    """Takes each time that Ray Tune gave up, and ends the search once it gets nowhere.

    Example:
        >>> losses = Losses(state)
        >>> losses.take(error)  # what was handed out is handed out again
    """

    def __init__(self, state: SearchState) -> None:
        self.state = state
        self._progress, self._in_a_row = progress(state), 0

    def take(self, error: BaseException | None) -> None:
        """Count it for the trial to blame, if one is, and have what was running handed out again.

        Raises:
            RayPoseError: that happened too often without any progress.
        """
        for number in self.state.live:  # none may write on while it is run again
            end_worker(self.state.files.meta(number), self.state.files.path(number) / "log.txt")
        to_blame = blamed(self.state, error)
        for number, told in to_blame.items():
            self.state.lose(number, "out_of_memory", told)
        self.state.reopen()
        before, self._progress = self._progress, progress(self.state)
        self._in_a_row = self._in_a_row + 1 if self._progress == before and not to_blame else 0
        stuck = why_not_resumed(self.state.tune.scheduler)
        if self._in_a_row == IN_A_ROW or stuck:
            hint = f"{stuck or 'what was running goes on with --resume'}; details: {self.state.folder}"
            raise RayPoseError(f"Ray Tune gave up: {error}", hint=hint, rule="ray-gave-up", exit_status=1) from error


def blamed(state: SearchState, error: BaseException | None) -> dict[int, str]:
    """The trial for which a node's memory ran out, and what is said of it: of those whose workers were ended, the one that
    had the most."""
    said = {str(each) for each in causes(error) if type(each).__name__ == LOW_MEMORY}
    found = {}
    for text in said:
        used = killed(text)
        metas = {number: state.files.meta(number) for number in state.live}
        here = [number for number, meta in metas.items() if meta.get("pid") in used and meta.get("node", "") in text]
        if here:
            most = max(here, key=lambda number: used[metas[number]["pid"]])
            size = used[metas[most]["pid"]]
            found[most] = (
                f"the memory of node {metas[most]['host']} ran out, and Ray ended its worker, which had {size} GB"
            )
    return found


def progress(state: SearchState) -> tuple[int, int]:
    """How many trials are finished, and how many epochs are done."""
    trials = state.trials()
    return sum(trial.state.is_finished() for trial in trials), sum(len(epochs(trial)) for trial in trials)
