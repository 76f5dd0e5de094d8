"""Soft labels: whose they are, what is trained on of them, and what is no such file."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from ferlab.config.compose import compose
from ferlab.data import faces
from ferlab.data.imageset import EXPRESSIONS, ImageSet, Split
from ferlab.data.prepare import prepare
from ferlab.data.soft_labels import soften
from ferlab.errors import ConfigError, DataError

HEADER = ",".join(["name", *(f"p_{name}" for name in EXPRESSIONS)])


@pytest.fixture(scope="module")
def images() -> ImageSet:
    return faces.draw(140)


@pytest.fixture(scope="module")
def soft(images: ImageSet) -> npt.NDArray[np.float32]:
    """A probability of each class for each image, training images or not."""
    drawn = np.random.default_rng(0).dirichlet(np.ones(len(EXPRESSIONS)), len(images))
    return drawn.astype(np.float32)


def row(name: str, probabilities: npt.NDArray[np.float32]) -> str:
    return ",".join([name, *(f"{p:.9g}" for p in probabilities)])


@pytest.fixture
def path(tmp_path: Path, images: ImageSet, soft: npt.NDArray[np.float32]) -> Path:
    """Of all images, in another order than theirs."""
    rows = [row(name, p) for name, p in zip(images.names.tolist(), soft, strict=True)]
    file = tmp_path / "soft (1).csv"
    file.write_text("\n".join([HEADER, *reversed(rows)]))
    return file


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_a_share_of_them_is_trained_on(
    images: ImageSet, soft: npt.NDArray[np.float32], path: Path, share: float
) -> None:
    found = soften(images, path, share)
    assert found.targets is not None
    assert found.targets.dtype == np.float32
    hard = np.eye(len(EXPRESSIONS), dtype=np.float32)[images.labels]
    train = images.indices(Split.TRAIN)
    expected = (1 - share) * hard[train] + share * soft[train]
    np.testing.assert_allclose(found.targets[train], expected, atol=1e-6)
    others = np.setdiff1d(np.arange(len(images)), train)
    assert np.array_equal(found.targets[others], hard[others])
    assert found.digest != images.digest
    assert np.array_equal(found.labels, images.labels)
    again = soften(found, path, 1.0)  # in place of what were soft ones before, such as votes
    assert again.targets is not None
    np.testing.assert_allclose(again.targets[train], soft[train], atol=1e-6)


def test_only_training_images_need_them(images: ImageSet, path: Path) -> None:
    whole = soften(images, path, 0.5).digest
    train = set(images.names[images.indices(Split.TRAIN)].tolist())
    header, *rows = path.read_text().splitlines()
    path.write_text("\n".join([header, *(r for r in rows if r.partition(",")[0] in train)]))
    assert soften(images, path, 0.5).digest == whole


def test_a_run_is_told_of_them(path: Path) -> None:
    config = compose(["data.images=140", f"data.soft_labels='{path}'", "data.soft_share=0.5"])
    images, _ = prepare(config.data)
    assert images.targets is not None
    told = "trained on soft labels (0.5), which say the label of "
    assert any(note.startswith(told) for note in images.notes)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("p_happy", "happy"), "has no column p_happy"),
        (("name,", "image,"), "has no column name"),
    ],
)
def test_other_columns_are_refused(
    images: ImageSet, path: Path, change: tuple[str, str], message: str
) -> None:
    path.write_text(path.read_text().replace(*change, 1))
    with pytest.raises(DataError, match=message):
        soften(images, path, 1.0)


@pytest.mark.parametrize(
    ("first", "message"),
    [
        ("0.5,0,0,0,0,0,0.4", "must be 0 or more and 1 in all; of 1 images they are not"),
        ("-0.5,1.5,0,0,0,0,0", "must be 0 or more and 1 in all"),
        ("nan,1,0,0,0,0,0", "must be 0 or more and 1 in all"),
        ("inf,0,0,0,0,0,0", "must be 0 or more and 1 in all"),
        ("much,0,0,0,0,0,0", "a probability must be a number"),
        ("1,0,0,0,0,0", "is cut short or empty"),
    ],
)
def test_what_are_no_probabilities_is_refused(
    images: ImageSet, path: Path, first: str, message: str
) -> None:
    name = str(images.names[images.indices(Split.TRAIN)][0])
    header, *rows = path.read_text().splitlines()
    others = [r for r in rows if not r.startswith(f"{name},")]
    path.write_text("\n".join([header, *others, f"{name},{first}"]))
    with pytest.raises(DataError, match=message):
        soften(images, path, 1.0)


def test_an_image_that_stands_twice_is_refused(images: ImageSet, path: Path) -> None:
    header, *rows = path.read_text().splitlines()
    path.write_text("\n".join([header, *rows, *rows]))
    with pytest.raises(DataError, match=r"several rows for \d+ images \("):
        soften(images, path, 1.0)


def test_a_recorded_path_that_no_file_can_have_is_refused(images: ImageSet) -> None:
    with pytest.raises(DataError, match="is no CSV: embedded null byte"):
        soften(images, Path("a\0b.csv"), 1.0)


def test_labels_of_other_images_are_refused(path: Path) -> None:
    with pytest.raises(DataError, match=r"no row for \d+ of \d+ training images \(.*same split"):
        soften(faces.draw(280), path, 1.0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read: No such file"),
        (b"", "has no column name"),
        (HEADER.encode(), "is cut short or empty"),
        (b"\xff\xfe\x00", "cannot be unpacked"),
    ],
)
def test_what_is_no_such_file_is_refused(
    images: ImageSet, tmp_path: Path, content: bytes | None, message: str
) -> None:
    file = tmp_path / "soft.csv"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(DataError, match=message):
        soften(images, file, 1.0)


def test_a_share_of_none_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"data\.soft_share: is of data\.soft_labels"):
        compose(["data.soft_share=0.5"])
