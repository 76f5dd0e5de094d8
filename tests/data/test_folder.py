"""Pictures by class: the same images in every form, and what is told of those that differ."""

import csv
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ferlab.config import Config
from ferlab.config.compose import compose
from ferlab.data import folder
from ferlab.data.audit import audit
from ferlab.data.faces import draw
from ferlab.data.folder import read_folder
from ferlab.data.imageset import ImageSet, Split
from ferlab.data.prepare import prepare
from ferlab.errors import DataError

WORDS = ("train", "val", "test")


@pytest.fixture(scope="module")
def faces() -> ImageSet:
    return draw(images=140, seed=1)


class Exported:
    """Drawn faces as files below a folder."""

    def __init__(self, faces: ImageSet, folder: Path) -> None:
        self.faces, self.root = faces, folder

    def rows(self) -> list[tuple[int, np.ndarray, str, str]]:
        faces = self.faces
        parts = zip(faces.images, faces.labels, faces.split, strict=True)
        return [(i, x, faces.classes[y], WORDS[k]) for i, (x, y, k) in enumerate(parts)]

    def tree(
        self, name: str = "{split}/{label}/{i:03d}.png", mode: str = "L", size: int = 48
    ) -> Path:
        for i, grey, label, split in self.rows():
            path = self.root / "set" / name.format(split=split, label=label, i=i)
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(grey).resize((size, size)).convert(mode).save(path)
        return self.root / "set"

    def packed(self, form: str) -> Path:
        return Path(shutil.make_archive(str(self.root / "set"), form, self.tree()))

    def listing(self, columns: str, delimiter: str, name: str) -> Path:
        self.tree(name)
        path = self.root / "labels.csv"
        with path.open("w", newline="") as file:
            writer = csv.writer(file, delimiter=delimiter)
            writer.writerow(columns.split(","))
            for i, _, label, split in self.rows():
                own = name.format(split=split, label=label, i=i)
                writer.writerow([f"set/{own}", label.upper(), split.capitalize()])
        return path


@pytest.fixture
def exported(faces: ImageSet, tmp_path: Path) -> Exported:
    return Exported(faces, tmp_path)


