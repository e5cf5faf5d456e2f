import numpy as np

from raypose.data.color import color_matrices

IMAGE = np.random.default_rng(0).uniform(40, 120, (9, 7, 3))
LUMA = IMAGE @ [0.299, 0.587, 0.114]


def changed(brightness, contrast, saturation):
    matrix = color_matrices(np.array([[brightness, contrast, saturation]]), IMAGE.mean((0, 1))[None])[0]
    return IMAGE @ matrix[:, :3].T + matrix[:, 3]


def test_nothing_changes_at_1():
    np.testing.assert_allclose(changed(1, 1, 1), IMAGE)


def test_brightness_multiplies():
    np.testing.assert_allclose(changed(1.2, 1, 1), IMAGE * 1.2)


def test_contrast_is_about_the_mean_luma():
    np.testing.assert_allclose(changed(1, 0.7, 1), LUMA.mean() + 0.7 * (IMAGE - LUMA.mean()))


def test_saturation_is_about_each_pixels_luma():
    np.testing.assert_allclose(changed(1, 1, 0.4), LUMA[..., None] + 0.4 * (IMAGE - LUMA[..., None]))


def test_all_together_one_after_the_other():
    gray = LUMA[..., None] + 0.4 * (IMAGE - LUMA[..., None])
    np.testing.assert_allclose(changed(1.1, 0.7, 0.4), 1.1 * (LUMA.mean() + 0.7 * (gray - LUMA.mean())))
