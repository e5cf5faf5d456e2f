import csv
import json

import cv2
import numpy as np
import pytest

from raypose.data import CocoKeypoints
from raypose.data.deeplabcut import convert
from raypose.errors import RayPoseError

PARTS = ["snout", "left_ear", "right_ear", "tail"]
CONFIG = (
    "Task: mice\nscorer: me\nmultianimalproject: {multi}\nbodyparts: {parts}\n"
    "skeleton:\n- [snout, tail]\n- [bodypart1, snout]\n"
)


def write_csv(file, rows, animals=(None,), parts=PARTS, wide=False, sep="/"):
    """Rows are (image's path, values [animals, parts, 2])."""
    header = {"scorer": "me", "individuals": None, "bodyparts": None, "coords": None}
    columns = [(animal, part, axis) for animal in animals for part in parts for axis in "xy"]
    with file.open("w", newline="") as out:
        writer = csv.writer(out)
        for name in header:
            if name == "individuals" and animals == (None,):
                continue
            cells = {"scorer": ["me"] * len(columns), "individuals": [c[0] for c in columns],
                     "bodyparts": [c[1] for c in columns], "coords": [c[2] for c in columns]}[name]  # fmt: skip
            writer.writerow([name, *["", ""][: 2 * wide], *cells])
        for image, values in rows:
            index = image.split("/") if wide else [image.replace("/", sep)]
            writer.writerow([*index, *("" if np.isnan(v) else repr(float(v)) for v in np.ravel(values))])


@pytest.fixture
def project(tmp_path):
    """`project({"v0": 4}, ...)`: a project with so many images a video; its folder, and what its files hold."""

    def make(videos, animals=(None,), parts=PARTS, **layout):
        root, truth = tmp_path / "project", {}
        rng = np.random.default_rng(0)
        for video, count in videos.items():
            folder = root / "labeled-data" / video
            folder.mkdir(parents=True)
            rows = []
            for i in range(count):
                cv2.imwrite(str(folder / f"img{i:03d}.png"), np.full((90, 120, 3), 100, np.uint8))
                values = rng.uniform(5, 85, (len(animals), len(parts), 2))
                values[rng.random(values.shape[:2]) < 0.25] = np.nan
                rows.append((f"labeled-data/{video}/img{i:03d}.png", values))
                truth[rows[-1][0]] = values
            write_csv(folder / "CollectedData_me.csv", rows, animals, parts, **layout)
        multi = animals != (None,)
        names = "MULTI!\nmultianimalbodyparts: [snout, left_ear, right_ear, tail]" if multi else f"[{', '.join(parts)}]"
        (root / "config.yaml").write_text(CONFIG.format(multi=str(multi).lower(), parts=names))
        return root, truth

    return make


def read_slowly(root):
    """{(image, animal): {part: (x, y)}} of all CSV files with one column of paths."""
    found = {}
    for file in root.glob("labeled-data/*/*.csv"):
        lines = [line.split(",") for line in file.read_text().splitlines()]
        heads = {line[0]: line for line in lines if line[0] in ("scorer", "individuals", "bodyparts", "coords")}
        for line in lines[len(heads) :]:
            for j in range(1, len(line), 2):
                if line[j] and line[j + 1]:
                    animal = heads["individuals"][j] if "individuals" in heads else ""
                    place = found.setdefault((line[0].replace("\\", "/"), animal), {})
                    place[heads["bodyparts"][j]] = (float(line[j]), float(line[j + 1]))
    return found


def load(done, part):
    return CocoKeypoints(str(done.files[part]), str(done.images_root))


def as_read(done):
    found = {}
    for part in done.files:
        content = json.loads(done.files[part].read_text())
        who = {each["id"]: each.get("individual", "") for each in content["annotations"]}
        table = load(done, part)
        for row in range(len(table)):
            image = table.paths[table.image_index[row]].split("project/")[1]
            points = zip(table.info.names, table.keypoints[row].tolist(), strict=True)
            found[image, who[table.ids[row]]] = {name: (x, y) for name, (x, y, v) in points if v}
    return found


def check(done, root):
    slow, fast = read_slowly(root), as_read(done)
    assert slow.keys() == fast.keys()
    for key, points in slow.items():
        assert points.keys() == fast[key].keys()
        np.testing.assert_allclose([points[name] for name in points], [fast[key][name] for name in points], rtol=1e-6)


