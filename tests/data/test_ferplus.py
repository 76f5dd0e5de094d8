"""FER+: votes by the rules of its authors, joined with the right images."""

import csv
from pathlib import Path

import numpy as np
import pytest

from ferlab.config.compose import compose
from ferlab.data import fer2013
from ferlab.data.fer2013.ferplus import CLASSES
from ferlab.data.fer2013.votes import agreed, is_unknown, probabilities
from ferlab.data.imageset import Split
from ferlab.data.prepare import prepare
from ferlab.errors import ConfigError, DataError
from tests.data.conftest import encode, noise

HEADER = (
    "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
)
TENTHS = {"neutral": 0, "happy": 1, "surprise": 2, "sad": 3, "angry": 4, "disgust": 5, "fear": 6}


def votes_for(label: str, clear: bool = True) -> list[int]:
    """Eight votes of ten for a class and two for contempt; or five and five."""
    votes = [0] * 10
    votes[TENTHS[label]] = 8 if clear else 5
    votes[7] = 2 if clear else 5
    return votes


def write(path: Path, rows: list[list[object]], header: str = HEADER) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header.split(","))
        writer.writerows(rows)
    return path


class Voted:
    """The published 28 images with votes for them; row i is image i of the CSV."""

    def __init__(self, published) -> None:
        self.published = published
        self.labels = [name.split("/")[1] for name in published.pictures]
        self.rows: list[list[object]] = [
            [row[2], f"fer{i:07d}.png", *votes_for(label)]
            for i, (row, label) in enumerate(zip(published.rows, self.labels, strict=True))
        ]

    def file(self) -> str:
        return str(write(self.published.root / "votes.csv", self.rows))

    def names(self) -> str:
        pairs = [
            [row[1], name] for row, name in zip(self.rows, self.published.pictures, strict=True)
        ]
        return str(write(self.published.root / "names.csv", pairs, "ferplus_name,archive_name"))

    def by_row(self, votes: str = "soft"):
        return fer2013.load(str(self.published.csv()), "ferplus", self.file(), None, votes)

    def by_name(self, votes: str = "soft"):
        source = str(self.published.zip())
        return fer2013.load(source, "ferplus", self.file(), self.names(), votes)


@pytest.fixture
def voted(published) -> Voted:
    return Voted(published)


@pytest.mark.parametrize(
    ("votes", "expected", "is_agreed", "unknown"),
    [
        ([8, 2, 0, 0, 0, 0, 0, 0, 0, 0], [8], True, False),  # 8 of 10 are three quarters
        ([6, 4, 0, 0, 0, 0, 0, 0, 0, 0], [6, 4], True, False),
        ([5, 5, 0, 0, 0, 0, 0, 0, 0, 0], [5, 5], False, False),
        ([7, 1, 1, 1, 0, 0, 0, 0, 0, 0], [7], True, False),  # single votes are set aside
        ([4, 3, 3, 0, 0, 0, 0, 0, 0, 0], [4, 3, 3], False, False),
        ([4, 2, 2, 2, 0, 0, 0, 0, 0, 0], [], False, False),  # a tie makes them four
        ([3, 0, 0, 0, 0, 0, 0, 0, 7, 0], [], False, True),
        ([7, 0, 0, 0, 0, 0, 0, 0, 3, 0], [7], True, False),  # "unknown" comes second
        ([5, 0, 0, 0, 0, 0, 0, 0, 5, 0], [], False, True),  # half is not more than half
        ([0, 0, 0, 0, 0, 0, 0, 0, 0, 10], [], False, True),
        ([1, 1, 1, 1, 1, 1, 1, 1, 1, 1], [], False, True),  # nothing is left
    ],
)
def test_votes_count_as_the_authors_count_them(votes, expected, is_agreed, unknown) -> None:
    array = np.array([votes, votes])
    soft = probabilities(array)
    whole = [*expected, *([0] * (8 - len(expected)))]
    np.testing.assert_allclose(soft[0], np.array(whole) / max(1, sum(whole)))
    assert np.array_equal(soft[0], soft[1])
    assert agreed(array).tolist() == [is_agreed] * 2
    assert is_unknown(array)[0] == unknown


@pytest.mark.parametrize("join", ["by_row", "by_name"])
def test_an_image_gets_the_votes_of_its_row(voted, join) -> None:
    images = getattr(voted, join)()
    original = fer2013.load(
        str(voted.published.csv() if join == "by_row" else voted.published.zip())
    )
    assert images.classes == CLASSES
    assert [images.classes[i] for i in images.labels] == [
        original.classes[i] for i in original.labels
    ]
    assert np.array_equal(images.hashes, original.hashes)
    assert images.targets is not None
    assert images.targets.max(axis=1).tolist() == pytest.approx([1.0] * 28)  # contempt: 2 of 10
    assert images.digest != original.digest


