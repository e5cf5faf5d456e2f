"""TensorBoard event files, written straight into a trial's folder and its experiment's, without torch."""

from __future__ import annotations

import contextlib
import io
import logging
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import cv2
import numpy as np
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2, summary_v2
from tensorboard.summary.writer.event_file_writer import EventFileWriter
from tensorboard.summary.writer.record_writer import RecordWriter

STATUS = {
    "COMPLETE": api_pb2.STATUS_SUCCESS,
    "PRUNED": api_pb2.STATUS_SUCCESS,
    "FAIL": api_pb2.STATUS_FAILURE,
}
logger = logging.getLogger("raypose")
_JPEG = [cv2.IMWRITE_JPEG_QUALITY, 80]


class EventWriter:
    """Scalars, pictures and hyperparameters of one trial; each call is on disk within a second or two. Where they cannot be
    written, the log says so once, and the trial goes on without.

    Example:
        >>> writer = EventWriter(Path("experiments/quickstart/trials/0000"))
        >>> writer.scalars(1, {"AP": 0.12})
        >>> writer.close("COMPLETE")
    """

    def __init__(self, folder: Path) -> None:
        self._writer: EventFileWriter | None = None
        with self._trying():
            self._writer = EventFileWriter(str(folder), flush_secs=1)

    def hparams(self, values: Mapping[str, bool | float | str], name: str) -> None:
        """The trial's row in the HParams page; trials of one `name` would share it."""
        self._add(summary_v2.hparams_pb(dict(values), trial_id=name))

    def scalars(self, epoch: int, metrics: Mapping[str, float]) -> None:
        self._add(scalars(metrics), epoch)

    def image(self, epoch: int, tag: str, image: np.ndarray) -> None:
        """A picture, uint8 [h,w,3] in RGB."""
        height, width = image.shape[:2]
        encoded = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), _JPEG)[1].tobytes()
        content = Summary.Image(height=height, width=width, colorspace=3, encoded_image_string=encoded)
        self._add(Summary(value=[Summary.Value(tag=tag, image=content)]), epoch)

    def close(self, state: str) -> None:
        """Tell how the trial ended, if it is one that does not go on."""
        if state in STATUS:
            end = plugin_data_pb2.SessionEndInfo(status=STATUS[state], end_time_secs=time.time())
            content = plugin_data_pb2.HParamsPluginData(session_end_info=end)
            value = Summary.Value(
                tag=metadata.SESSION_END_INFO_TAG,
                metadata=metadata.create_summary_metadata(content),
                tensor=metadata.NULL_TENSOR,
            )
            self._add(Summary(value=[value]))
        if self._writer is not None:
            with self._trying():
                self._writer.close()

    def _add(self, content: Summary, step: int = 0) -> None:
        if self._writer is not None:
            with self._trying():
                self._writer.add_event(event(content, step))
                self._writer.flush()

    @contextlib.contextmanager
    def _trying(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            self._writer = None
            logger.warning("nothing more of this trial for TensorBoard: %s", error)


def scalars(values: Mapping[str, float]) -> Summary:
    """Scalars by their tags."""
    return Summary(value=[Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()])


def event(content: Summary, step: int = 0, at: float | None = None) -> Event:
    """An event of now, or of `at` (seconds since 1970)."""
    return Event(wall_time=time.time() if at is None else at, step=step, summary=content)


def encoded(events: Iterable[Event], new: bool = True) -> bytes:
    """What an event file holds that has these events; `new`: from its beginning, else from where it ended."""
    content = io.BytesIO()
    writer = RecordWriter(content)
    for each in (Event(wall_time=time.time(), file_version="brain.Event:2"), *events) if new else events:
        writer.write(each.SerializeToString())
    return content.getvalue()
