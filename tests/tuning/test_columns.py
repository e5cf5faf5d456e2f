"""The columns of TensorBoard's HParams page."""

from concurrent.futures import ThreadPoolExecutor

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata

from raypose.tuning.columns import FILE, declare


def experiment(folder, text):
    (folder / "trials").mkdir(parents=True)
    (folder / "space.yaml").write_text(text)
    return folder


def declared(folder):
    content = EventAccumulator(str(folder)).Reload().SummaryMetadata(metadata.EXPERIMENT_TAG).plugin_data.content
    return metadata.parse_experiment_plugin_data(content)


MICE = "{name: mice, kind: {choice: [{type: A, depth: {choice: [18, 50]}}, {type: B}]}, lr: {uniform: [0, 1]}, n: {choice: [1, 2]}, tune: {metric: AP}}"  # noqa: E501
FLIES = "{name: flies, kind: {choice: [{type: B}, {type: C, w: {randint: [1, 4]}}]}, lr: {uniform: [0.5, 3]}, n: {randint: [1, 9]}, tune: {metric: [EPE, AP]}}"  # noqa: E501


def test_every_experiment_declares_the_columns_of_all(tmp_path):
    mice = experiment(tmp_path / "mice", MICE)
    old = mice / "events.out.tfevents.1795.host.1.0.hparams"
    old.write_bytes(b"")
    declare(tmp_path)
    assert [each.name for each in declared(mice).hparam_infos] == ["kind", "kind.A.depth", "n", "lr"]
    assert not old.exists()
    flies = experiment(tmp_path / "flies", FLIES)
    experiment(tmp_path / "broken", "a: [")
    (tmp_path / "notes").mkdir()  # no experiment
    (tmp_path / "notes" / "space.yaml").write_text("a: 1")
    declare(tmp_path)
    assert declared(mice) == declared(flies)
    infos = {each.name: each for each in declared(mice).hparam_infos}
    assert infos.keys() == {"kind", "kind.A.depth", "kind.C.w", "lr", "n"}
    assert [each.string_value for each in infos["kind"].domain_discrete.values] == ["A", "B", "C"]
    assert (infos["lr"].domain_interval.min_value, infos["lr"].domain_interval.max_value) == (0, 3)
    assert infos["n"].WhichOneof("domain") is None  # labels there, numbers here
    assert [each.name.tag for each in declared(mice).metric_infos] == ["best/EPE", "best/AP"]
    assert not list(tmp_path.glob("notes/*tfevents*")) + list(tmp_path.glob("broken/*tfevents*"))
    assert {each.name for each in tmp_path.iterdir()} == {"mice", "flies", "broken", "notes"}


def test_what_is_declared_already_is_left_alone(tmp_path):
    mice = experiment(tmp_path / "mice", MICE)
    declare(tmp_path)
    before = (mice / FILE).stat().st_mtime_ns
    declare(tmp_path)
    assert (mice / FILE).stat().st_mtime_ns == before


def test_searches_that_start_together(tmp_path):
    folders = [experiment(tmp_path / f"e{n}", f"{{name: e{n}, x{n}: {{uniform: [0, 1]}}}}") for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: declare(tmp_path), range(8)))
    assert all(len(declared(folder).hparam_infos) == 8 for folder in folders)
    assert not list(tmp_path.glob("*/.*"))
