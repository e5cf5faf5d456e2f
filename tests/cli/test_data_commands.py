"""`raypose data build`, `info` and `clear`: what is kept on this machine."""

import json
import os
import time
from pathlib import Path

import pytest

from raypose.data.crops import leftovers

SPACE = """\
name: kept
data:
  train: {{type: CocoKeypoints, ann_file: "{ann_file}", img_prefix: "{img_prefix}"}}
  val: {{split: 0.34}}
  input_size: {{choice: [[32, 48], [64, 64]]}}
  augment: {{rotation: {{uniform: [0, 40]}}}}
model:
  backbone: {{type: ResNet, depth: 18}}
  keypoint_head: {{type: HeatmapHead}}
optimizer: {{type: AdamW, lr: 1e-3}}
"""


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("RAYPOSE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "crops"


@pytest.fixture
def space(tmp_path, tiny_coco):
    file = tmp_path / "space.yaml"
    file.write_text(SPACE.format(ann_file=tiny_coco.ann_file, img_prefix=tiny_coco.img_prefix))
    return file


@pytest.fixture
def built(cli, root, space):
    """The folders of the stores of train and val."""
    done = cli("data", "build", space)
    assert done.status == 0, done.err
    return [Path(line.strip()) for line in done.out.splitlines() if line.startswith("  ")]


def bytes_in(folder):
    return sum(file.stat().st_size for file in folder.iterdir() if file.name != "store.json")


def spoil(file):
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 255
    file.write_bytes(content)


class TestBuild:
    def test_what_is_cut_is_told_and_is_there(self, cli, root, space):
        done = cli("data", "build", space, "--threads", 2)
        assert done.status == 0
        train, train_path, val, val_path = done.out.splitlines()[2:]
        assert train.startswith("data.train: 4 crops, 0 MB, cut in ")
        assert val.startswith("data.val: 2 crops, 0 MB, cut in ")
        folders = [Path(each.strip()) for each in (train_path, val_path)]
        assert all(folder.is_relative_to(root) and (folder / "store.json").exists() for folder in folders)

    def test_what_is_there_is_not_cut_again(self, cli, built, space):
        before = [folder.stat().st_ctime_ns for folder in built]
        done = cli("data", "build", space)
        assert done.status == 0
        assert [line.rpartition(", ")[2] for line in done.out.splitlines()[::2]] == ["there already"] * 2
        assert [folder.stat().st_ctime_ns for folder in built] == before

    @pytest.mark.usefixtures("built")
    def test_a_part_of_the_space_needs_no_more(self, cli, space):
        done = cli("data", "build", space, "--set", "data.input_size=[64, 64]", "--set", "data.augment.rotation=20")
        assert done.out.count("there already") == 2
        more = cli("data", "build", space, "--set", "data.augment.rotation=90", "--set", "data.padding=2")
        assert more.out.count("cut in") == 2

    @pytest.mark.usefixtures("root")
    def test_where_none_is_wanted(self, cli, space):
        done = cli("data", "build", space, "--set", "data.store=false")
        assert done.status == 0
        assert "no crops to keep: data.store is false" in done.out

    def test_where_there_is_no_room(self, cli, root, space, monkeypatch):
        monkeypatch.setenv("RAYPOSE_CACHE_SIZE", "1K")
        done = cli("data", "build", space)
        assert done.status == 1
        assert done.out.count("cut anew for every batch") == 2
        assert not list(root.glob("*/*/store.json"))

    def test_what_a_killed_build_left_goes_too(self, cli, root, built):
        left = leftovers.scratch(built[0])
        left.mkdir()
        cli("data", "clear", "--all")
        assert [each.name for each in root.glob("*/*") if each.is_dir()] == []

    def test_a_size_that_is_none(self, cli, root, space, monkeypatch):
        monkeypatch.setenv("RAYPOSE_CACHE_SIZE", "much")
        for args in (["build", space], ["info"]):
            done = cli("data", *args)
            assert done.status == 2
            assert "RAYPOSE_CACHE_SIZE must be a size, but is 'much'" in done.err

    def test_bad_images_are_all_named(self, cli, root, space, tiny_coco):
        for name in ("clip0/000.png", "clip2/005.png"):
            (Path(tiny_coco.img_prefix) / name).write_bytes(b"no image")
        done = cli("data", "build", space)
        assert done.status == 2
        assert "000.png" in done.err
        assert "005.png" in done.err
        done = cli("data", "build", space, "--set", "data.on_bad_sample=skip")
        assert done.status == 0
        assert sum(int(line.split()[1]) for line in done.out.splitlines() if line.startswith("data.")) == 4

    @pytest.mark.parametrize(
        ("args", "words"),
        [
            (["nowhere.yaml"], "nowhere.yaml"),
            ([], "Missing argument 'SPACE'"),
            (["{space}", "--threads", "0"], "--threads"),
            (["{space}", "--set", "data.paddign=2"], "did you mean 'padding'?"),
        ],
    )
    def test_wrong_turns(self, cli, root, space, args, words):
        done = cli("data", "build", *(each.format(space=space) for each in args))
        assert done.status == 2
        assert words in done.err
        assert not root.exists()


class TestInfo:
    @pytest.mark.usefixtures("root")
    def test_nothing_is_kept(self, cli):
        done = cli("data", "info", "--verify")
        assert (done.status, done.err) == (0, "")
        assert done.out.startswith("no crops are kept in ")

    def test_as_json(self, cli, built, root, tiny_coco):
        told = json.loads(cli("data", "info", "--json").out)
        assert told["folder"] == str(root)
        assert told["bytes"] == sum(map(bytes_in, built))
        assert told["damaged"] == []
        assert 0 < told["budget"] < told["free"] + told["bytes"]
        by_path = {each["path"]: each for each in told["stores"]}
        assert by_path.keys() == set(map(str, built))
        train = by_path[str(built[0])]
        assert (train["instances"], train["images"], train["category"]) == (4, 4, "thing")
        assert train["needs"]["input_sizes"] == [[32, 48], [64, 64]]
        assert train["needs"]["rotation"] == 40
        assert all(folder.startswith(tiny_coco.img_prefix) for folder in train["folders"])
        assert abs(train["made"] - time.time()) < 600

    def test_in_words(self, cli, built, root, tiny_coco):
        os.utime(built[1] / "store.json", (0, time.time() - 3 * 86400))
        done = cli("data", "info")
        assert done.status == 0
        blocks = done.out.split("\n\n")
        assert blocks[0].startswith(short(built[0]) + "  4 crops of 4 images, ")
        assert f"thing, {tiny_coco.img_prefix}" in blocks[0]
        assert "for 32x48, 64x64; padding 1.25, rotation 40, scale 0.25, shift 0.05" in blocks[0]
        assert blocks[1].startswith(short(built[1]) + "  2 crops of 2 images, ")
        assert "used 3 d ago" in blocks[1]
        assert "rotation" not in blocks[1]
        assert blocks[2].splitlines()[1] == str(root)

    def test_verified(self, cli, built):
        done = cli("data", "info", "--verify")
        assert (done.status, done.err) == (0, "")
        assert "verified: nothing is damaged" in done.out

    @pytest.mark.parametrize(("file", "options"), [("pixels.bin", ["--verify"]), ("index.npy", []), ("store.json", [])])
    def test_what_is_damaged_is_named_and_so_is_what_to_do(self, cli, built, space, file, options):
        spoil(built[0] / file) if file != "store.json" else (built[0] / file).unlink()
        done = cli("data", "info", *options)
        assert done.status == 1
        assert f"error: {built[0]}: " in done.err
        assert f"raypose data clear {short(built[0])}" in done.err
        assert str(built[1]) not in done.err
        assert json.loads(cli("data", "info", "--json", *options).out)["damaged"] == [str(built[0])]
        assert cli("data", "clear", short(built[0])).status == 0
        assert cli("data", "info", "--verify").status == 0
        again = cli("data", "build", space)
        assert again.status == 0
        assert again.out.count("cut in") == 1


class TestClear:
    def test_one_by_its_name(self, cli, built):
        size = bytes_in(built[0]) + (built[0] / "store.json").stat().st_size
        done = cli("data", "clear", short(built[0]))
        assert done.out == f"removed 1 store of crops, {size / 1e6:.1f} MB\n"
        assert [folder.exists() for folder in built] == [False, True]

    def test_by_folder_and_by_the_beginning_of_a_name(self, cli, built):
        assert cli("data", "clear", built[0]).status == 0
        assert [folder.exists() for folder in built] == [False, True]
        assert cli("data", "clear", short(built[1])[:6]).status == 0
        assert not built[1].exists()

    def test_all_of_them(self, cli, built, root):
        done = cli("data", "clear", "--all")
        assert done.out.startswith("removed 2 stores of crops, ")
        assert [path for path in root.glob("*/*") if path.name != ".lock"] == []
        assert cli("data", "clear", "--all").out == "nothing to remove\n"

    def test_those_that_were_not_used_for_long(self, cli, built):
        os.utime(built[1] / "store.json", (0, time.time() - 31 * 86400))
        assert cli("data", "clear", "--older-than", "32d").out == "nothing to remove\n"
        assert cli("data", "clear", "--older-than", "30d").out.startswith("removed 1 store")
        assert [folder.exists() for folder in built] == [True, False]

    @pytest.mark.parametrize(
        ("args", "words"),
        [
            ([], "say what to remove: the names of stores, --all, or --older-than 30d"),
            (["--all", "--older-than", "1d"], "one of these"),
            (["abc", "--all"], "one of these"),
            (["nowhere"], "no crops are kept under 'nowhere'; known: "),
            ([""], "no crops are kept under ''"),
            (["--older-than", "soon"], "--older-than must be a duration, but got 'soon'"),
        ],
    )
    def test_wrong_turns(self, cli, built, args, words):
        done = cli("data", "clear", *args)
        assert done.status == 2
        assert words in done.err
        assert all(folder.exists() for folder in built)

    def test_one_wrong_name_of_two_removes_nothing(self, cli, built):
        assert cli("data", "clear", short(built[0]), "nowhere").status == 2
        assert built[0].exists()

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
    def test_what_cannot_be_removed(self, cli, built):
        built[0].parent.chmod(0o500)
        done = cli("data", "clear", "--all")
        built[0].parent.chmod(0o700)
        assert done.status == 1
        assert f"cannot remove {built[0]}" in done.err


def short(folder):
    return f"{folder.parent.name[:8]}-{folder.name[:4]}"
