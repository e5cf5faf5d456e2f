"""TensorBoard event files, written straight into a trial's folder, without torch.

TensorBoard takes the first HParams declaration that it finds, so that one `declare` with the dimensions of every branch
at the experiment's root gives every trial all its columns.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2, summary_v2
from tensorboard.summary.writer.event_file_writer import EventFileWriter

STATUS = {
    "COMPLETE": api_pb2.STATUS_SUCCESS,
    "PRUNED": api_pb2.STATUS_SUCCESS,
    "FAIL": api_pb2.STATUS_FAILURE,
    "RUNNING": api_pb2.STATUS_RUNNING,
}


class EventWriter:
    """Scalars and hyperparameters of one trial; each call is on disk within a second or two.

    Example:
        >>> writer = EventWriter(Path("experiments/quickstart/trials/0000"))
        >>> writer.scalars(1, {"AP": 0.12})
        >>> writer.close("COMPLETE")
    """

    def __init__(self, folder: Path) -> None:
        self._writer = EventFileWriter(str(folder), flush_secs=1)

    def hparams(self, values: Mapping[str, bool | float | str], name: str) -> None:
        self._add(summary_v2.hparams_pb(dict(values), trial_id=name))

    def scalars(self, epoch: int, metrics: Mapping[str, float]) -> None:
        values = [Summary.Value(tag=tag, simple_value=value) for tag, value in metrics.items()]
        self._add(Summary(value=values), epoch)

    def close(self, state: str) -> None:
        end = plugin_data_pb2.SessionEndInfo(status=STATUS[state], end_time_secs=time.time())
        content = plugin_data_pb2.HParamsPluginData(session_end_info=end)
        value = Summary.Value(
            tag=metadata.SESSION_END_INFO_TAG,
            metadata=metadata.create_summary_metadata(content),
            tensor=metadata.NULL_TENSOR,
        )
        self._add(Summary(value=[value]))
        self._writer.close()

    def _add(self, content: Summary, step: int = 0) -> None:
        self._writer.add_event(Event(wall_time=time.time(), step=step, summary=content))
        self._writer.flush()


def declare(
    folder: Path,
    choices: Mapping[str, Iterable[str]],
    ranges: Mapping[str, tuple[float, float]],
    metrics: Iterable[str],
) -> None:
    """Declare all dimensions of an experiment (labels, or ends) and the metrics of its trials in `folder`, its root."""
    hparams = [summary_v2.HParam(name, summary_v2.Discrete(sorted(labels))) for name, labels in choices.items()]
    hparams += [summary_v2.HParam(name, summary_v2.RealInterval(*map(float, ends))) for name, ends in ranges.items()]
    content = summary_v2.hparams_config_pb(hparams, [summary_v2.Metric(name) for name in metrics])
    writer = EventFileWriter(str(folder), filename_suffix=".hparams")
    writer.add_event(Event(wall_time=time.time(), summary=content))
    writer.close()