def test_soft_targets_are_the_votes_and_held_out_images_need_a_majority(voted) -> None:
    voted.rows[0][2:] = [0, 0, 0, 0, 6, 4, 0, 0, 0, 0]  # image 0 trains
    voted.rows[1][2:] = [5, 0, 0, 0, 0, 5, 0, 0, 0, 0]  # image 1 trains
    voted.rows[14][2:] = [5, 0, 0, 0, 5, 0, 0, 0, 0, 0]  # image 14 is of PublicTest
    soft, hard = voted.by_row("soft"), voted.by_row("majority")
    assert len(soft) == 27
    assert len(hard) == 26
    assert hard.targets is None
    first = dict(zip(soft.classes, soft.targets[0].tolist(), strict=True))
    assert {k: v for k, v in first.items() if v} == pytest.approx({"angry": 0.6, "disgust": 0.4})
    held_out = [
        {*images.names[np.isin(images.split, (Split.VAL, Split.TEST))]} for images in (soft, hard)
    ]
    assert held_out[0] == held_out[1]
    assert len({soft.digest, hard.digest, fer2013.load(str(voted.published.csv())).digest}) == 3


def test_what_is_left_out_is_counted(voted) -> None:
    voted.rows[2][1] = ""
    voted.rows[3][2:] = [0, 0, 0, 0, 0, 0, 0, 0, 8, 2]
    voted.rows[4][2:] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 10]
    voted.rows[20][2:] = [5, 5, 0, 0, 0, 0, 0, 0, 0, 0]
    for _ in ("read", "cached"):
        assert voted.by_row().notes[-1] == (
            "labels of FER+ (soft votes) for 24 of 28 images; left out: 1 without votes, "
            "2 unknown or no face, 1 on which the taggers do not agree"
        )


def test_each_of_identical_pictures_gets_a_row_of_its_own(published) -> None:
    same = encode(noise(99))
    twins = [name for name in published.pictures if name.startswith("train/sad/")]
    assert len(twins) == 2
    published.pictures |= dict.fromkeys(twins, same)
    voted = Voted(published)
    order = list(published.pictures)
    first, second = (order.index(name) for name in twins)
    voted.rows[second][2:] = votes_for("fear")
    names = Path(voted.names())
    names.write_text(names.read_text().replace(twins[1], twins[0]))  # both rows name one of them
    images = fer2013.load(str(published.zip()), "ferplus", voted.file(), str(names), "majority")
    label = dict(zip(images.names.tolist(), images.labels, strict=True))
    assert first < second
    assert sorted(CLASSES[label[name]] for name in twins) == ["fear", "sad"]


def test_a_name_that_stands_twice_counts_once(published) -> None:
    twins = [name for name in published.pictures if name.startswith("train/sad/")]
    published.pictures |= dict.fromkeys(twins, encode(noise(99)))
    voted = Voted(published)
    names = voted.names()
    first, second = (list(published.pictures).index(name) for name in twins)
    voted.rows[second][1] = voted.rows[first][1]
    images = fer2013.load(str(published.zip()), "ferplus", voted.file(), names)
    assert len(images) == 27
    assert "1 without votes" in images.notes[-1]


def test_the_network_has_an_output_for_contempt(voted) -> None:
    paths = [f"data.path={voted.published.csv()}", f"data.ferplus={voted.file()}"]
    config = compose(["data=fer2013", "data.labels=ferplus", *paths])
    assert config.model.classes == 8
    images, _ = prepare(config.data)
    assert len(images.classes) == 8
    assert compose(["data=fer2013", paths[0]]).model.classes == 7


def shuffled(voted: Voted) -> None:
    voted.rows[0], voted.rows[-1] = voted.rows[-1], voted.rows[0]


def cut(voted: Voted) -> None:
    del voted.rows[-1]


def no_number(voted: Voted) -> None:
    voted.rows[5][4] = "two"


def nothing_agreed(voted: Voted) -> None:
    for row in voted.rows:
        row[2:] = [0, 0, 0, 0, 0, 0, 0, 0, 10, 0]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (shuffled, r"votes.csv has 28 rows, and data.path 28 images of other usages or in another"),
        (cut, r"votes.csv has 27 rows, and data.path 28 images"),
        (no_number, "votes must be whole numbers"),
        (nothing_agreed, "has a class for none of the images"),
    ],
)
def test_votes_that_are_not_for_these_images_are_refused(voted, spoil, message) -> None:
    spoil(voted)
    with pytest.raises(DataError, match=message) as caught:
        voted.by_row()
    assert "\n" not in str(caught.value)


def test_pictures_need_a_table_of_names(voted) -> None:
    source = str(voted.published.zip())
    with pytest.raises(DataError, match=r"data.ferplus_names is needed where data.path holds pict"):
        fer2013.load(source, "ferplus", voted.file())
    with pytest.raises(DataError, match=r"data.ferplus_names=.*nowhere cannot be found"):
        fer2013.load(source, "ferplus", voted.file(), "/nowhere")
    with pytest.raises(DataError, match=r"votes.csv has no column ferplus_name, archive_name"):
        fer2013.load(source, "ferplus", voted.file(), voted.file())
    other = write(voted.published.root / "o.csv", [["a", "b"]], "ferplus_name,archive_name")
    with pytest.raises(DataError, match=r"o.csv names none of the pictures"):
        fer2013.load(source, "ferplus", voted.file(), str(other))


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["data.labels=ferplus"], "data.ferplus: is required for labels=ferplus: fer2013new.csv"),
        (["data.ferplus=/x"], "data.ferplus: is read with data.labels=ferplus alone"),
        (["data.labels=fer+"], "data.labels"),
        (["data.votes=hard"], "data.votes"),
    ],
)
def test_settings_that_do_not_fit_are_told(overrides, message) -> None:
    with pytest.raises(ConfigError) as caught:
        compose(["data=fer2013", "data.path=/x", *overrides])
    assert message in str(caught.value)
