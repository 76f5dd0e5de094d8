"""MTCNN on a photo that everybody has: found wherever it is, and not where it is not."""

import math

import numpy as np
import pytest
from PIL import Image

from ferlab.errors import FerlabError
from ferlab.use.face import Face
from ferlab.use.mtcnn import networks
from ferlab.use.mtcnn.cascade import Cascade
from tests.use.portrait import BOX, EYES, photo, portrait


@pytest.fixture(scope="module")
def cascade() -> Cascade:
    return Cascade()


def overlap(face: Face, box: tuple[float, float, float, float]) -> float:
    """What two boxes share, of what they cover together."""
    sides = [max(0, min(face.box[i + 2], box[i + 2]) - max(face.box[i], box[i])) for i in (0, 1)]
    sizes = [(b[2] - b[0]) * (b[3] - b[1]) for b in (face.box, box)]
    return math.prod(sides) / (sum(sizes) - math.prod(sides))


def moved(by: float, x: float, y: float) -> tuple[float, float, float, float]:
    left, top, right, bottom = (edge * by for edge in BOX)
    return left + x, top + y, right + x, bottom + y


def test_the_face_is_found_and_its_eyes(cascade: Cascade) -> None:
    (face,) = cascade.find(photo(portrait()))
    assert overlap(face, BOX) > 0.8
    assert face.score > 0.9
    assert face.eyes is not None
    assert np.abs(face.eyes - EYES).max() < 12


@pytest.mark.parametrize("by", [0.25, 1, 6])
def test_it_is_found_at_every_size_in_pixels_of_the_photo(cascade: Cascade, by: float) -> None:
    picture = portrait()
    size = round(picture.width * by), round(picture.height * by)
    (face,) = cascade.find(photo(picture.resize(size)))
    assert overlap(face, moved(by, 0, 0)) > 0.7


def test_every_face_of_a_group_is_found_and_the_surest_is_first(cascade: Cascade) -> None:
    small = portrait().resize((256, 300))
    group = Image.new("RGB", (1000, 700), (90, 120, 90))
    places = [(0, 0), (370, 50), (700, 10), (120, 380), (600, 390)]
    for place in places:
        group.paste(small, place)
    found = cascade.find(photo(group))
    assert len(found) == len(places)
    for x, y in places:
        assert max(overlap(face, moved(0.5, x, y)) for face in found) > 0.7
    assert [face.score for face in found] == sorted((f.score for f in found), reverse=True)


@pytest.mark.parametrize("degrees", [-40, -25, 15, 45])
def test_a_tilted_face_is_found_with_its_tilt(cascade: Cascade, degrees: float) -> None:
    tilted = portrait().rotate(-degrees, Image.Resampling.BICUBIC, expand=True)
    face = cascade.find(photo(tilted))[0]
    assert face.eyes is not None
    across, down = face.eyes[1] - face.eyes[0]
    assert math.degrees(math.atan2(down, across)) == pytest.approx(degrees - 3, abs=12)


def test_nothing_is_found_where_there_is_nothing(cascade: Cascade) -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (240, 320, 3), np.uint8)
    for empty in (noise, np.full_like(noise, 128), noise[:1, :1], noise[:1], noise[:13, :12]):
        assert cascade.find(empty) == []


def test_other_weights_than_those_that_were_measured_are_not_unpickled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(networks.joblib, "load", lambda _: pytest.fail("it was"))
    monkeypatch.setitem(networks._DIGESTS, "pnet", "0" * 64)
    with pytest.raises(FerlabError, match=r"another version: pip install .* --face whole"):
        Cascade()


def test_without_the_extra_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise networks.PackageNotFoundError(name)

    monkeypatch.setattr(networks, "distribution", missing)
    with pytest.raises(
        FerlabError, match=r"is missing: pip install .*ferlab\[use\].* --face whole"
    ):
        Cascade()
