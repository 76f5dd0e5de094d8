import bz2
import gzip
import lzma
import os
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ferlab.data import fer2013
from ferlab.data.imageset import EXPRESSIONS, ImageSet, Split
from ferlab.errors import DataError
from tests.processes import run


def littered_folder(published) -> Path:
    tree = published.folder(inside="archive/fer2013/")
    for name in (".DS_Store", "Thumbs.db", "__MACOSX/train/angry/._Training_0.jpg"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes(b"litter")
    return tree


CODES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
WORDS = ("Anger", "disgusted ", "FEARFUL", "Happiness", "sadness", "Surprised", "Neutrality")
"""In the order of the CSV's codes."""


def with_words(name: str) -> str:
    half, expression, file = name.split("/")
    return f"{half}/{WORDS[CODES.index(expression)].strip()}/{file}"


def png(name: str) -> str:
    return name.replace(".jpg", ".png")


def usage_folders(name: str) -> str:
    """``train/sad/Training_5.jpg`` -> ``Training/sad/5.jpg``."""
    _, expression, file = name.split("/")
    return "/".join([file.split("_")[0], expression, file.split("_")[1]])


def compressed(published, suffix: str) -> Path:
    opens = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}[suffix]
    path = published.root / f"fer2013.csv{suffix}"
    with opens(path, "wb") as file:
        file.write(published.csv().read_bytes())
    return path


def halves(published) -> Path:
    """One zip for each of train/ and test/."""
    pictures, parts = published.pictures, []
    for half in ("train", "test"):
        published.pictures = {
            name.removeprefix(f"{half}/"): content
            for name, content in pictures.items()
            if name.startswith(half)
        }
        parts.append(published.zip(name=f"{half.capitalize()}.zip"))
    return published.beside(*parts)


def zip_beside_its_folder(published) -> Path:
    folder = published.folder()
    published.zip(name="tree/archive.zip")
    return folder


def challenge(published) -> Path:
    """The challenge's download, which holds the same rows twice, and training rows alone."""
    rows = published.csv_tar()
    train = published.csv("train.csv", "emotion,pixels,other")
    icml = published.icml_csv()
    path = published.root / "challenge.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in (rows, train, icml):
            archive.write(file, file.name)
    return path


FORMS: dict[str, Callable] = {
    "words of other forms": lambda p: p.renamed(with_words).zip(),
    "capital halves": lambda p: p.renamed(str.capitalize).folder(),
    "all in capitals": lambda p: p.renamed(str.upper).tar("fer.tar"),
    "lower-case usages": lambda p: p.renamed(str.lower).zip(),
    "folders of usages": lambda p: p.renamed(usage_folders).folder(),
    "back-slashes": lambda p: p.renamed(lambda name: name.replace("/", "\\")).zip(),
    "equal channels": lambda p: p.renamed(png, "PNG", "RGB").zip(),
    "opaque": lambda p: p.renamed(png, "PNG", "RGBA").zip(),
    "palette of greys": lambda p: p.renamed(png, "PNG", "P").zip(),
    "bitmaps": lambda p: p.renamed(lambda name: name.replace(".jpg", ".bmp"), "BMP").zip(),
    "tar": lambda p: p.tar(),
    "tar.xz": lambda p: p.tar("fer.tar.xz", "fer/", "w:xz"),
    "tar.bz2": lambda p: p.tar("fer.tbz2", "./", "w:bz2"),
    "zip in a folder": lambda p: p.beside(p.zip()),
    "zip beside its folder": zip_beside_its_folder,
    "zip of each half": halves,
    "zip in a zip": lambda p: p.packed(p.zip(), "outer.zip"),
    "tar.gz in a zip in a folder": lambda p: p.beside(p.packed(p.csv_tar(), "challenge.zip")),
    "challenge": challenge,
    "csv.gz": lambda p: compressed(p, ".gz"),
    "csv.bz2": lambda p: compressed(p, ".bz2"),
    "csv.xz": lambda p: compressed(p, ".xz"),
    "csv.gz in a zip": lambda p: p.packed(compressed(p, ".gz"), "outer.zip"),
    "csv.gz in a folder": lambda p: p.beside(compressed(p, ".gz")),
    "semicolons and a mark": lambda p: p.csv(delimiter=";", encoding="utf-8-sig"),
    "tabs": lambda p: p.csv(delimiter="\t"),
    "a column more": lambda p: p.rewritten(0, lambda code: f"9,{code}").csv(
        header="index,EMOTION,Pixels,usage"
    ),
    "labels as fractions": lambda p: p.rewritten(0, lambda code: f"{code}.0").csv(),
    "labels as words": lambda p: p.rewritten(0, lambda code: WORDS[int(code)]).csv(),
    "lower usage": lambda p: p.rewritten(2, str.lower).csv(),
    "usage of two words": lambda p: p.rewritten(2, lambda u: u.replace("Test", " test")).csv(),
    "zip": lambda p: p.zip(),
    "nested zip": lambda p: p.zip(inside="fer2013/"),
    "zip by another name": lambda p: p.zip(name="download"),
    "folder": lambda p: p.folder(),
    "nested folder with litter": littered_folder,
    "csv": lambda p: p.csv(),
    "csv by another name": lambda p: p.csv("faces.txt"),
    "icml csv": lambda p: p.icml_csv(),
    "csv in zip": lambda p: p.csv_zip(),
    "csv in tar.gz": lambda p: p.csv_tar(),
    "csv in tgz by another name": lambda p: p.csv_tar("fer"),
}
USAGE_OF = {Split.TRAIN: "Training", Split.VAL: "PublicTest", Split.TEST: "PrivateTest"}


