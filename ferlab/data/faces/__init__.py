"""Drawn faces: a data set that needs no download, for trying things out and for tests.

The seven expressions of FER2013 as 48x48 grey drawings. They are made from facial actions at
varying strength, blended and uneven, on people, poses, light and cameras that vary too, so that
faint and neighbouring expressions are hard to tell apart, as they are in photographs.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ferlab.data.cache import cached
from ferlab.data.faces import actions, anatomy, traits
from ferlab.data.faces.brush import Grid
from ferlab.data.imageset import EXPRESSIONS, SIZE, ImageSet, Split
from ferlab.errors import DataError

VERSION = 1
"""Counts the changes that alter any pixel or label."""

SHARES = {"disgust": 0.4}
"""Expression -> its frequency relative to the others; disgust is rare, as in FER2013."""

HELD_OUT = 0.11
"""The share of each class that is VAL, and the share that is TEST."""

MIN_IMAGES = 70
"""Fewest images with which every class has an image in every split."""

_CHUNK = 32  # images drawn at once: their arrays stay in a core's cache


def draw(images: int = 9000, seed: int = 0) -> ImageSet:
    """The drawn faces, from the cache if they were drawn before.

    Args:
        images: number of images, at least 70.
        seed: seed of the drawing, at least 0.

    Raises:
        DataError: ``images`` or ``seed`` is too low.
    """
    _check(images, seed)
    key = {"source": "faces", "version": VERSION, "images": images, "seed": seed}
    return cached(key, lambda: render(images, seed))


def render(images: int, seed: int) -> ImageSet:
    """Draw the faces; the same arguments give the same bytes on every machine.

    Args:
        images: number of images, at least 70.
        seed: seed of the drawing, at least 0.

    Returns:
        images named ``face_00000`` and on, 78 % TRAIN, 11 % VAL and 11 % TEST of each class.

    Raises:
        DataError: ``images`` or ``seed`` is too low.
    """
    labels, split, values, noise = _people(images, seed)
    pixels = np.empty((images, SIZE, SIZE), np.uint8)
    for rows, faces in _chunks(images, values):
        tones = _photograph(anatomy.draw_anatomy(faces), faces, noise)
        pixels[rows] = np.clip(tones * 255 + 0.5, 0, 255)
    return ImageSet.of(pixels, labels, split, [f"face_{i:05d}" for i in range(images)])


def landmarks(images: int, seed: int) -> npt.NDArray[np.float64]:
    """Where the parts of the same drawn faces lie, whatever they express.

    Returns:
        x and y in pixels from the image's upper left corner, of the left eye, the right eye, the
        tip of the nose, and the left and the right corner of the mouth at rest, left and right as
        in the image: shape (images, 5, 2).

    Raises:
        DataError: ``images`` or ``seed`` is too low.
    """
    return anatomy.landmarks_of(_people(images, seed).values)


class _People(NamedTuple):
    """Who is to be drawn: a label, a split and values of traits and actions for each image."""

    labels: npt.NDArray[np.intp]
    split: npt.NDArray[np.uint8]
    values: Mapping[str, npt.NDArray[np.float64]]
    noise: np.random.Generator


def _people(images: int, seed: int) -> _People:
    _check(images, seed)
    # Two streams: the noise is drawn chunk by chunk, all else at once.
    rng, noise = (np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(2))
    labels = _labels(images, rng)
    split = _split(labels, rng)
    values = traits.sample_traits(images, rng) | actions.sample_actions(labels, rng)
    return _People(labels, split, values, noise)


def _check(images: int, seed: int) -> None:
    if images < MIN_IMAGES:
        raise DataError(
            f"{images} drawn faces are too few for all classes: ask for {MIN_IMAGES} or more"
        )
    if seed < 0:
        raise DataError(f"the seed of the drawn faces is {seed}: it must be 0 or more")


def _labels(n: int, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """Labels in random order, their counts as `SHARES` says; shape (n,)."""
    shares = np.cumsum([SHARES.get(name, 1.0) for name in EXPRESSIONS])
    ends = np.rint(shares / shares[-1] * n)
    return rng.permutation(np.searchsorted(ends, np.arange(n), side="right"))


def _split(labels: npt.NDArray[np.intp], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """A split per image, in the same proportions in each class; shape (n,)."""
    split = np.full(len(labels), Split.TRAIN, np.uint8)
    for label in range(len(EXPRESSIONS)):
        members = rng.permutation(np.flatnonzero(labels == label))
        held_out = max(1, round(HELD_OUT * len(members)))
        split[members[:held_out]] = Split.VAL
        split[members[held_out : 2 * held_out]] = Split.TEST
    return split


def _chunks(
    n: int, values: Mapping[str, npt.NDArray[np.float64]]
) -> Iterator[tuple[slice, dict[str, Grid]]]:
    """Yield the positions of each chunk of images, and their values, shape (chunk, 1, 1)."""
    columns = {name: v.astype(np.float32)[:, None, None] for name, v in values.items()}
    for start in range(0, n, _CHUNK):
        rows = slice(start, start + _CHUNK)
        yield rows, {name: column[rows] for name, column in columns.items()}


def _photograph(tones: Grid, f: Mapping[str, Grid], rng: np.random.Generator) -> Grid:
    """Add a camera's blur, contrast, exposure and noise; (n, 48, 48) -> (n, 48, 48)."""
    side = f["blur"]
    for axis in (1, 2):
        near = np.roll(tones, 1, axis) + np.roll(tones, -1, axis)
        tones = tones * (1 - 2 * side) + near * side
    tones = (tones - 0.5) * f["contrast"] + 0.5
    grain = rng.random((len(tones), 2, SIZE, SIZE), np.float32)
    return tones * f["exposure"] + (grain[:, 0] - grain[:, 1]) * f["noise"]