FORMS: dict[str, Callable[[Exported], Path]] = {
    "PNG": lambda e: e.tree(),
    "PNG, RGB": lambda e: e.tree(mode="RGB"),
    "PNG, palette": lambda e: e.tree(mode="P"),
    "BMP": lambda e: e.tree("{split}/{label}/{i:03d}.bmp", "RGB"),
    "TIFF": lambda e: e.tree("{split}/{label}/{i:03d}.tiff"),
    "PGM": lambda e: e.tree("{split}/{label}/{i:03d}.PGM"),
    "deep": lambda e: e.tree("data/faces/{split}/{label}/{i:03d}.png"),
    "zip": lambda e: e.packed("zip"),
    "tar": lambda e: e.packed("tar"),
    "tar.gz": lambda e: e.packed("gztar"),
    "CSV of the tree": lambda e: e.listing("path,label,split", ",", "{split}/{label}/{i:03d}.png"),
    "CSV of one folder": lambda e: e.listing("Image,Emotion,Usage", ";", "{i:03d}.png"),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_the_same_images_give_the_same_digest(
    exported: Exported, faces: ImageSet, tmp_path: Path, form: Callable[[Exported], Path]
) -> None:
    images = read_folder(str(form(exported)), {})
    names = [f"{split}/{label}/{i:03d}" for i, _, label, split in exported.rows()]
    order = np.argsort(names)
    expected = ImageSet.of(
        faces.images[order],
        faces.labels[order],
        faces.split[order],
        np.array(names)[order],
        faces.classes,
    )
    assert images.digest == expected.digest


@pytest.mark.parametrize(
    "name",
    ["{label}/{i}.png", "CK+48/{label}/{i}.png", "a/b/{label}/{i}.png"],
)
def test_without_splits_all_is_for_training_until_some_is_held_out(
    exported: Exported, name: str
) -> None:
    source = exported.tree(name)
    images = read_folder(str(source), {})
    assert (images.split == Split.TRAIN).all()
    held_out, dropped = prepare(
        compose(["data=folder", f"data.path={source}", "data.folds=7"]).data
    )
    assert dropped == 0
    sizes = {split: len(held_out.indices(split)) for split in Split}
    assert sizes == {Split.TRAIN: 100, Split.VAL: 20, Split.TEST: 20, Split.UNUSED: 0}
    told, coarse = held_out.notes[-2:]
    assert "held out of training: 20 images for val and 20 images for test" in told
    assert coarse == "20 validation images: an accuracy moves by 5 points with one"


@pytest.mark.parametrize(
    "word", [("TRAIN", "VAL", "TEST"), ("Training", "PublicTest", "PrivateTest"),
             ("train_set", "valid", "testing"), ("train", "dev", "test")],
)  # fmt: skip
def test_splits_go_by_many_words(
    exported: Exported, faces: ImageSet, word: tuple[str, ...]
) -> None:
    for i, grey, label, split in exported.rows():
        path = exported.root / "set" / word[WORDS.index(split)] / label.capitalize() / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(grey).save(path)
    images = read_folder(str(exported.root / "set"), {})
    assert [len(images.indices(s)) for s in Split] == [len(faces.indices(s)) for s in Split]
    assert images.classes == faces.classes


def test_a_class_may_stand_above_its_splits(exported: Exported, faces: ImageSet) -> None:
    images = read_folder(str(exported.tree("{label}/{split}/{i}.png")), {})
    assert images.classes == faces.classes
    assert len(images.indices(Split.TEST)) == len(faces.indices(Split.TEST))


@pytest.mark.parametrize(
    ("mode", "size", "ending", "told"),
    [
        ("RGB", 100, "png", "pictures: 100x100 (140 colour); made grey, 48x48"),
        ("L", 64, "jpg", "pictures: 64x64 (140 grey); made grey, 48x48"),
        ("CMYK", 60, "jpg", "pictures: 60x60 (140 colour); made grey, 48x48"),
    ],
)
def test_pictures_of_any_size_and_colour_are_read(
    exported: Exported, faces: ImageSet, mode: str, size: int, ending: str, told: str
) -> None:
    images = read_folder(str(exported.tree("{split}/{label}/{i:03d}." + ending, mode, size)), {})
    assert images.notes == (told,)
    by_name = dict(zip(images.names.tolist(), images.images, strict=True))
    apart = [
        np.abs(by_name[f"{split}/{label}/{i:03d}"].astype(int) - grey).mean()
        for i, grey, label, split in exported.rows()
    ]
    assert max(apart) < 12  # of 255 levels: resized twice, compressed, and still this face


def test_a_picture_that_is_no_square_keeps_its_middle(tmp_path: Path) -> None:
    wide = np.zeros((48, 96), np.uint8)
    wide[:, 24:72] = np.arange(48)
    for label, grey in (("a", wide), ("b", np.zeros((48, 48), np.uint8))):
        (tmp_path / "set" / label).mkdir(parents=True)
        Image.fromarray(grey).save(tmp_path / "set" / label / "x.png")
    images = read_folder(str(tmp_path / "set"), {})
    assert np.array_equal(images.images[0], wide[:, 24:72])


def test_sixteen_bits_become_eight(tmp_path: Path) -> None:
    deep = np.arange(48 * 48, dtype=np.uint16).reshape(48, 48) * 28
    for label in "ab":
        (tmp_path / "set" / label).mkdir(parents=True)
        Image.fromarray(deep).save(tmp_path / "set" / label / "x.png")
    images = read_folder(str(tmp_path / "set"), {})
    assert np.array_equal(images.images[0], deep >> 8)


def test_classes_are_renamed_joined_and_left_out_by_name(
    exported: Exported, faces: ImageSet
) -> None:
    source = str(exported.tree())
    config = compose(
        [
            "data=folder",
            f"data.path={source}",
            "data.classes={happy: glad, Disgust: null, fear: surprise}",
        ]
    )
    images, _ = prepare(config.data)
    assert images.classes == ("angry", "glad", "neutral", "sad", "surprise")
    counts = {name: sum(faces.counts(s)[name] for s in Split) for name in faces.classes}
    assert sum(images.counts(s)["surprise"] for s in Split) == counts["surprise"] + counts["fear"]
    assert f"left out by data.classes: disgust ({counts['disgust']:,})" in images.notes
    assert config.model.classes == "auto"


def prepare_unsplit(config: Config) -> ImageSet:
    section = config.data.source()
    return read_folder(section["path"], section["classes"])


def test_numbered_classes_are_sorted_by_value_and_named(tmp_path: Path) -> None:
    for number in (1, 2, 10):
        (tmp_path / "set" / str(number)).mkdir(parents=True)
        Image.new("L", (48, 48), number).save(tmp_path / "set" / str(number) / "x.png")
    assert read_folder(str(tmp_path / "set"), {}).classes == ("1", "2", "10")
    config = compose(
        ["data=folder", f"data.path={tmp_path / 'set'}", "data.classes={1: sad, 2: 3, 10: null}"]
    )
    assert prepare_unsplit(config).classes == ("3", "sad")


def test_what_cannot_be_read_is_left_out_and_told(exported: Exported) -> None:
    source = exported.tree()
    bad = sorted(source.rglob("*.png"))[:5]
    bad[0].write_bytes(b"")
    bad[1].write_bytes(bad[2].read_bytes()[:90])
    bad[2].write_text("no picture")
    bad[3].write_bytes(b"\x89PNG\r\n\x1a\n")
    images = read_folder(str(source), {})
    assert len(images) == 136
    first = bad[0].relative_to(source)
    assert images.notes[1].startswith(f"4 files cannot be read: {first}, ")
    assert images.notes[1].endswith(" and 1 more")
    assert images.notes[1] in read_folder(str(source), {}).notes  # also from the cache


def test_a_csv_tells_files_that_are_missing(exported: Exported) -> None:
    source = exported.listing("path,label,split", ",", "{i:03d}.png")
    (exported.root / "set" / "007.png").unlink()
    images = read_folder(str(source), {})
    assert len(images) == 139
    assert f"1 file cannot be read: {exported.root / 'set' / '007.png'}" in images.notes


def test_identical_pictures_are_never_on_both_sides(exported: Exported) -> None:
    source = exported.tree("{label}/{i:03d}.png")
    for number, file in enumerate(sorted(source.rglob("*.png"))[::4]):
        shutil.copy(file, file.with_name(f"copy{number}.png"))
    config = compose(["data=folder", f"data.path={source}", "data.folds=5"])
    found = audit(prepare(config.data)[0])
    assert len(found.identical) == 35
    assert found.spanning == ()
    assert found.dropped == 0


def test_a_source_is_read_again_only_when_it_changes(
    exported: Exported, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = []
    really = folder._read
    monkeypatch.setattr(folder, "_read", lambda *a: times.append(a) or really(*a))
    source = exported.listing("path,label,split", ",", "{i:03d}.png")
    for _ in range(2):
        read_folder(str(source), {})
    assert len(times) == 1
    read_folder(str(source), {"happy": "glad"})
    assert len(times) == 2
    os.utime(exported.root / "set" / "007.png", ns=(1, 1))
    read_folder(str(source), {})
    assert len(times) == 3


def one_class(e: Exported) -> Path:
    return e.tree("faces/{i}.png")


def no_class(e: Exported) -> Path:
    return e.tree("train/{i}.png")


def beside(e: Exported) -> Path:
    source = e.tree()
    Image.new("L", (9, 9)).save(source / "logo.png")
    return source


def lone(e: Exported, text: str, name: str = "labels.csv") -> Path:
    (e.root / name).write_text(text)
    return e.root / name


REFUSED: dict[str, tuple[Callable[[Exported], Path], str]] = {
    "nowhere": (lambda e: e.root / "nowhere", r"data.path=.*nowhere cannot be found \(No such"),
    "no pictures": (lambda e: lone(e, "x", "a").parent, r"holds no pictures \(\.bmp, \.jpeg"),
    "nothing readable": (
        lambda e: lone(e, "x", "a.png").parent,
        r"holds no pictures .*; cannot be read: a.png",
    ),
    "one class": (one_class, "must lie in a folder that names its class"),
    "no class": (no_class, "must lie in a folder that names its class"),
    "beside the splits": (beside, "logo.png lies in none of the folders for training"),
    "no label": (lambda e: lone(e, "path,what\na,b\n"), "has no column 'label' .or class, emotion"),
    "no path": (lambda e: lone(e, "emotion,pixels\n1,2\n"), "has no column 'path'"),
    "unknown split": (
        lambda e: lone(e, "path,label,split\na.png,sad,later\n"),
        "labels.csv, line 2: unknown split 'later'; expected train, val or test",
    ),
    "short row": (lambda e: lone(e, "path,label\na.png\n"), "line 2: expected 2 fields, found 1"),
    "twice": (lambda e: lone(e, "path,label\na.png,b\na.png,b\n"), "names 1 files more than once"),
}


@pytest.mark.parametrize(("make", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_such_set_is_refused_in_a_line(
    exported: Exported, make: Callable[[Exported], Path], message: str
) -> None:
    with pytest.raises(DataError, match=message) as caught:
        read_folder(str(make(exported)), {})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ({"happines": "glad"}, "data.classes names 'happines', but .* has the classes angry, dis"),
        ({"all": None, "joy": None}, "data.classes names 'all' and 'joy', but"),
        (dict.fromkeys(("angry", "disgust", "fear", "happy", "neutral", "sad")), "has no classes"),
        ({"happy": "a\\b"}, "the class name"),
    ],
)
def test_a_mapping_that_does_not_fit_is_refused(
    exported: Exported, classes: dict[str, str | None], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        read_folder(str(exported.tree()), classes)
