import pytest
import torch

from ferlab.data.batches import Batches, balanced, epoch_seed, shuffled
from ferlab.errors import DataError

N = 10
IMAGES = torch.arange(N, dtype=torch.uint8)[:, None, None].expand(N, 48, 48)
LABELS = torch.arange(N)


def visited(batches: Batches) -> list[int]:
    return [int(label) for _, labels in batches for label in labels]


def test_every_image_comes_once_with_its_label() -> None:
    batches = list(Batches(IMAGES, LABELS, 4))
    assert [len(labels) for _, labels in batches] == [4, 4, 2]
    for images, labels in batches:
        assert images.dtype == torch.uint8
        assert images.shape == (len(labels), 48, 48)
        assert (images[:, 7, 7] == labels).all()
    assert torch.cat([labels for _, labels in batches]).tolist() == list(range(N))


@pytest.mark.parametrize("drop_single", [False, True])
@pytest.mark.parametrize(("n", "length"), [(8, 2), (9, 3), (10, 3)])
def test_length_is_the_number_of_batches(n: int, length: int, drop_single: bool) -> None:
    batches = Batches(IMAGES[:n], LABELS[:n], 4, drop_single=drop_single)
    assert len(batches) == len(list(batches)) == (2 if drop_single and n == 9 else length)


def test_order_is_followed_and_may_be_a_part() -> None:
    batches = Batches(IMAGES, LABELS, 2, order=torch.tensor([9, 0, 4]))
    assert visited(batches) == [9, 0, 4]
    assert visited(batches) == [9, 0, 4], "a second iteration starts anew"


@pytest.mark.parametrize(("n", "sizes"), [(9, [4, 4]), (10, [4, 4, 2])])
def test_drop_single_leaves_out_a_batch_of_one_alone(n: int, sizes: list[int]) -> None:
    batches = Batches(IMAGES[:n], LABELS[:n], 4, drop_single=True)
    assert [len(labels) for _, labels in batches] == sizes


def test_batches_are_copies() -> None:
    images = IMAGES.clone()
    first, _ = next(iter(Batches(images, LABELS, 4)))
    first.zero_()
    assert (images[:, 0, 0] == LABELS).all()


@pytest.mark.parametrize(
    ("images", "labels", "size", "drop_single", "message"),
    [
        (IMAGES, LABELS[:-1], 4, False, "10 images and 9 labels"),
        (IMAGES, LABELS, 0, False, "batch size is 0"),
        (IMAGES[:1], LABELS[:1], 4, True, "1 images make no batch of 4"),
        (IMAGES[:0], LABELS[:0], 4, False, "0 images make no batch of 4"),
    ],
)
def test_what_makes_no_batches_is_refused(
    images: torch.Tensor, labels: torch.Tensor, size: int, drop_single: bool, message: str
) -> None:
    with pytest.raises(DataError, match=message) as caught:
        Batches(images, labels, size, drop_single=drop_single)
    assert "\n" not in str(caught.value)


def test_balanced_draws_each_class_alike_often_from_seed_and_epoch_alone() -> None:
    labels = torch.tensor([0] * 8000 + [1] * 900 + [3] * 100)  # and none of class 2
    drawn = balanced(labels, seed=3, epoch=7)
    assert drawn.shape == labels.shape
    counts = labels[drawn].bincount()
    assert counts[2] == 0
    for count in counts[[0, 1, 3]].tolist():
        assert abs(count - 3000) < 5 * (9000 * (1 / 3) * (2 / 3)) ** 0.5
    of_last = drawn[drawn >= 8900].bincount()[8900:]
    assert len(of_last) == 100  # every image of a class is drawn: about 30 times here
    assert of_last.min() > 0
    torch.manual_seed(123)
    assert torch.equal(drawn, balanced(labels, seed=3, epoch=7))
    assert not torch.equal(drawn, balanced(labels, seed=3, epoch=8))
    assert not torch.equal(drawn, balanced(labels, seed=4, epoch=7))


def test_shuffled_is_a_permutation_of_seed_and_epoch_alone() -> None:
    order = shuffled(1000, seed=3, epoch=7)
    torch.manual_seed(123)
    assert torch.equal(order, shuffled(1000, seed=3, epoch=7))
    assert torch.equal(order.sort().values, torch.arange(1000))
    assert not torch.equal(order, shuffled(1000, seed=3, epoch=8))
    assert not torch.equal(order, shuffled(1000, seed=4, epoch=7))


def test_shuffling_leaves_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    shuffled(1000, seed=0, epoch=0)
    assert torch.equal(before, torch.get_rng_state())


def test_epoch_seeds_differ_and_fit_63_bits() -> None:
    seeds = {epoch_seed(seed, epoch) for seed in range(30) for epoch in range(30)}
    assert len(seeds) == 900, "seed 1 at epoch 2 is not seed 2 at epoch 1"
    assert min(seeds) >= 0
    assert 2**62 < max(seeds) < 2**63
