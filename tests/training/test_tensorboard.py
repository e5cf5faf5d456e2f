"""What TensorBoard reads of a trial."""

import cv2
import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata
from tensorboard.summary.writer.record_writer import RecordWriter

from raypose.training.trial_folder import TrialFolder, read_metrics


def opened(path, **options):
    folder = TrialFolder(path)
    folder.open("lr: 0.1\n", {"number": 7}, hparams={"optimizer": "SGD"}, **options)
    return folder


def read(path):
    return EventAccumulator(str(path), size_guidance={"images": 0}).Reload()


def points(path, tag):
    return [(each.step, round(each.value, 6)) for each in read(path).Scalars(tag)]


def test_the_best_values_are_those_of_the_best_epoch(tmp_path):
    folder = opened(tmp_path, objectives={"AP": "max", "EPE": "min"})
    for epoch, (ap, epe) in enumerate([(0.2, 5.0), (float("nan"), 1.0), (0.1, 1.0), (0.4, 7.0)], 1):
        folder.record(epoch, {"AP": ap, "EPE": epe})
    folder.close("COMPLETE")
    assert points(tmp_path, "best/AP") == [(1, 0.2), (4, 0.4)]
    assert points(tmp_path, "best/EPE") == [(1, 5.0), (4, 7.0)]


def test_a_resumed_trial_appends(tmp_path):
    first = opened(tmp_path, objectives={"loss": "min"})
    first.record(1, {"loss": 0.5})
    first.record(2, {"loss": 0.3})
    first.close("RUNNING")
    second = opened(tmp_path, objectives={"loss": "min"})
    for epoch, loss in ((2, 0.3), (3, 0.4), (4, 0.2)):
        second.record(epoch, {"loss": loss})
    second.close("FAIL")
    assert points(tmp_path, "loss") == [(1, 0.5), (2, 0.3), (3, 0.4), (4, 0.2)]
    assert points(tmp_path, "best/loss") == [(1, 0.5), (2, 0.3), (4, 0.2)]
    # The end that TensorBoard shows is the first that it finds.
    content = read(tmp_path).SummaryMetadata(metadata.SESSION_END_INFO_TAG).plugin_data.content
    assert metadata.parse_session_end_info_plugin_data(content).status == 2  # api.proto's STATUS_FAILURE


def test_trials_of_two_experiments_are_two_rows(tmp_path):
    names = set()
    for experiment in ("mice", "flies"):
        path = tmp_path / experiment / "trials" / "0007"
        opened(path).close("COMPLETE")
        content = read(path).SummaryMetadata(metadata.SESSION_START_INFO_TAG).plugin_data.content
        names.add(metadata.parse_session_start_info_plugin_data(content).group_name)
    assert names == {"mice/0007", "flies/0007"}


def test_a_picture(tmp_path):
    folder = opened(tmp_path)
    picture = np.zeros((60, 90, 3), np.uint8)
    picture[:, :45] = (220, 30, 40)
    folder.show(3, "predictions", picture)
    folder.close("COMPLETE")
    (image,) = read(tmp_path).Images("predictions")
    assert (image.step, image.width, image.height) == (3, 90, 60)
    decoded = cv2.imdecode(np.frombuffer(image.encoded_image_string, np.uint8), cv2.IMREAD_COLOR)[:, :, ::-1]
    assert np.abs(decoded[:, 10:30].astype(int) - (220, 30, 40)).max() < 12


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_trial_goes_on_where_nothing_can_be_written(tmp_path, monkeypatch):
    folder = opened(tmp_path)
    monkeypatch.setattr(RecordWriter, "write", fails)
    for epoch in (1, 2):
        folder.record(epoch, {"AP": 0.5})
    folder.close("COMPLETE")
    assert len(read_metrics(tmp_path)) == 2
    assert (tmp_path / "log.txt").read_text().count("nothing more of this trial for TensorBoard: no such disk") == 1


def test_a_trial_begins_where_no_event_file_can_be_made(tmp_path, monkeypatch):
    monkeypatch.setattr("raypose.training.tensorboard.EventFileWriter", fails)
    folder = opened(tmp_path)
    folder.record(1, {"AP": 0.5})
    folder.close("COMPLETE")
    assert "for TensorBoard: no such disk" in (tmp_path / "log.txt").read_text()


def fails(*args, **kwargs):
    raise OSError("no such disk")
