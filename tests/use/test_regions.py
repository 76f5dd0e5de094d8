"""Regions of a face: they hold its parts, and tell which of them a network goes by."""

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor, nn

from ferlab.analysis.regions.seeded import REGIONS
from ferlab.config.compose import compose
from ferlab.data import faces
from ferlab.data.faces import anatomy
from ferlab.data.imageset import EXPRESSIONS, SIZE, ImageSet, Split
from ferlab.models.classifier import Classifier
from ferlab.use.explain.regions.landmarks import find_landmarks
from ferlab.use.explain.regions.masks import Masks, region_masks
from ferlab.use.explain.regions.measure import covered, measure
from tests.use.portrait import EYES, portrait

IMAGES = 1000
MOUTH = REGIONS.index("mouth")


@pytest.fixture(scope="module")
def drawn() -> ImageSet:
    return faces.draw(IMAGES)


@pytest.fixture(scope="module")
def masks() -> Masks:
    return region_masks(faces.landmarks(IMAGES, 0))


def test_each_pixel_is_in_one_region(masks: Masks) -> None:
    assert masks.shape == (IMAGES, len(REGIONS), SIZE, SIZE)
    assert (masks.sum(axis=1) == 1).all()
    areas = masks.mean(axis=(0, 2, 3))
    assert (areas[:-1] > 0.04).all()
    assert areas[-1] > 0.5


@pytest.mark.parametrize("region", REGIONS[:-1])
def test_the_ink_of_each_part_of_a_face_is_in_its_region(region: str, masks: Masks) -> None:
    """Each part is drawn alone, on white, by the drawing's own function."""
    some = 200
    people = faces._people(IMAGES, 0).values
    values = {name: v[:some].astype(np.float32)[:, None, None] for name, v in people.items()}
    grey = np.ones((some, SIZE, SIZE), np.float32)
    getattr(anatomy, f"_{region}")(grey, values, anatomy.View.of(values))
    ink = np.where(grey < 0.9, 1 - grey, 0)
    within = ink * masks[:some, REGIONS.index(region)]
    inside = within.sum(axis=(1, 2)) / ink.sum(axis=(1, 2))
    assert inside.mean() > 0.88
    assert np.quantile(inside, 0.25) > 0.85


def test_landmarks_of_a_photograph_are_found_in_its_48_pixels_or_nobody_knows_them() -> None:
    left, top, side = 150, 100, 240
    face = portrait().convert("L").crop((left, top, left + side, top + side))
    images = np.stack([np.asarray(face.resize((SIZE, SIZE))), np.full((SIZE, SIZE), 90, np.uint8)])
    photos = ImageSet.of(images, np.zeros(2), np.zeros(2), ["officer", "wall"])
    found = find_landmarks(compose(["data=folder", "data.path=."]).data, photos, np.arange(2))
    eyes = (np.array(EYES) - (left, top)) * SIZE / side
    assert np.abs(found[0, :2] - eyes).max() < 2
    nose, corners = found[0, 2], found[0, 3:]
    assert eyes[0, 0] < nose[0] < eyes[1, 0]
    assert eyes[:, 1].max() < nose[1] < corners[:, 1].min()
    assert np.isnan(found[1]).all()


def test_regions_turn_and_grow_with_the_face() -> None:
    upright = np.array([[17.1, 20.2], [31.3, 20.4], [24, 27], [19, 34], [29, 34]])
    quarter = np.stack([SIZE - upright[:, 1], upright[:, 0]], axis=1)  # with the clock
    smaller = (upright + SIZE) / 2 - 12
    as_it_was, turned, small = region_masks(np.stack([upright, quarter, smaller]))
    assert (turned == np.rot90(as_it_was, -1, axes=(1, 2))).all()
    areas, quartered = as_it_was[:-1].sum(axis=(1, 2)), small[:-1].sum(axis=(1, 2))
    assert np.allclose(quartered, areas / 4, rtol=0.3)


def test_what_is_covered_is_the_mean_grey(drawn: ImageSet, masks: Masks) -> None:
    images, mask = drawn.images[:3], masks[:3, MOUTH]
    hidden = covered(images, mask)
    assert hidden.dtype == np.uint8
    assert (hidden[~mask] == images[~mask]).all()
    for image, at, was in zip(hidden, mask, images, strict=True):
        assert set(image[at].tolist()) == {round(float(was.mean()))}


