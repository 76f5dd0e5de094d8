import numpy as np
import pytest

from ferlab.data.imageset import EXPRESSIONS, ImageSet, Split
from ferlab.data.splits import assign, drop_leaks, identical, shared
from ferlab.errors import ConfigError, DataError

USAGES = {"Training": Split.TRAIN, "PublicTest": Split.VAL, "PrivateTest": Split.TEST}


def tree(per_class: dict[str, int], seed: int = 0) -> ImageSet:
    """As many images of each usage in each class, in an order that is not that of their names."""
    parts = [
        (f"{'train' if usage == 'Training' else 'test'}/{expression}/{usage}_{i}.jpg", label, usage)
        for label, expression in enumerate(EXPRESSIONS)
        for usage, count in per_class.items()
        for i in range(count)
    ]
    images = np.random.default_rng(9).integers(0, 256, (len(parts), 48, 48), np.uint8)
    order = np.random.default_rng(seed).permutation(len(parts))
    names, labels, usages = zip(*(parts[i] for i in order), strict=True)
    split = np.array([USAGES[usage] for usage in usages])
    return ImageSet.of(images[order], np.array(labels), split, names)


def with_pixels(images: ImageSet, positions: list[int], source: int) -> ImageSet:
    """The same set where the positions show the source's picture."""
    pixels = images.images.copy()
    pixels[positions] = pixels[source]
    return ImageSet.of(pixels, images.labels, images.split, images.names)


def names(images: ImageSet, split: Split) -> set[str]:
    return set(images.names[images.indices(split)])


def test_official_is_what_the_source_gives():
    images = tree({"Training": 3, "PublicTest": 1, "PrivateTest": 1})
    assert assign(images, "official").digest == images.digest


def test_seed_follows_the_sorted_file_names():
    split = assign(tree({"Training": 12, "PublicTest": 4, "PrivateTest": 7}), "seed")
    # Sorted as text, 0 1 10 11 2 ...: int(0.2 * 12) = 2 are skipped, int(0.2 * 11) = 2 select.
    kept = {2, 3, 4, 5, 6, 7, 8, 9, 10, 11}
    assert names(split, Split.TRAIN) == {
        f"train/{e}/Training_{i}.jpg" for e in EXPRESSIONS for i in kept
    }
    assert names(split, Split.VAL) == {
        f"test/{e}/PrivateTest_{i}.jpg" for e in EXPRESSIONS for i in (0, 1)
    }
    assert names(split, Split.TEST) == {
        f"test/{e}/PrivateTest_{i}.jpg" for e in EXPRESSIONS for i in range(2, 7)
    }
    assert len(split.indices(Split.UNUSED)) == 7 * (2 + 4)


def test_seed_needs_the_file_names_of_the_tree():
    images = tree({"Training": 2, "PublicTest": 1, "PrivateTest": 1})
    rows = ImageSet.of(
        images.images, images.labels, images.split, [f"Training_{i}" for i in range(28)]
    )
    with pytest.raises(DataError, match=r"data.split=seed .* file names .*msambare/fer2013"):
        assign(rows, "seed")


def test_folds_part_the_pool_and_leave_the_test_split():
    images = tree({"Training": 9, "PublicTest": 3, "PrivateTest": 2})
    pool = names(images, Split.TRAIN) | names(images, Split.VAL)
    folds = [assign(images, "kfold", 4, fold) for fold in range(4)]
    for fold in folds:
        assert names(fold, Split.TEST) == names(images, Split.TEST)
        assert names(fold, Split.TRAIN) == pool - names(fold, Split.VAL)
        assert set(fold.counts(Split.VAL).values()) == {3}  # 12 of each class in 4 folds
    selecting = [name for fold in folds for name in names(fold, Split.VAL)]
    assert sorted(selecting) == sorted(pool)


def test_folds_do_not_depend_on_the_order_of_the_images():
    counts = {"Training": 9, "PublicTest": 3, "PrivateTest": 2}
    one, other = (assign(tree(counts, seed), "kfold", 3, 1) for seed in (1, 2))
    assert names(one, Split.VAL) == names(other, Split.VAL)


def test_identical_images_share_a_fold():
    images = tree({"Training": 9, "PublicTest": 3, "PrivateTest": 2})
    pool = np.flatnonzero(images.split != Split.TEST)
    images = with_pixels(images, pool[1:40:6].tolist(), int(pool[0]))
    twins = pool[:40][np.r_[0, np.arange(1, 40, 6)]]
    for fold in range(3):
        split = assign(images, "kfold", 3, fold).split
        assert len(set(split[twins])) == 1


@pytest.mark.parametrize(("folds", "fold"), [(1, 0), (5, 5), (5, -1)])
def test_a_fold_that_is_not_there_is_refused(folds, fold):
    with pytest.raises(ConfigError, match=f"fold {fold} of {folds}"):
        assign(tree({"Training": 9}), "kfold", folds, fold)


