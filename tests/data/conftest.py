"""Tiny sets in the forms that FER2013 is published in."""

import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ferlab.data.imageset import EXPRESSIONS

CODES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
USAGES = {"Training": "train", "PublicTest": "test", "PrivateTest": "test"}


@pytest.fixture(autouse=True)
def cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("FERLAB_CACHE", str(folder))
    return folder


def encode(grey: np.ndarray, form: str = "JPEG") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(grey).save(buffer, form)
    return buffer.getvalue()


def reencoded(picture: bytes, form: str, mode: str) -> bytes:
    """The same pixels in another format without loss, or mode."""
    buffer = io.BytesIO()
    Image.open(io.BytesIO(picture)).convert(mode or "L").save(buffer, form)
    return buffer.getvalue()


def noise(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape or (48, 48), np.uint8)


class Published:
    """28 images of noise: of each class two for training, one public and one private for testing.

    A test changes `pictures` or `rows` and then writes one of the forms.
    """

    def __init__(self, folder: Path) -> None:
        self.root = folder
        usages = ("Training", "Training", "PublicTest", "PrivateTest")
        self.pictures = {
            f"{USAGES[usage]}/{expression}/{usage}_{number}.jpg": encode(noise(number))
            for number, (usage, expression) in enumerate(
                (usage, expression) for usage in usages for expression in EXPRESSIONS
            )
        }
        self.rows = []
        for name, picture in self.pictures.items():
            _, expression, file = name.split("/")
            grey = np.asarray(Image.open(io.BytesIO(picture)))
            pixels = " ".join(map(str, grey.ravel().tolist()))
            self.rows.append([str(CODES.index(expression)), pixels, file.split("_")[0]])

    def zip(self, inside: str = "", name: str = "archive.zip") -> Path:
        path = self.root / name
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, content in self.pictures.items():
                archive.writestr(inside + member, content)
        return path

    def folder(self, inside: str = "") -> Path:
        for member, content in self.pictures.items():
            path = self.root / "tree" / inside / member
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return self.root / "tree"

    def renamed(self, change: Callable[[str], str], form: str = "", mode: str = "") -> "Published":
        """The pictures under other names, and in another format or mode."""
        self.pictures = {
            change(name): reencoded(picture, form, mode) if form else picture
            for name, picture in self.pictures.items()
        }
        return self

    def rewritten(self, column: int, change: Callable[[str], str]) -> "Published":
        """The rows with one column written otherwise."""
        for row in self.rows:
            row[column] = change(row[column])
        return self

    def csv(
        self,
        name: str = "fer2013.csv",
        header: str = "emotion,pixels,Usage",
        delimiter: str = ",",
        encoding: str = "utf-8",
    ) -> Path:
        path = self.root / name
        lines = [header.replace(",", delimiter), *(delimiter.join(row) for row in self.rows)]
        path.write_text("\n".join(lines) + "\n", encoding)
        return path

    def tar(self, name: str = "fer2013", inside: str = "", mode: str = "w") -> Path:
        path = self.root / name
        with tarfile.open(path, mode) as archive:
            for member, content in self.pictures.items():
                entry = tarfile.TarInfo(inside + member)
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
        return path

    def packed(self, source: Path, *names: str) -> Path:
        """A file in a zip in a zip and so on, under these names; the last is the outermost."""
        for name in names:
            path = self.root / name
            with zipfile.ZipFile(path, "w") as archive:
                archive.write(source, source.name)
            source = path
        return source

    def beside(self, *sources: Path) -> Path:
        """Files alone in a folder."""
        folder = self.root / "held"
        folder.mkdir()
        for source in sources:
            source.rename(folder / source.name)
        return folder

    def icml_csv(self) -> Path:
        self.rows = [[emotion, f" {usage}", f" {pixels}"] for emotion, pixels, usage in self.rows]
        return self.csv("icml_face_data.csv", "emotion, Usage, pixels")

    def csv_zip(self) -> Path:
        path = self.root / "challenge.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("train.csv", "emotion,pixels\n0,1 2 3\n")
            archive.write(self.csv(), "data/fer2013.csv")
        return path

    def csv_tar(self, name: str = "fer2013.tar.gz") -> Path:
        path = self.root / name
        with tarfile.open(path, "w:gz") as archive:
            readme = tarfile.TarInfo("fer2013/README")
            readme.size = 5
            archive.addfile(readme, io.BytesIO(b"hello"))
            archive.add(self.csv(), "fer2013/fer2013.csv")
        return path


@pytest.fixture
def published(tmp_path: Path) -> Published:
    return Published(tmp_path)