class Sees(nn.Module):
    """Tells the classes of known images apart by the pixels of one window alone."""

    def __init__(self, window: npt.NDArray[np.bool_], images: Tensor, labels: Tensor) -> None:
        super().__init__()
        self.window = torch.from_numpy(window).float()
        self.known = images * self.window
        self.classes = nn.functional.one_hot(labels, 7).float()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, images: Tensor) -> Tensor:
        """The nearer a known image is within the window, the more its class counts."""
        apart = torch.cdist((images * self.window).flatten(1), self.known.flatten(1))
        return self.scale * (-apart).softmax(dim=1) @ self.classes


@pytest.mark.parametrize("method", ["integrated_gradients", "saliency"])
@pytest.mark.parametrize("region", REGIONS)
def test_a_network_that_sees_one_region_goes_by_no_other(
    drawn: ImageSet, region: str, method: str
) -> None:
    r, n = REGIONS.index(region), 6
    upright = np.array([[17.0, 20], [31, 20], [24, 27], [19, 34], [29, 34]])
    same = np.repeat(region_masks(upright[None]), n, axis=0)
    images, labels = drawn.images[:n], drawn.labels[:n]
    shown = torch.tensor(images).unsqueeze(1) / 255
    network = Sees(same[0, r], shown, torch.tensor(labels).long())
    used = measure(Classifier(network, 0, 1), images, labels, same, method)
    assert used.flat == 0
    assert np.allclose(used.shares[:, r], 1)
    others = np.delete(used.drops, r, axis=1)
    assert (others == 0).all()
    assert (used.drops[:, r] >= 0).all()
    assert used.drops[:, r].sum() > 0


def test_a_map_that_is_zero_everywhere_counts_as_spread_evenly(
    drawn: ImageSet, masks: Masks
) -> None:
    class Blind(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.bias = nn.Parameter(torch.arange(7.0))

        def forward(self, images: Tensor) -> Tensor:
            return self.bias + 0 * images.mean(dim=(1, 2, 3))[:, None]

    blind = Classifier(Blind(), 0, 1)
    used = measure(blind, drawn.images[:5], drawn.labels[:5], masks[:5], "saliency")
    assert used.flat == 5
    assert np.allclose(used.shares, masks[:5].mean(axis=(2, 3)))
    assert (used.drops == 0).all()


class Templates(nn.Module):
    """A linear network, which weighs each pixel by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.zeros(SIZE * SIZE, len(EXPRESSIONS)))

    def forward(self, images: Tensor) -> Tensor:
        pixels = images.flatten(1)
        return (pixels - pixels.mean(dim=1, keepdim=True)) @ self.weights


def trained(images: npt.NDArray[np.uint8], labels: npt.NDArray[np.uint8]) -> Classifier:
    classifier = Classifier(Templates(), 0, 0.25)
    optimizer = torch.optim.SGD(classifier.parameters(), lr=0.01, momentum=0.9)
    for _ in range(15):
        optimizer.zero_grad()
        scores = classifier(torch.from_numpy(images))
        nn.functional.cross_entropy(scores, torch.tensor(labels).long()).backward()
        optimizer.step()
    return classifier


@pytest.mark.parametrize("method", ["integrated_gradients", "saliency"])
def test_a_network_that_never_saw_a_mouth_does_not_go_by_it(
    drawn: ImageSet, masks: Masks, method: str
) -> None:
    train = drawn.indices(Split.TRAIN)
    held_out = np.flatnonzero(drawn.split != Split.TRAIN)
    images, labels = drawn.images, drawn.labels
    hidden = covered(images[train], masks[train, MOUTH])
    rows = images[held_out], labels[held_out], masks[held_out]
    saw, never = (
        measure(trained(seen, labels[train]), *rows, method) for seen in (images[train], hidden)
    )
    shares = [used.shares[:, MOUTH].mean() for used in (saw, never)]
    drops = [used.drops[:, MOUTH].mean() for used in (saw, never)]
    area = masks[held_out, MOUTH].mean()
    assert shares[0] > 1.3 * area
    assert shares[1] < 0.7 * area
    assert drops[0] > 0.06
    assert drops[1] < drops[0] / 2
