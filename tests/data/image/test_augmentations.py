"""Each augmentation by itself: what it draws, and what that does to an image."""

import colorsys

import numpy as np
import pytest

from brevetti_keras.data.image import ImageDeformation, ImageFilter, ImageNoise, RandomTransformer, SaltPepper
from brevetti_keras.data.image.augmentation import Augmentation
from brevetti_keras.data.image.image_noise import add_noise, chroma_matrix
from brevetti_keras.data.keyed import derive

UNIT = (0.0, 1.0)
RANDOM = np.random.default_rng(0)
IMAGE = RANDOM.uniform(0.3, 0.6, (40, 50, 3)).astype(np.float32)
QUIET = {"brightness": 0, "contrast": (1, 1), "hue": 0, "saturation": (1, 1), "stddev": 0, "chance": 1}
STILL = {
    "chance": 1,
    "flip_up_down": False,
    "flip_left_right": False,
    "scale": 0,
    "rotate": 0,
    "translate_horizontal": 0,
    "translate_vertical": 0,
    "shear": 0,
}


def pairs(count: int) -> np.ndarray:
    return np.array([(seed, 0) for seed in range(count)], np.int64)


def changed(
    part: ImageNoise | ImageFilter | SaltPepper, image: np.ndarray, seed: tuple[int, int] = (1, 2)
) -> np.ndarray:
    (effect,) = part.effects(np.array([seed], np.int64), UNIT)
    assert effect is not None
    result = image.copy()
    effect(result, 0)
    return result


def noised(seed: tuple[int, int] = (1, 2), image: np.ndarray = IMAGE, **arguments: object) -> np.ndarray:
    return changed(ImageNoise(**{**QUIET, **arguments}), image, seed)


def matrices(**arguments: object) -> list[np.ndarray]:
    drawn = RandomTransformer(**{**STILL, **arguments}).matrices(pairs(200), 30, 40)
    return [matrix if matrix is not None else np.eye(3) for matrix in drawn]


def noise_of(key: int, shape: tuple[int, ...], stddev: float) -> np.ndarray:
    noise = np.zeros(shape, np.float32)
    add_noise(noise, derive(key), stddev)
    return noise


def test_a_transformer_without_anything_to_do_does_not_move() -> None:
    assert all((matrix == np.eye(3)).all() for matrix in matrices())


def test_flips_come_every_second_time() -> None:
    signs = np.array([[matrix[0, 0], matrix[1, 1]] for matrix in matrices(flip_left_right=True, flip_up_down=True)])
    assert set(np.unique(signs)) == {-1, 1}
    assert (np.abs(signs.mean(axis=0)) < 0.25).all()
    assert abs((signs[:, 0] * signs[:, 1]).mean()) < 0.25
    assert {matrix[1, 1] for matrix in matrices(flip_left_right=True)} == {1}


def test_scale_rotation_shift_and_shear_stay_within_their_settings() -> None:
    scales = [matrix[0, 0] for matrix in matrices(scale=0.2)]
    assert 0.8 <= min(scales) < 0.83
    assert 1.17 < max(scales) <= 1.2
    turned = matrices(rotate=30, rotate_chance=0.5)
    angles = np.degrees([np.arctan2(matrix[0, 1], matrix[0, 0]) for matrix in turned])
    assert 0.4 < (angles == 0).mean() < 0.6
    assert -30 <= angles.min() < -25
    assert 25 < angles.max() <= 30
    shifts = np.array([matrix[:2, 2] for matrix in matrices(translate_horizontal=0.1, translate_vertical=0.2)])
    # Fractions of the sides: 40 wide, 30 high.
    assert (np.abs(shifts) <= [4, 6]).all()
    assert (np.abs(shifts).max(axis=0) > [3.8, 5.7]).all()
    sheared = [matrix[0, 1] for matrix in matrices(shear=0.1)]
    assert -0.1 <= min(sheared) < -0.09
    assert 0.09 < max(sheared) <= 0.1


def test_noise_without_anything_to_do_changes_no_pixel_that_counts() -> None:
    np.testing.assert_allclose(noised(), IMAGE, atol=1e-6)


