import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ferlab.data import fer2013
from ferlab.data.imageset import EXPRESSIONS, ImageSet, Split
from tests.processes import run


def littered_folder(published) -> Path:
    tree = published.folder(inside="archive/fer2013/")
    for name in (".DS_Store", "Thumbs.db", "__MACOSX/train/angry/._Training_0.jpg"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes(b"litter")
    return tree


FORMS: dict[str, Callable] = {
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
    images = fer2013.load(str(form(published)))
    expected = fer2013.load(str(published.zip(name="expected.zip")))
    assert len(images) == 28
    assert facts(images) == facts(expected)


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
    of_code = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
    assert [images.classes[label] for label in images.labels] == [
        of_code[int(code)] for code, _, _ in published.rows
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
