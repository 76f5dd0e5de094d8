"""From config and images to the parts of a run."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ferlab.config.compose import compose
from ferlab.data import faces
from ferlab.data.imageset import ImageSet, Split
from ferlab.errors import ConfigError
from ferlab.training.assemble import fit_classes, make_module, normalisation
from ferlab.training.module import ExpressionModule
from tests.conftest import TINY


def module(*overrides: str, images: ImageSet | None = None) -> ExpressionModule:
    """What is trained on drawn faces or other images; it can take a step."""
    made = make_module(compose([*TINY, *overrides]), images or faces.draw(280), (0.5, 0.25), ())
    made.configure_optimizers()
    return made


def test_normalisation_makes_training_images_standard() -> None:
    images = faces.draw(280)
    mean, std = normalisation(images, "standard")
    train = images.images[images.indices(Split.TRAIN)] / 255
    assert mean == pytest.approx(train.mean())
    assert std == pytest.approx(train.std())
    assert normalisation(images, "unit") == (0.0, 1.0)


def test_balanced_weights_count_classes_alike() -> None:
    weights = module("loss.class_weights=balanced").loss.class_weights
    counts = np.array(list(faces.draw(280).counts(Split.TRAIN).values()))
    np.testing.assert_allclose(weights.numpy() * counts, counts.sum() / 7, rtol=1e-6)


def test_the_configured_loss_is_what_is_trained_on() -> None:
    batch = torch.zeros(4, 48, 48, dtype=torch.uint8), torch.tensor([0, 1, 1, 2])
    losses = []
    for overrides in (
        ["loss=cross_entropy"],
        ["loss.class_weights=balanced"],
        ["loss.label_smoothing=0.2"],
        ["loss=focal"],
        ["loss=balanced_softmax"],
    ):
        made = module(*overrides)
        made.eval()
        losses.append(made.training_step(batch, 9).item())
    assert len(set(losses)) == len(losses)


def one_for_each_image(class_counts: torch.Tensor) -> torch.nn.Module:
    del class_counts
    return torch.nn.CrossEntropyLoss(reduction="none")


def test_a_loss_that_is_no_single_number_is_refused() -> None:
    config = compose([*TINY, f"loss._target_={__name__}.one_for_each_image"])
    with pytest.raises(ConfigError, match=r"one_for_each_image' gives no single number for"):
        make_module(config, faces.draw(280), (0.5, 0.25), config.names())


def test_an_epochs_order_depends_on_seed_and_epoch_alone() -> None:
    def order(seed: int, first_epoch: int) -> list[int]:
        made = module(f"seed={seed}")
        made.first_epoch = first_epoch
        return [int(i) for _, labels in made.train_dataloader() for i in labels]

    assert order(0, 1) == order(0, 1)
    assert order(0, 1) != order(0, 2)
    assert order(0, 1) != order(1, 1)


def test_balanced_sampling_draws_training_images_with_their_own_targets() -> None:
    images = faces.draw(280)
    soft = np.eye(7, dtype=np.float32)[images.labels]
    rare = (images.labels == 0) & (np.arange(280) % 4 > 0)
    split = np.where(rare & (images.split == Split.TRAIN), Split.UNUSED, images.split)
    less = replace(images, targets=soft, split=split)
    made = module("trainer.sampling=balanced", images=less)
    first, again = (list(made.train_dataloader()) for _ in range(2))
    assert all(torch.equal(a[0], b[0]) for a, b in zip(first, again, strict=True))
    made.first_epoch = 1
    assert not torch.equal(first[0][0], next(iter(made.train_dataloader()))[0])
    train = {i.tobytes(): y for i, y in zip(images.images, images.labels, strict=True)}
    pairs = [pair for batch in first for pair in zip(*batch, strict=True)]
    assert len(pairs) == len(less.indices(Split.TRAIN))
    assert all(train[i.numpy().tobytes()] == t.argmax() for i, t in pairs)
    share = np.mean([t.argmax().item() == 0 for _, t in pairs])
    assert share > 2 * less.counts(Split.TRAIN)["angry"] / len(pairs)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw", "muon"])
def test_weight_decay_may_spare_norms_and_biases(optimizer: str) -> None:
    def decays(*overrides: str) -> dict[str, float]:
        made = module(f"optimizer={optimizer}", "optimizer.weight_decay=0.3", *overrides)
        groups = made.optimizer.param_groups
        decay = {id(p): group["weight_decay"] for group in groups for p in group["params"]}
        assert sum(len(group["params"]) for group in groups) == len(decay)
        return {name: decay[id(p)] for name, p in made.classifier.named_parameters()}

    assert set(decays().values()) == {0.3}
    spared = decays("trainer.decay_norms=false")
    shapes = {name: p.dim() for name, p in module().classifier.named_parameters()}
    assert spared == {name: 0.3 if dims > 1 else 0.0 for name, dims in shapes.items()}
    assert set(spared.values()) == {0.0, 0.3}


def test_soft_targets_enter_the_loss_and_the_metrics_of_validation_do_not_know_them() -> None:
    images = faces.draw(280)
    soft = np.random.default_rng(0).dirichlet(np.ones(7), len(images)).astype(np.float32)
    made = module(images=replace(images, targets=soft))
    made.eval()
    made.augment = torch.nn.Identity()
    pixels, targets = next(iter(made.train_dataloader()))
    logits = made.classifier(pixels).detach()
    by_hand = -(targets * logits.log_softmax(dim=1)).sum(dim=1).mean()
    assert made.training_step((pixels, targets), 9).item() == pytest.approx(by_hand.item())
    right = (logits.argmax(dim=1) == targets.argmax(dim=1)).float().mean()
    assert made.train_metrics["accuracy"].compute().item() == pytest.approx(right.item())
    labels = torch.cat([batch for _, batch in made.val_dataloader()])
    assert labels.tolist() == images.labels[images.indices(Split.VAL)].tolist()


def test_certain_targets_train_as_labels_do() -> None:
    images = faces.draw(280)
    certain = np.eye(7, dtype=np.float32)[images.labels]
    losses = []
    for labelled in (images, replace(images, targets=certain)):
        made = module(images=labelled)
        made.eval()
        made.augment = torch.nn.Identity()
        losses.append(made.training_step(next(iter(made.train_dataloader())), 9).item())
    assert losses[0] == pytest.approx(losses[1])


def test_a_network_gets_an_output_for_each_class() -> None:
    images = faces.draw(280)
    fewer = replace(images, classes=images.classes[:3], labels=images.labels % 3)
    auto = compose(TINY)
    auto = auto.model_copy(update={"model": auto.model.model_copy(update={"classes": "auto"})})
    assert fit_classes(auto, fewer).model.classes == 3
    assert fit_classes(auto, images).model.classes == 7
    with pytest.raises(ConfigError, match=r"model.classes: 7, but the data has 3 classes \(angry"):
        fit_classes(compose(TINY), fewer)