@pytest.mark.parametrize("sep", ["/", "\\"])
def test_one_animal(project, tmp_path, sep):
    root, _ = project({"v0": 4, "v1": 3, "v2": 9, "v3": 4}, sep=sep)
    done = convert(root, tmp_path / "coco")
    check(done, root)
    table = load(done, "train")
    assert table.info.skeleton == ((0, 3),)
    assert table.info.names == tuple(PARTS)
    assert table.info.category == "mice"
    assert table.sizes.tolist() == [[120, 90]] * len(table.paths)
    assert done.images == {"train": 16, "val": 4}
    videos = [{path.split("/")[-2] for path in load(done, part).paths} for part in ("train", "val")]
    assert not videos[0] & videos[1]
    assert done.held_out == f"whole videos: {videos[1].pop()}"


def test_boxes_are_around_the_keypoints_and_in_the_image(project, tmp_path):
    root, _ = project({"v0": 12})
    table = load(convert(root, tmp_path / "coco", val=0), "train")
    for box, keypoints in zip(table.bbox, table.keypoints, strict=True):
        points = keypoints[keypoints[:, 2] > 0, :2]
        low, high = points.min(0), points.max(0)
        margin = max((high - low).max() * 0.15, 5)
        np.testing.assert_allclose(box[:2], np.maximum(low - margin, 0), atol=1e-3)
        np.testing.assert_allclose(box[:2] + box[2:], np.minimum(high + margin, (120, 90)), atol=1e-3)


def test_several_animals_and_the_scene(project, tmp_path):
    root, _ = project({"v0": 5, "v1": 5}, animals=("a", "b"))
    check(convert(root, tmp_path / "coco", val=0.5), root)
    file = root / "labeled-data/v0/CollectedData_me.csv"
    lines = [line + cells for line, cells in zip(
        file.read_text().splitlines(),
        [",me,me", ",single,single", ",corner,corner", ",x,y", *[",1,2"] * 5], strict=True,
    )]  # fmt: skip
    before = as_read(convert(root, tmp_path / "other"))
    file.write_text("\n".join(lines))
    done = convert(root, tmp_path / "third")
    assert done.notes == ["left out, since they are no animal's: corner"]
    assert as_read(done) == before


def test_three_columns_of_paths(project, tmp_path):
    root, truth = project({"v0": 4, "v1": 4}, wide=True)
    found = as_read(convert(root, tmp_path / "coco", val=0.5))
    assert found.keys() == {(image, "") for image in truth}
    for image, values in truth.items():
        expected = {p: tuple(xy) for p, xy in zip(PARTS, values[0].tolist(), strict=True) if not np.isnan(xy[0])}
        assert found[image, ""] == {name: pytest.approx(xy, rel=1e-6) for name, xy in expected.items()}


def test_a_file_alone(project, tmp_path):
    root, _ = project({"v0": 6})
    done = convert(root / "labeled-data/v0/CollectedData_me.csv", tmp_path / "coco", val=0.34, seed=3)
    check(done, root)
    assert (done.images, done.images_root, done.held_out) == ({"train": 4, "val": 2}, root, "images of the one video")
    again = convert(root, tmp_path / "again", val=0.34, seed=3)
    assert load(again, "val").paths == load(done, "val").paths


def test_absolute_paths_of_another_machine(project, tmp_path):
    root, _ = project({"v0": 3})
    file = root / "labeled-data/v0/CollectedData_me.csv"
    file.write_text(file.read_text().replace("labeled-data/v0/", "C:\\Users\\me\\project\\labeled-data\\v0\\"))
    assert convert(root, tmp_path / "coco", val=0).images == {"train": 3}


def test_the_mouse_data_there_and_back(data_root, tmp_path):
    """The CSV that DeepLabCut had of this data gives the keypoints of its COCO file."""
    folder = data_root / "openfield-mouse"
    table = CocoKeypoints(str(folder / "annotations" / "val.json"), str(folder / "images"))
    rows = [(path, points[None, :, :2]) for path, points in zip(table.paths, table.keypoints, strict=True)]
    write_csv(tmp_path / "CollectedData_P.csv", rows, parts=table.info.names)
    done = convert(tmp_path / "CollectedData_P.csv", tmp_path / "coco", val=0)
    again = load(done, "train")
    np.testing.assert_allclose(again.keypoints, table.keypoints, rtol=1e-6)
    assert again.info.names == table.info.names