def test_brightness_shifts_all_alike_within_its_fraction() -> None:
    shifts = [noised((seed, 0), brightness=0.25) - IMAGE for seed in range(60)]
    assert all(np.ptp(shift) < 1e-5 for shift in shifts)
    means = [float(shift.mean()) for shift in shifts]
    assert -0.25 <= min(means) < -0.2
    assert 0.2 < max(means) <= 0.25


def test_contrast_scales_about_the_mean() -> None:
    for image in (IMAGE, IMAGE[..., :1], np.concatenate([IMAGE, IMAGE], axis=2)):
        result = noised(image=image, contrast=(0.5, 0.5))
        np.testing.assert_allclose(result - result.mean(), 0.5 * (image - image.mean()), atol=0.003)
        assert result.mean() == pytest.approx(image.mean(), abs=1e-3)


def test_saturation_of_nothing_is_grey_of_the_same_luma() -> None:
    grey = noised(saturation=(0, 0))
    assert np.ptp(grey, axis=2).max() < 1e-5
    np.testing.assert_allclose(grey[..., 0], IMAGE @ np.array([0.299, 0.587, 0.114]), atol=1e-5)


def test_hue_turns_colours_and_keeps_grey_and_luma() -> None:
    np.testing.assert_allclose(chroma_matrix(0.3, 1.7) @ np.ones(3), np.ones(3), atol=1e-9)
    np.testing.assert_allclose(chroma_matrix(1.0, 1.0), np.eye(3), atol=1e-9)
    np.testing.assert_allclose(chroma_matrix(0.25, 1) @ chroma_matrix(-0.25, 1), np.eye(3), atol=1e-9)
    red = np.array([0.6, 0.4, 0.4])
    turned = [colorsys.rgb_to_hsv(*(chroma_matrix(turn, 1.0) @ red))[0] for turn in (1 / 3, -1 / 3)]
    assert sorted(round(hue * 3) for hue in turned) == [1, 2]
    luma = np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(luma @ chroma_matrix(0.2, 1.5), luma, atol=1e-9)


