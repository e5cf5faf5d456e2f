from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from raypose.data import PixelReader
from raypose.data.pixels import decode
from raypose.errors import RayPoseError


@pytest.fixture
def path(tmp_path):
    image = np.zeros((20, 30, 3), np.uint8)
    image[:, :, 2] = 250  # red, in OpenCV's order
    cv2.imwrite(str(tmp_path / "red.png"), image)
    return tmp_path / "red.png"


def test_rgb(path):
    image = PixelReader().read(path)
    assert image.shape == (20, 30, 3)
    assert image.dtype == np.uint8
    assert image[5, 5].tolist() == [250, 0, 0]


def test_gray_images_have_three_channels(tmp_path):
    cv2.imwrite(str(tmp_path / "gray.png"), np.full((4, 4), 7, np.uint8))
    assert PixelReader().read(tmp_path / "gray.png")[0, 0].tolist() == [7, 7, 7]


def test_the_cache_is_bounded_and_read_only(path, tmp_path):
    reader = PixelReader(cache_bytes=2000)
    image = reader.read(path)
    other = tmp_path / "other.png"
    other.write_bytes(path.read_bytes())
    assert reader.read(path) is image
    assert reader.read(other) is not reader.read(other)
    assert reader.cached_bytes == image.nbytes == 1800
    with pytest.raises(ValueError, match="read-only"):
        image[0] = 1


@pytest.mark.parametrize("content", [None, b"", b"no image"])
def test_unreadable_files(tmp_path, content):
    path = tmp_path / "broken.jpg"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RayPoseError, match=r"broken\.jpg"):
        PixelReader().read(path)


def encoded(picture, kind, **options):
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


PICTURE = Image.fromarray(cv2.GaussianBlur(np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8), (0, 0), 3))


def with_alpha(mode):
    picture = PICTURE.convert(mode)
    picture.putalpha(PICTURE.getchannel("G"))
    return picture


# Files of each kind of pixels, and how much a value may differ from Pillow's conversion.
KINDS = {
    "grey": (encoded(PICTURE.convert("L"), "PNG"), 0),
    "grey JPEG": (encoded(PICTURE.convert("L"), "JPEG"), 1),
    "grey with alpha": (encoded(with_alpha("L"), "PNG"), 0),
    "alpha": (encoded(with_alpha("RGB"), "PNG"), 0),
    "black and white": (encoded(PICTURE.convert("1"), "PNG"), 0),
    "palette": (encoded(PICTURE.quantize(32), "PNG"), 0),
    "palette with transparency": (encoded(PICTURE.quantize(32), "PNG", transparency=3), 0),
    "GIF": (encoded(PICTURE.quantize(32), "GIF"), 0),
    "CMYK JPEG": (encoded(PICTURE.convert("CMYK"), "JPEG", quality=95), 3),
    "JPEG": (encoded(PICTURE, "JPEG", progressive=True), 1),
    "WebP with alpha": (encoded(with_alpha("RGB"), "WEBP", lossless=True, exact=True), 0),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_pixels_becomes_rgb(tmp_path, kind):
    content, off = KINDS[kind]
    (tmp_path / "image").write_bytes(content)
    image = decode(tmp_path / "image", size=(60, 40))
    expected = np.array(Image.open(io.BytesIO(content)).convert("RGB"), int)
    assert image.dtype == np.uint8
    assert image.shape == (40, 60, 3)
    assert np.abs(image - expected).max() <= off


def test_of_16_bits_the_upper_8_are_taken(tmp_path):
    values = np.random.default_rng(0).integers(0, 2**16, (8, 9), np.uint16)
    cv2.imwrite(str(tmp_path / "deep.png"), values)
    np.testing.assert_array_equal(decode(tmp_path / "deep.png"), np.repeat(values[:, :, None] >> 8, 3, axis=2))


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_turned_upright(tmp_path, kind, orientation):
    exif = Image.Exif()
    exif[0x112] = orientation
    PICTURE.save(tmp_path / "image", kind, exif=exif)
    expected = np.array(ImageOps.exif_transpose(Image.open(tmp_path / "image")), int)
    assert expected.shape == ((40, 60, 3) if orientation < 5 else (60, 40, 3))
    image = decode(tmp_path / "image", size=expected.shape[1::-1])
    assert np.abs(image - expected).max() <= 1


@pytest.mark.parametrize("fraction", [0.2, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("ext", [".jpg", ".png", ".bmp", ".webp"])
def test_what_is_cut_off_is_no_image(tmp_path, ext, fraction):
    # OpenCV before 4.11 gave a JPEG that is grey where it is cut off.
    content = cv2.imencode(ext, np.array(PICTURE))[1].tobytes()
    (tmp_path / f"whole{ext}").write_bytes(content)
    decode(tmp_path / f"whole{ext}")
    (tmp_path / f"cut{ext}").write_bytes(content[: int(len(content) * fraction)])
    with pytest.raises(RayPoseError, match="cannot decode"):
        decode(tmp_path / f"cut{ext}")


def test_what_follows_a_picture_is_no_harm(tmp_path):
    content = encoded(PICTURE, "JPEG")
    (tmp_path / "motion.jpg").write_bytes(content + b"a film" * 1000)
    (tmp_path / "still.jpg").write_bytes(content)
    np.testing.assert_array_equal(decode(tmp_path / "motion.jpg"), decode(tmp_path / "still.jpg"))


def test_a_folder_is_no_image(tmp_path):
    with pytest.raises(RayPoseError, match="Is a directory"):
        decode(tmp_path)


def test_another_size_than_the_annotation_file_says(path):
    with pytest.raises(
        RayPoseError, match=r"red\.png: the image is 30 x 20, but its annotation file says 31 x 20"
    ) as error:
        decode(path, size=(31, 20))
    assert error.value.problems[0].rule == "image-size"
