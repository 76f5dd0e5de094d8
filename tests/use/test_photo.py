"""Photos of every kind: upright RGB, or one line that says what is wrong."""

import io
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ferlab.data import pictures
from ferlab.errors import DataError
from ferlab.use import photo

PAINTED = Image.effect_mandelbrot((60, 40), (-2, -1.5, 1, 1.5), 50).convert("RGB")
PAINTED.paste((200, 30, 60), (0, 0, 20, 20))  # what is up, and left, can be told


def saved(picture: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def distance(data: bytes) -> float:
    """How far a file's photo is from the painted one: mean levels of grey."""
    read = photo.decode(data, "photo")
    assert (read.shape, read.dtype) == ((40, 60, 3), np.uint8)
    return float(np.abs(read.astype(int) - np.asarray(PAINTED).astype(int)).mean())


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM"])
def test_a_photo_is_what_it_was(kind: str) -> None:
    assert distance(saved(PAINTED, kind)) == 0


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "AVIF", "HEIF"])
def test_a_photo_that_lost_a_little_is_nearly_what_it_was(kind: str) -> None:
    assert distance(saved(PAINTED, kind, quality=95)) < 5


def test_a_photo_of_a_telephone_is_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees with the clock
    lying = PAINTED.transpose(Image.Transpose.ROTATE_90)
    for kind in ("JPEG", "HEIF"):
        assert distance(saved(lying, kind, quality=95, exif=exif.tobytes())) < 5


def test_grey_palette_and_printers_inks() -> None:
    grey = PAINTED.convert("L")
    as_rgb = np.asarray(grey.convert("RGB")).astype(int)
    assert np.array_equal(photo.decode(saved(grey, "PNG"), "photo"), as_rgb)
    assert distance(saved(PAINTED.convert("P", palette=Image.Palette.ADAPTIVE), "PNG")) < 5
    assert distance(saved(PAINTED.convert("CMYK"), "JPEG", quality=95)) < 5
    assert distance(saved(PAINTED.convert("CMYK"), "TIFF")) < 5


def test_of_16_bits_the_upper_8_are_read() -> None:
    deep = (np.asarray(PAINTED.convert("L")).astype(np.uint16) << 8) + 77
    read = photo.decode(saved(Image.fromarray(deep), "PNG"), "photo")
    assert np.array_equal(read[:, :, 0], deep >> 8)
    assert np.array_equal(read[:, :, 2], deep >> 8)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_behind_what_is_transparent_is_white(mode: str) -> None:
    layer = Image.new("RGBA", (4, 2), (0, 0, 0, 255))
    layer.paste((0, 0, 0, 0), (0, 0, 2, 2))
    layer.paste((0, 0, 0, 128), (3, 0, 4, 2))
    read = photo.decode(saved(layer.convert(mode), "PNG"), "photo")
    assert read[0, :, 0].tolist() == [255, 255, 0, 127]


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF"])
def test_of_what_moves_the_first_picture_is_read(kind: str) -> None:
    black, white = (Image.new("RGB", (8, 6), shade) for shade in ("black", "white"))
    data = saved(black, kind, save_all=True, append_images=[white, white])
    assert photo.decode(data, "photo").max() < 10


def refused(data: bytes) -> str:
    with pytest.raises(DataError) as caught:
        photo.decode(data, "a.jpg")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_is_no_photo_is_refused() -> None:
    assert refused(b"") == "a.jpg is empty"
    known = "JPEG, PNG, BMP, TIFF, WebP, PPM, GIF, AVIF or HEIC"
    assert refused(b"hello") == f"a.jpg is no readable picture ({known})"
    assert refused(b"%PDF-1.4") == f"a.jpg is no readable picture ({known})"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "HEIF"])
def test_a_photo_that_is_cut_off_is_damaged(kind: str) -> None:
    data = saved(PAINTED, kind)
    assert refused(data[: len(data) * 2 // 3]).startswith("a.jpg is ")


def test_levels_of_no_known_range_are_refused() -> None:
    infinite = Image.fromarray(np.full((4, 4), 1e6, np.float32))
    assert refused(saved(infinite, "TIFF")).startswith("a.jpg has levels of no known range (F)")


def test_a_huge_photo_is_refused_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "upright", lambda _: pytest.fail("it was decoded"))
    assert refused(png_of(10_000, 6_000)) == (
        "a.jpg has 10,000 x 6,000 pixels; photos may have 50,000,000"
    )
    assert refused(png_of(60_000, 60_000)) == "a.jpg has more pixels than any picture"


def png_of(width: int, height: int) -> bytes:
    """What says that it is a PNG of this size; there is little in it."""
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x00\x00\x00\x00"
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        len(body).to_bytes(4, "big") + name + body + zlib.crc32(name + body).to_bytes(4, "big")
        for name, body in chunks
    )


def test_a_file_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MAX_BYTES", 100)
    assert refused(saved(PAINTED, "PNG")) == "a.jpg is larger than 100 bytes"


def test_without_the_extra_heic_is_told_from_damage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photo, "_HEIC", ())
    told = refused(saved(PAINTED, "HEIF"))
    assert told.startswith("a.jpg is HEIC, which is read by ferlab[use] alone: pip install")