def broken(project, tmp_path):
    root, _ = project({"v0": 3, "v1": 3, "v2": 3})
    return root, [root / "labeled-data" / video / "CollectedData_me.csv" for video in ("v0", "v1", "v2")]


def refused(source, tmp_path):
    with pytest.raises(RayPoseError) as error:
        convert(source, tmp_path / "coco")
    assert not (tmp_path / "coco").exists()
    return str(error.value)


def test_all_mistakes_at_once(project, tmp_path):
    root, (a, b, c) = broken(project, tmp_path)
    lines = a.read_text().splitlines()
    a.write_text("\n".join([*lines[:3], lines[3] + ",7", lines[4]]))
    b.write_text(b.read_text().replace("coords,x,y,x,y", "coords,x,y,x,x"))
    lines = c.read_text().splitlines()
    lines[4] = lines[4].rsplit(",", 1)[0] + ",seven"
    c.write_text("\n".join(lines))
    message = refused(root, tmp_path)
    assert f"{a}:4: rows must have 9 cells" in message
    assert f"{b}: no x and y for left_ear" in message
    assert f"{c}:5: 'seven' is no number" in message


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            lambda file: file.write_text(file.read_text().replace("tail", "tial")),
            "has no body parts tial; did you mean",
        ),
        (lambda file: file.write_text("hello\n"), "not a CSV file of DeepLabCut"),
        (lambda file: file.write_text(""), "not a CSV file of DeepLabCut"),
        (lambda file: file.write_bytes(b"\xff\xfe\x00"), "not a CSV file"),
        (
            lambda file: file.write_text(file.read_text() + file.read_text().splitlines()[-1]),
            "images with several rows",
        ),
        (lambda file: file.with_name("img001.png").unlink(), "1 of 9 images are missing"),
        (lambda file: file.with_name("img001.png").write_text("no"), "1 of 9 images cannot be read"),
        (lambda file: file.rename(file.with_suffix(".h5")), "has CollectedData_me.h5, but no CollectedData_me.csv"),
        (lambda file: file.rename(file.with_name("CollectedData_you.csv")), "has CollectedData_you.csv, but no"),
    ],
)
def test_mistakes(project, tmp_path, change, told):
    root, files = broken(project, tmp_path)
    change(files[1])
    assert told in refused(root, tmp_path)


def test_nothing_to_convert(project, tmp_path):
    root, files = broken(project, tmp_path)
    for file in files:
        write_csv(file, [("labeled-data/v0/img000.png", np.full((1, 4, 2), np.nan))])
    assert "no labels" in refused(root, tmp_path)
    for file in files:
        file.unlink()
    assert "is anything labelled yet?" in refused(root, tmp_path)
    (root / "config.yaml").unlink()
    assert "it has no config.yaml" in refused(root, tmp_path)
    assert "there is no" in refused(root / "labels.csv", tmp_path)
    assert "to_csv" in refused(root / "labels.h5", tmp_path)


def test_unlabelled_images_and_parts_are_told(project, tmp_path):
    root, (file, *_) = broken(project, tmp_path)
    write_csv(file, [(f"labeled-data/v0/img00{i}.png", [[[i, 9]] * 3]) for i in (1, np.nan)][:1], parts=PARTS[:3])
    with file.open("a") as out:
        out.write("labeled-data/v0/img000.png,,,,,,\n")
    done = convert(root, tmp_path / "coco")
    assert done.notes == [f"not labelled in {file}: tail", "images without any label, left out: 1"]
    assert sum(done.images.values()) == 7


def test_nothing_is_replaced_unless_asked(project, tmp_path):
    root, _ = project({"v0": 5})
    done = convert(root, tmp_path / "coco")
    before = {part: file.read_bytes() for part, file in done.files.items()}
    with pytest.raises(RayPoseError, match=r"already there: .*train.json, .*val.json; --force replaces them"):
        convert(root, tmp_path / "coco", val=0)
    assert {part: file.read_bytes() for part, file in done.files.items()} == before
    assert convert(root, tmp_path / "coco", val=0, force=True).files.keys() == {"train"}
    assert not done.files["val"].exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(RayPoseError, match="cannot write to"):
        convert(root, tmp_path / "file")
