"""Folders as people keep them: with links, names of another time, and pictures cut out."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ferlab.data.folder import read_folder
from ferlab.data.imageset import ImageSet, Split
from ferlab.errors import DataError
from ferlab.use import photo

CLASSES = ("anger", "fear", "joy", "sorrow")


def write(folder: Path, *, count: int = 3, first: int = 0) -> Path:
    """Pictures that are numbered anew in each class, no two alike."""
    for label, name in enumerate(CLASSES):
        (folder / name).mkdir(parents=True)
        for i in range(first, first + count):
            grey = np.full((48, 48), 20 * label + i, np.uint8)
            Image.fromarray(grey).save(folder / name / f"{i}.png")
    return folder


def counts(images: ImageSet) -> dict[str, int]:
    return {split.name.lower(): len(images.indices(split)) for split in Split}


def test_folders_and_classes_that_are_links_are_read(tmp_path: Path) -> None:
    far = write(tmp_path / "far")
    given = write(tmp_path / "set" / "train", first=10).parent
    (given / "test").symlink_to(far)
    write(tmp_path / "more", first=5)
    (given / "train" / "surprise").symlink_to(tmp_path / "more" / "joy")
    images = read_folder(str(given), {})
    assert images.classes == (*CLASSES, "surprise")
    assert counts(images)["test"] == 12
    assert len(images.labels) == 12 + 12 + 3


def test_a_link_that_leads_back_is_refused(tmp_path: Path) -> None:
    given = write(tmp_path / "set")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "back").symlink_to(given)
    (given / "on").symlink_to(tmp_path / "other")
    message = rf"^{given}/on/back is a link to a folder that it lies in$"
    with pytest.raises(DataError, match=message):
        read_folder(str(given), {})


def test_any_number_of_classes_may_be_joined(tmp_path: Path) -> None:
    bad = dict.fromkeys(("anger", "fear", "sorrow"), "bad")
    images = read_folder(str(write(tmp_path / "set")), bad)
    assert images.classes == ("bad", "joy")
    assert np.bincount(images.labels).tolist() == [9, 3]


def test_a_name_that_is_no_unicode_is_written_out(tmp_path: Path) -> None:
    given = write(tmp_path / "set")
    os.rename(given / "joy" / "0.png", os.fsencode(given / "joy") + b"/caf\xe9.png")  # noqa: PTH104  bytes
    images = read_folder(str(given), {})
    assert [name for name in images.names if "caf" in name] == ["joy/caf\\udce9"]
    assert images.digest


def test_what_is_cut_out_is_seen_in_training_as_in_use(tmp_path: Path) -> None:
    given = write(tmp_path / "set")
    path = given / "joy" / "0.png"
    layer = Image.new("RGBA", (48, 48), (0, 0, 0, 0))
    layer.paste((40, 40, 40, 255), (8, 8, 40, 40))
    layer.paste((200, 0, 0, 128), (40, 0, 48, 48))
    layer.save(path)
    images = read_folder(str(given), {})
    (trained,) = images.images[images.names == "joy/0"]
    used = Image.fromarray(photo.decode(path.read_bytes(), "photo")).convert("L")
    assert np.array_equal(trained, np.asarray(used))
    assert trained[0, 0] == 255
