import json
import logging

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata

from raypose.training.trial_folder import TrialFolder, read_metrics


def opened(path):
    folder = TrialFolder(path)
    folder.open("lr: 0.1\n", {"number": 7, "seed": 3}, hparams={"optimizer": "SGD", "optimizer.SGD.lr": 0.1})
    return folder


def test_what_a_trial_leaves(tmp_path):
    folder = opened(tmp_path / "0007")
    folder.record(1, {"AP": 0.25, "loss": 2.0})
    folder.record(2, {"AP": 0.5, "loss": 1.0})
    logging.getLogger("raypose").info("a word")
    folder.close("COMPLETE")
    logging.getLogger("raypose").info("after the end")

    rows = [json.loads(line) for line in (folder.path / "metrics.jsonl").open()]
    assert rows == [{"epoch": 1, "AP": 0.25, "loss": 2.0}, {"epoch": 2, "AP": 0.5, "loss": 1.0}]
    meta = json.loads((folder.path / "meta.json").read_text())
    assert {"number", "seed", "host", "versions", "python", "started"} <= meta.keys()
    assert meta["versions"]["torch"]
    log = (folder.path / "log.txt").read_text()
    assert "a word" in log
    assert "after the end" not in log
    assert (folder.path / "config.yaml").read_text() == "lr: 0.1\n"


def test_tensorboard_reads_curves_and_hparams_while_the_trial_runs(tmp_path):
    folder = opened(tmp_path)
    folder.record(1, {"AP": 0.25})
    events = EventAccumulator(str(tmp_path)).Reload()
    assert [(e.step, e.value) for e in events.Scalars("AP")] == [(1, 0.25)]
    content = events.SummaryMetadata(metadata.SESSION_START_INFO_TAG).plugin_data.content
    start = metadata.parse_session_start_info_plugin_data(content)
    assert start.hparams["optimizer"].string_value == "SGD"
    assert start.hparams["optimizer.SGD.lr"].number_value == 0.1
    folder.close("PRUNED")
    content = (
        EventAccumulator(str(tmp_path)).Reload().SummaryMetadata(metadata.SESSION_END_INFO_TAG).plugin_data.content
    )
    assert metadata.parse_session_end_info_plugin_data(content).status


def test_a_resumed_trial_records_an_epoch_once(tmp_path):
    first = opened(tmp_path)
    first.record(1, {"AP": 0.1})
    first.record(2, {"AP": 0.2})
    first.close("FAIL")
    with open(tmp_path / "metrics.jsonl", "a") as file:
        file.write('{"epoch": 3, "A')
    second = opened(tmp_path)
    for epoch in (2, 3):
        second.record(epoch, {"AP": 0.1 * epoch})
    second.close("COMPLETE")
    assert [row["epoch"] for row in read_metrics(tmp_path)] == [1, 2, 3]
