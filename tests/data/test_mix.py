"""Mixup and CutMix: what becomes of images, targets and shares."""

import pytest
import torch
from torch import Tensor

from ferlab.data.augmentation.mix import Mix

N = 32


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def flat() -> tuple[Tensor, Tensor]:
    """Image i is all i / N, and of class i: so a mixed target tells a mixed image's mean."""
    labels = torch.arange(N)
    return (labels / N)[:, None, None, None].expand(N, 1, 48, 48).clone(), labels


def test_off_returns_what_came_and_draws_nothing() -> None:
    images, labels = flat()
    before = torch.get_rng_state()
    same, targets = Mix(0.0, 0.0, N)(images, labels)
    assert same is images
    assert targets is labels
    assert torch.equal(torch.get_rng_state(), before)


def test_mixup_blends_pairs_by_one_share_and_targets_by_the_same() -> None:
    images, labels = flat()
    mixed, targets = Mix(1.0, 0.0, N)(images, labels)
    share = targets[labels, labels].min()
    order = (targets - share * torch.eye(N)).argmax(dim=1)
    assert torch.equal(order.sort().values, labels)
    assert 0 < share < 1
    for i in labels:
        expected = share * images[i] + (1 - share) * images[order[i]]
        torch.testing.assert_close(mixed[i], expected)
    torch.testing.assert_close(targets.sum(dim=1), torch.ones(N))
    torch.testing.assert_close(targets @ (labels / N), mixed.mean(dim=(1, 2, 3)))


def test_cutmix_pastes_one_rectangle_and_targets_count_its_pixels() -> None:
    images, labels = flat()
    for _ in range(50):
        mixed, targets = Mix(0.0, 1.0, N)(images, labels)
        pasted = (mixed != images)[:, 0]
        one = pasted.any(dim=0)
        box = one.any(dim=0).sum() * one.any(dim=1).sum()
        assert one.sum() == box
        moved = [i for i in range(N) if pasted[i].any()]
        assert all(torch.equal(pasted[i], one) for i in moved)
        left = 1 - box.item() / 48**2
        torch.testing.assert_close(targets[moved, moved], torch.full((len(moved),), left))
        torch.testing.assert_close(targets @ (labels / N), mixed.mean(dim=(1, 2, 3)))


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_shares_are_of_the_beta(alpha: float) -> None:
    """Of mean 1/2 and variance 1 / (4 (2 alpha + 1)); an image that keeps its place has share 1."""
    images, mix = torch.rand(2, 1, 8, 8), Mix(alpha, 0.0, 2)
    targets = [mix(images, torch.tensor([0, 1]))[1] for _ in range(4000)]
    shares = torch.stack([target[0, 0] for target in targets if target[0, 0] != 1])
    assert shares.mean().item() == pytest.approx(0.5, abs=0.03)
    assert shares.var().item() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.1)


def test_a_pasted_rectangle_reaches_the_borders() -> None:
    images, labels = flat()
    hit = torch.stack(
        [(Mix(0.0, 1.0, N)(images, labels)[0] != images).any(0)[0] for _ in range(99)]
    )
    assert hit.any(dim=0).all()
    assert not hit.all(dim=0).any()


def test_with_both_on_a_batch_takes_either() -> None:
    images, labels = flat()
    known = images.unique()
    mix = Mix(1.0, 1.0, N)
    pasted = sum(bool(torch.isin(mix(images, labels)[0].unique(), known).all()) for _ in range(200))
    assert 70 < pasted < 130


def test_soft_targets_are_mixed_as_they_are() -> None:
    images, _ = flat()
    soft = torch.rand(N, 7).softmax(dim=1)
    _, targets = Mix(0.4, 0.0, 7)(images, soft)
    assert targets.shape == (N, 7)
    torch.testing.assert_close(targets.sum(dim=1), torch.ones(N))
    torch.testing.assert_close(targets.mean(dim=0), soft.mean(dim=0))


@pytest.mark.parametrize("alpha", [0.01, 100.0])
def test_no_alpha_makes_what_is_no_number(alpha: float) -> None:
    images, labels = flat()
    for _ in range(200):
        for mix in (Mix(alpha, 0.0, N), Mix(0.0, alpha, N)):
            mixed, targets = mix(images, labels)
            assert mixed.isfinite().all()
            assert targets.isfinite().all()


def test_the_seed_decides_every_bit_and_images_that_came_are_kept() -> None:
    images, labels = flat()
    kept = images.clone()
    torch.manual_seed(3)
    first = [Mix(0.2, 1.0, N)(images, labels) for _ in range(4)]
    torch.manual_seed(3)
    again = [Mix(0.2, 1.0, N)(images, labels) for _ in range(4)]
    for one, two in zip(first, again, strict=True):
        assert torch.equal(one[0], two[0])
        assert torch.equal(one[1], two[1])
    assert not torch.equal(first[0][1], first[1][1])
    assert torch.equal(images, kept)