def test_gaussian_noise_has_its_deviation_and_no_pattern() -> None:
    noise = noise_of(0, (300, 400, 3), 0.1)
    assert noise.std() == pytest.approx(0.1, rel=0.01)
    assert abs(noise.mean()) < 0.001
    flat = noise.ravel()
    assert abs(np.corrcoef(flat[:-1], flat[1:])[0, 1]) < 0.01
    assert abs(np.corrcoef(flat[: flat.size // 2], flat[flat.size // 2 :])[0, 1]) < 0.05
    np.testing.assert_array_equal(noise, noise_of(0, (300, 400, 3), 0.1))
    assert noised(stddev=0.05, image=np.full_like(IMAGE, 0.5)).std() == pytest.approx(0.05, rel=0.05)


@pytest.mark.parametrize("scale", [1, 3, 5])
def test_specks_are_bright_or_dark_and_as_many_and_as_large_as_set(scale: int) -> None:
    grey = np.full((200, 200, 3), 0.5, np.float32)
    specked = changed(SaltPepper(chance=1, fraction=0.002, scale=scale), grey, (3, 4))
    assert set(np.unique(specked)) == {0, 0.5, 1}
    assert np.ptp(specked, axis=2).max() == 0
    share = (specked[..., 0] != 0.5).mean()
    assert 0.5 * 0.002 * scale**2 < share < 1.5 * 0.002 * scale**2
    assert 0.2 < (specked == 1).sum() / (specked != 0.5).sum() < 0.8


def test_specks_have_the_values_that_are_set() -> None:
    specks = SaltPepper(chance=1, fraction=0.1, value_range=(0.2, 0.9))
    np.testing.assert_allclose(np.unique(changed(specks, np.full((50, 50, 1), 0.5, np.float32))), [0.2, 0.5, 0.9])


def test_mean_and_gaussian_blur_smooth_and_keep_the_mean() -> None:
    mean = ImageFilter(chance=1, avg_blur=(5, 3), gaussian_blur_sigma=None)
    gaussian = ImageFilter(chance=1, avg_blur=None, gaussian_blur_sigma=1.5)
    expected = IMAGE[18:23, 24:27].mean(axis=(0, 1))
    np.testing.assert_allclose(changed(mean, IMAGE)[20, 25], expected, atol=1e-5)
    for part in (mean, gaussian):
        assert changed(part, IMAGE).std() < 0.6 * IMAGE.std()
        assert changed(part, IMAGE).mean() == pytest.approx(IMAGE.mean(), rel=0.01)
        for channels in (1, 6):
            wide = np.repeat(IMAGE[..., :1], channels, axis=2)
            np.testing.assert_allclose(changed(part, wide)[..., 0], changed(part, IMAGE)[..., 0], atol=1e-6)


def test_emboss_leaves_flat_parts_and_lights_edges() -> None:
    edge = np.full((20, 20, 3), 0.4, np.float32)
    edge[:, 10:] = 0.6
    embossing = ImageFilter(chance=1, emboss_strength=(1, 1), avg_blur=None, gaussian_blur_sigma=None)
    embossed = [changed(embossing, edge, (seed, 0)) for seed in range(20)]
    for result in embossed:
        np.testing.assert_allclose(result[:, :8], 0.4, atol=1e-5)
        np.testing.assert_allclose(result[:, 13:], 0.6, atol=1e-5)
    # The light comes from all sides.
    lit = [float((result - edge)[:, 9:11].mean()) for result in embossed]
    assert min(lit) < -0.03
    assert max(lit) > 0.03


def test_one_of_the_filters_that_are_set_is_drawn() -> None:
    filters = ImageFilter(chance=1, emboss_strength=(1, 1))
    pictures = {changed(filters, IMAGE, (seed, 0)).std().round(6) for seed in range(30)}
    assert len(pictures) > 3
    assert {row["kind"] for row in filters.drawn(pairs(30)) if row} == {"emboss", "mean", "gaussian"}
    none = ImageFilter(chance=1, avg_blur=None, gaussian_blur_sigma=None)
    assert none.effects(pairs(2), UNIT) == none.drawn(pairs(2)) == [None, None]


def test_a_deformation_reaches_alpha_and_is_smooth() -> None:
    seeds = np.array([[1, 2]], np.int64)
    (field,) = ImageDeformation(chance=1, alpha=6, sigma=5).fields(seeds, 80, 90)
    assert field is not None
    assert field.shape == (80, 90, 2)
    assert np.abs(field).max() == pytest.approx(6, rel=1e-5)
    assert np.abs(np.diff(field, axis=0)).max() < 3
    (rougher,) = ImageDeformation(chance=1, alpha=6, sigma=1).fields(seeds, 80, 90)
    assert rougher is not None
    assert np.abs(np.diff(rougher, axis=0)).mean() > 2 * np.abs(np.diff(field, axis=0)).mean()
    assert ImageDeformation(chance=1, alpha=0).fields(seeds, 8, 9) == [None]


@pytest.mark.parametrize("augmentation", [RandomTransformer, ImageNoise, SaltPepper, ImageFilter, ImageDeformation])
def test_a_chance_decides_who_draws(augmentation: type[Augmentation]) -> None:
    assert augmentation(chance=0).drawn(pairs(50)) == [None] * 50
    assert None not in augmentation(chance=1).drawn(pairs(50))
    half = [row is not None for row in augmentation(chance=0.5).drawn(pairs(200))]
    assert 70 < sum(half) < 130


def test_what_is_drawn_is_what_is_done() -> None:
    transformer = RandomTransformer(**{**STILL, "translate_horizontal": 0.5})
    shifts = [matrix[0, 2] for matrix in transformer.matrices(pairs(20), 30, 40) if matrix is not None]
    assert shifts == pytest.approx([row["translate_horizontal"] * 40 for row in transformer.drawn(pairs(20)) if row])
    noise = ImageNoise(**{**QUIET, "brightness": 0.2})
    for index, row in enumerate(noise.drawn(pairs(5))):
        assert row is not None
        assert float((noised((index, 0), brightness=0.2) - IMAGE).mean()) == pytest.approx(row["brightness"], abs=1e-5)


def test_hue_turns_either_way() -> None:
    reddish = np.tile(np.array([0.6, 0.45, 0.45], np.float32), (4, 4, 1))
    # Turned one way green exceeds blue, turned the other blue exceeds green.
    leans = [float(np.subtract(*noised((seed, 0), reddish, hue=0.1)[0, 0, 1:])) for seed in range(40)]
    assert min(leans) < -0.03
    assert max(leans) > 0.03