def test_too_few_images_for_the_folds_are_refused():
    images = tree({"Training": 3, "PublicTest": 1})
    with pytest.raises(DataError, match=r"5 folds need .* angry has 4: lower data.folds"):
        assign(images, "kfold", 5, 0)


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ({"Training": 10}, {Split.TRAIN: 42, Split.VAL: 14, Split.TEST: 14}),
        ({"Training": 10, "PrivateTest": 3}, {Split.TRAIN: 56, Split.VAL: 14, Split.TEST: 21}),
        ({"Training": 10, "PublicTest": 3}, {Split.TRAIN: 56, Split.VAL: 21, Split.TEST: 14}),
        (
            {"Training": 10, "PublicTest": 1, "PrivateTest": 1},
            {Split.TRAIN: 70, Split.VAL: 7, Split.TEST: 7},
        ),
    ],
)
def test_holdout_deals_what_the_source_lacks(given, made):
    for fold in range(5):
        images = assign(tree(given), "holdout", 5, fold)
        assert {split: len(images.indices(split)) for split in made} == made
        for split, count in made.items():
            assert {*images.counts(split).values()} == {count // 7}
    one, other = (assign(tree(given, seed), "holdout", 5, 0) for seed in (1, 2))
    assert names(one, Split.VAL) == names(other, Split.VAL)


def test_holdout_holds_out_no_picture_that_the_test_split_has():
    images = tree({"Training": 10, "PrivateTest": 3})
    train, test = images.indices(Split.TRAIN), images.indices(Split.TEST)
    images = with_pixels(images, train[:5].tolist(), int(test[0]))
    images = with_pixels(images, train[5:8].tolist(), int(train[9]))
    for fold in range(5):
        dealt = assign(images, "holdout", 5, fold)
        assert (dealt.split[train[:5]] == Split.TRAIN).all()
        clean, dropped = drop_leaks(dealt)
        assert dropped == 5
        group, _ = identical(clean.hashes)
        used = [{*group[clean.indices(s)].tolist()} for s in (Split.TRAIN, Split.VAL, Split.TEST)]
        assert not used[0] & used[1]
        assert not used[0] & used[2]
        assert not used[1] & used[2]


def test_holdout_leaves_something_to_train_on():
    with pytest.raises(ConfigError, match=r"data.folds=2 leaves nothing to train on; take 3"):
        assign(tree({"Training": 9}), "holdout", 2, 0)


def test_an_unknown_protocol_is_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match=r"data.split=random.*official, seed, kfold, holdout"):
        assign(tree({"Training": 1}), "random")


def test_leaks_leave_training_alone():
    images = tree({"Training": 4, "PublicTest": 2, "PrivateTest": 2})
    train, val, test = (images.indices(s).tolist() for s in (Split.TRAIN, Split.VAL, Split.TEST))
    images = with_pixels(images, train[:2], val[0])
    images = with_pixels(images, [train[2]], test[0])
    images = with_pixels(images, [test[2]], val[1])  # no training image: not this function's matter
    images = with_pixels(images, [train[4]], train[5])
    clean, dropped = drop_leaks(images)
    assert dropped == 3
    assert clean.indices(Split.UNUSED).tolist() == train[:3]
    for split in (Split.VAL, Split.TEST):
        assert np.array_equal(clean.indices(split), images.indices(split))
    assert drop_leaks(clean)[1] == 0


def test_images_of_no_split_are_no_leaks():
    images = tree({"Training": 2, "PublicTest": 1})
    train, val = images.indices(Split.TRAIN), images.indices(Split.VAL)
    images = with_pixels(images, [int(train[0])], int(val[0]))
    split = images.split.copy()
    split[val[0]] = Split.UNUSED
    assert drop_leaks(images.with_split(split))[1] == 0


def test_an_image_is_shared_if_one_of_the_other_splits_has_its_pixels():
    split = [Split.TRAIN, Split.VAL, Split.UNUSED, *[Split.TEST] * 4]
    images = tree({"Training": 1}).with_split(np.array(split, np.uint8))
    for position, source in ((3, 0), (4, 1), (5, 2)):
        images = with_pixels(images, [position], source)
    assert shared(images, Split.TEST, [Split.TRAIN]).tolist() == [True, False, False, False]
    either = shared(images, Split.TEST, [Split.TRAIN, Split.UNUSED])
    assert either.tolist() == [True, False, True, False]


def test_groups_are_those_of_equal_hashes():
    hashes = np.random.default_rng(0).integers(0, 256, (3, 16), np.uint8)[[2, 0, 1, 0, 2, 2]]
    group, size = identical(hashes)
    assert len(size) == 3
    assert size[group].tolist() == [3, 2, 1, 2, 3, 3]
    assert group[0] == group[4] == group[5] != group[1] == group[3] != group[2]
