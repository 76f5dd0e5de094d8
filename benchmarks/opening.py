"""Opening data: from the cache against reading it the first time."""

import io
import shutil
import time
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.measure import TrialRow, compare, scratch
from ferlab import paths
from ferlab.data import faces, fer2013
from ferlab.data.imageset import ImageSet, Split

PREFIX = {Split.TRAIN: "train", Split.VAL: "test", Split.TEST: "test"}
FILE = {Split.TRAIN: "Training", Split.VAL: "PublicTest", Split.TEST: "PrivateTest"}


def rows() -> list[TrialRow]:
    """Seconds to a usable `ImageSet`."""
    with scratch() as folder:
        archive = folder / "archive.zip"
        _write(archive, faces.draw(9000))

        def cached() -> float:
            return _timed(archive)

        def first() -> float:
            shutil.rmtree(paths.cache(), ignore_errors=True)
            return _timed(archive)

        first()
        return [
            compare(
                "opening a zip of 9,000 JPEGs, cached",
                "reading it the first time",
                cached,
                first,
                "s",
                "< 0.03",
            )
        ]


def _timed(archive: Path) -> float:
    started = time.monotonic()
    images = fer2013.load(str(archive))
    images.images[-1].sum()  # the pixels are there, not only promised
    return time.monotonic() - started


def _write(path: Path, images: ImageSet) -> None:
    """The drawn faces in the layout of Kaggle's FER2013."""
    with zipfile.ZipFile(path, "w") as archive:
        for i, (label, split) in enumerate(zip(images.labels, images.split, strict=True)):
            buffer = io.BytesIO()
            Image.fromarray(np.asarray(images.images[i])).save(buffer, "JPEG", quality=95)
            where = f"{PREFIX[Split(split)]}/{images.classes[label]}/{FILE[Split(split)]}_{i}.jpg"
            archive.writestr(where, buffer.getvalue())
