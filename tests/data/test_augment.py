import pytest
import torch
from torch import Tensor
from torch.nn.functional import pad

from ferlab.data.augmentation.augment import BatchAugmentation, _warped

ALL_ON = {
    "flip": True,
    "crop": 4,
    "shift": 0.1,
    "rotate": 15.0,
    "scale": 0.1,
    "brightness": 0.3,
    "contrast": 0.3,
    "erase": 0.5,
}


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def noise(n: int = 64) -> Tensor:
    return torch.rand(n, 1, 48, 48, generator=torch.Generator().manual_seed(1))


def square(n: int = 64) -> Tensor:
    """A bright square in the middle of a dark image."""
    images = torch.zeros(n, 1, 48, 48)
    images[:, :, 18:30, 18:30] = 1
    return images


def centres(images: Tensor) -> Tensor:
    """Centre of mass in pixels, x and y: (n, 2)."""
    at = torch.arange(48.0)
    mass = images[:, 0] / images.sum((1, 2, 3))[:, None, None]
    return torch.stack([(mass.sum(1) * at).sum(1), (mass.sum(2) * at).sum(1)], 1)


def test_off_is_the_identity() -> None:
    assert torch.equal(BatchAugmentation()(noise()), noise())


def test_flip_mirrors_about_half() -> None:
    images = noise(400)
    out = BatchAugmentation(flip=True)(images)
    mirrored = (out == images.flip(3)).all(3).all(2).all(1)
    kept = (out == images).all(3).all(2).all(1)
    assert (mirrored ^ kept).all()
    assert 150 < int(mirrored.sum()) < 250


def test_shift_moves_each_image_up_to_its_limit_on_both_axes() -> None:
    moved = centres(BatchAugmentation(shift=0.125)(square(200))) - 23.5
    assert moved.abs().max() <= 6.05
    assert (moved.amax(0) > 5).all()
    assert (moved.amin(0) < -5).all()
    assert moved[:, 0].unique().numel() > 190
    assert torch.corrcoef(moved.T)[0, 1].abs() < 0.3, "the axes move on their own"


def test_shift_fills_with_the_nearest_border() -> None:
    columns = torch.linspace(0.2, 0.8, 48).expand(64, 1, 48, 48)
    out = BatchAugmentation(shift=0.25)(columns)
    assert out.min() >= 0.199
    assert out.max() <= 0.801
    # Where the image moved right, the columns laid bare repeat its left border.
    right = out[:, 0, 24, 3] < 0.2001
    assert right.any()
    assert torch.allclose(out[right, 0, :, 0], torch.tensor(0.2), atol=1e-4)


def test_a_crop_is_a_window_of_the_image_with_its_borders_repeated() -> None:
    images = noise(300)
    out, padded = BatchAugmentation(crop=3)(images), pad(images, [3] * 4, mode="replicate")
    found = []
    for i, (cut, whole) in enumerate(zip(out, padded, strict=True)):
        at = [
            (top, left)
            for top in range(7)
            for left in range(7)
            if torch.equal(cut[0], whole[0, top : top + 48, left : left + 48])
        ]
        assert len(at) == 1, i
        found += at
    assert len(set(found)) == 49, "the axes move on their own, and reach every place"


def test_one_warp_mirrors_then_turns_then_shifts() -> None:
    images = noise(2)
    zero, quarter = torch.zeros(2), torch.full((2,), torch.pi / 2)
    mirrored, sixth = torch.tensor([True, False]), torch.full((2,), 6 / 48)
    turned = _warped(images, mirrored, quarter, zero, sixth, zero)
    expected = torch.stack([images[0].flip(2), images[1]]).rot90(-1, dims=(2, 3))
    torch.testing.assert_close(turned[..., 6:], expected[..., :-6], atol=1e-4, rtol=0)
    doubled = _warped(square(2), mirrored, zero, torch.ones(2), zero, sixth)
    assert doubled.sum((1, 2, 3)).tolist() == pytest.approx([24**2] * 2, rel=0.01)
    torch.testing.assert_close(centres(doubled)[0], torch.tensor([23.5, 29.5]))


