"""From config and images to the parts of a run."""

import numpy as np
import pytest
import torch

from ferlab.config.compose import compose
from ferlab.data import faces
from ferlab.data.imageset import Split
from ferlab.training.assemble import make_module, normalisation
from tests.conftest import TINY


def module(*overrides: str):
    images = faces.draw(280)
    return make_module(compose([*TINY, *overrides]), images, (0.5, 0.25), ())


def test_normalisation_makes_training_images_standard() -> None:
    images = faces.draw(280)
    mean, std = normalisation(images, "standard")
    train = images.images[images.indices(Split.TRAIN)] / 255
    assert mean == pytest.approx(train.mean())
    assert std == pytest.approx(train.std())
    assert normalisation(images, "unit") == (0.0, 1.0)


def test_balanced_weights_count_classes_alike() -> None:
    weights = module("trainer.class_weights=balanced").class_weights
    counts = np.array(list(faces.draw(280).counts(Split.TRAIN).values()))
    np.testing.assert_allclose(weights.numpy() * counts, counts.sum() / 7, rtol=1e-6)
    assert module().class_weights is None


def test_class_weights_and_label_smoothing_enter_the_loss() -> None:
    batch = torch.zeros(4, 48, 48, dtype=torch.uint8), torch.tensor([0, 1, 1, 2])
    losses = []
    for overrides in ([], ["trainer.class_weights=balanced"], ["trainer.label_smoothing=0.2"]):
        made = module(*overrides)
        made.eval()
        losses.append(made.training_step(batch, 0).item())
    assert len(set(losses)) == 3


def test_an_epochs_order_depends_on_seed_and_epoch_alone() -> None:
    def order(seed: int, first_epoch: int) -> list[int]:
        made = module(f"seed={seed}")
        made.first_epoch = first_epoch
        return [int(i) for _, labels in made.train_dataloader() for i in labels]

    assert order(0, 1) == order(0, 1)
    assert order(0, 1) != order(0, 2)
    assert order(0, 1) != order(1, 1)