def facts(images: ImageSet) -> dict[bytes, tuple[str, str]]:
    """Class and usage of each image, by its hash."""
    return {
        digest.tobytes(): (images.classes[label], USAGE_OF[split])
        for digest, label, split in zip(images.hashes, images.labels, images.split, strict=True)
    }


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_form_gives_the_same_images_classes_and_splits(published, form):
    expected = fer2013.load(str(published.zip(name="expected.zip")))
    (published.root / "expected.zip").unlink()
    images = fer2013.load(str(form(published)))
    assert len(images) == 28
    assert facts(images) == facts(expected)


@pytest.mark.parametrize("form", ["capital halves", "words of other forms", "lower-case usages"])
def test_a_tree_has_the_same_digest_however_it_is_written(published, form):
    expected = fer2013.load(str(published.zip(name="expected.zip"))).digest
    assert fer2013.load(str(FORMS[form](published))).digest == expected


def counted(published, counts: dict[str, int]) -> Path:
    """As many rows of each usage; every class in training."""
    pixels = published.rows[0][1]
    published.rows = [
        [str(number % 7), pixels, usage]
        for usage, count in counts.items()
        for number in range(count)
    ]
    return published.csv()


@pytest.mark.parametrize("kept", [{"PrivateTest": 1}, {"PublicTest": 3, "PrivateTest": 0}])
def test_a_csv_that_was_cut_at_the_end_of_a_line_is_noticed(published, monkeypatch, kept):
    whole = {"Training": 14, "PublicTest": 7, "PrivateTest": 2}
    monkeypatch.setattr(fer2013, "COUNTS", dict(zip(Split, whole.values(), strict=False)))
    assert fer2013.load(str(counted(published, whole))).notes == ()
    with pytest.raises(DataError, match=r"fer2013.csv is cut short: .* of FER2013's 23; get it"):
        fer2013.load(str(counted(published, whole | kept)))


def test_how_much_of_the_data_set_it_is_is_told(published):
    told = "28 images (14 Training, 7 PublicTest and 7 PrivateTest); all of FER2013 has 35,887"
    for _ in ("read", "cached"):
        assert fer2013.load(str(published.csv())).notes == (told,)


def test_a_tree_keeps_its_names_and_sorts_by_them(published):
    images = fer2013.load(str(published.zip(inside="one/level/")))
    assert images.names.tolist() == sorted(published.pictures)
    for name, label, split in zip(images.names, images.labels, images.split, strict=True):
        _, expression, file = name.split("/")
        assert EXPRESSIONS[label] == expression
        assert file.startswith(USAGE_OF[split])


def test_zip_and_folder_are_one_data_set(published):
    zipped, unpacked = published.zip(), published.folder(inside="deep/down/")
    assert fer2013.load(str(zipped)).digest == fer2013.load(str(unpacked)).digest


def test_pixels_are_those_of_the_picture(published):
    name = "train/sad/Training_5.jpg"
    images = fer2013.load(str(published.folder()))
    with Image.open(published.root / "tree" / name) as picture:
        expected = np.asarray(picture)
    assert np.array_equal(images.images[images.names == name][0], expected)


def test_a_csv_keeps_its_order_and_maps_codes_to_the_order_of_folders(published):
    images = fer2013.load(str(published.csv()))
    usages = [usage for _, _, usage in published.rows]
    assert images.names.tolist() == [f"{usage}_{i}" for i, usage in enumerate(usages)]
    assert [images.classes[label] for label in images.labels] == [
        CODES[int(code)] for code, _, _ in published.rows
    ]
    assert images.images[0].ravel().tolist() == [int(x) for x in published.rows[0][1].split()]


def test_a_source_is_read_once_until_it_changes(published, monkeypatch):
    read, times = fer2013._read, []
    monkeypatch.setattr(fer2013, "_read", lambda path: times.append(path) or read(path))
    for source in (published.zip(), published.folder(), published.csv()):
        times.clear()
        first, second = fer2013.load(str(source)), fer2013.load(str(source))
        assert len(times) == 1
        assert first.digest == second.digest
        touched = source / "train/sad/Training_5.jpg" if source.is_dir() else source
        os.utime(touched, ns=(1, 1))
        fer2013.load(str(source))
        assert len(times) == 2


def test_reading_needs_no_heavy_import():
    program = (
        "import sys, ferlab.data.fer2013, ferlab.data.splits, ferlab.data.audit\n"
        "print(sorted({'torch', 'mlflow', 'matplotlib', 'optuna', 'hydra'} & set(sys.modules)))"
    )
    assert run([sys.executable, "-c", program]).stdout.strip() == "[]"