def test_rotation_turns_within_its_limit_either_way() -> None:
    bar = torch.zeros(200, 1, 48, 48)
    bar[:, :, 22:26, 4:44] = 1
    out = BatchAugmentation(rotate=20)(bar)
    x = torch.arange(48.0) - 23.5
    rows = (out[:, 0] * x[:, None]).sum(1) / out[:, 0].sum(1).clamp(min=1e-6)
    inner = slice(14, 34)
    slope = (rows[:, inner] * x[inner]).sum(1) / (x[inner] ** 2).sum()
    degrees = torch.rad2deg(torch.atan(slope))
    assert degrees.abs().max() < 20.5
    assert degrees.max() > 17
    assert degrees.min() < -17


def test_scale_resizes_within_its_limits() -> None:
    area = BatchAugmentation(scale=0.2)(square(200)).sum((1, 2, 3)) / 144
    size = area.sqrt()
    assert 0.79 < size.min() < 0.83
    assert 1.17 < size.max() < 1.21


def test_brightness_multiplies_each_image_by_one_factor() -> None:
    images = noise(200) * 0.5 + 0.1
    ratio = BatchAugmentation(brightness=0.3)(images) / images
    factor = ratio.mean((1, 2, 3))
    assert torch.allclose(ratio, factor[:, None, None, None].expand_as(ratio), atol=1e-4)
    assert 0.7 <= factor.min() < 0.74
    assert 1.26 < factor.max() <= 1.3


def test_contrast_keeps_the_mean_and_scales_the_rest() -> None:
    images = noise(200) * 0.4 + 0.3
    out = BatchAugmentation(contrast=0.3)(images)
    assert torch.allclose(out.mean((1, 2, 3)), images.mean((1, 2, 3)), atol=1e-4)
    spread = out.std((1, 2, 3)) / images.std((1, 2, 3))
    assert 0.699 <= spread.min() < 0.74
    assert 1.26 < spread.max() <= 1.301


def test_erasing_greys_one_rectangle_in_its_share_of_images() -> None:
    images = torch.zeros(400, 1, 48, 48)
    out = BatchAugmentation(erase=0.5)(images)
    erased = out[:, 0] == 0.5
    assert (erased | (out[:, 0] == 0)).all()
    hit = erased.any(2).any(1)
    assert 150 < int(hit.sum()) < 250
    area = erased.sum((1, 2))
    box = erased.any(2).sum(1) * erased.any(1).sum(1)
    assert torch.equal(area, box), "the erased pixels fill their bounding box"
    share = area[hit] / 48**2
    assert 0.01 < share.min() < 0.04
    assert 0.13 < share.max() < 0.16


def test_the_seed_decides_every_bit() -> None:
    augment = BatchAugmentation(**ALL_ON)
    torch.manual_seed(5)
    first = augment(noise())
    assert not torch.equal(first, augment(noise()))
    torch.manual_seed(5)
    assert torch.equal(first, BatchAugmentation(**ALL_ON)(noise()))


def test_images_of_a_batch_are_changed_differently() -> None:
    same = noise(1).expand(32, 1, 48, 48)
    out = BatchAugmentation(**ALL_ON)(same)
    assert len(torch.unique(out.flatten(1), dim=0)) == 32


def test_output_keeps_shape_type_and_range() -> None:
    out = BatchAugmentation(**{**ALL_ON, "brightness": 0.9, "contrast": 0.9})(noise(128))
    assert out.shape == (128, 1, 48, 48)
    assert out.dtype == torch.float32
    assert out.isfinite().all()
    assert out.min() >= 0
    assert out.max() <= 1


def test_it_adds_nothing_to_a_checkpoint() -> None:
    assert not BatchAugmentation(**ALL_ON).state_dict()
