"""Losses against their papers' equations, by arithmetic."""

import math

import pytest
import torch
from torch import Tensor

from ferlab import instantiate
from ferlab.config.compose import compose
from ferlab.config.schema import KNOWN
from ferlab.errors import ConfigError

COUNTS = torch.tensor([30.0, 10.0, 20.0])
LOGITS = torch.tensor([[2.0, 0.0, 1.0], [0.5, 0.5, -1.0], [0.0, 3.0, 0.0]])
LABELS = torch.tensor([0, 2, 1])
SOFT = torch.tensor([[0.7, 0.2, 0.1], [0.0, 0.5, 0.5], [0.0, 1.0, 0.0]])
P = [[math.exp(z) / sum(map(math.exp, row)) for z in row] for row in LOGITS.tolist()]


def lost(*overrides: str, targets: Tensor = LABELS, logits: Tensor = LOGITS) -> float:
    config = compose(overrides).loss.model_dump(by_alias=True)
    value: Tensor = instantiate.call(config, class_counts=COUNTS)(logits, targets)
    return value.item()


def test_the_default_is_torchs_cross_entropy_to_the_bit() -> None:
    for targets in (LABELS, SOFT):
        assert lost(targets=targets) == torch.nn.functional.cross_entropy(LOGITS, targets).item()


def test_class_weights_are_the_inverse_of_a_classs_images_and_weigh_the_mean() -> None:
    weights = [60 / (3 * n) for n in COUNTS.tolist()]
    mine = [weights[label] for label in LABELS.tolist()]
    losses = [-math.log(P[i][label]) for i, label in enumerate(LABELS.tolist())]
    mean = sum(w * loss for w, loss in zip(mine, losses, strict=True)) / sum(mine)
    assert lost("loss.class_weights=balanced") == pytest.approx(mean)


def test_a_class_without_images_weighs_something_finite() -> None:
    empty = torch.tensor([5.0, 0.0, 5.0])
    for name in ("cross_entropy", "focal", "balanced_softmax"):
        config = compose([f"loss={name}"]).loss.model_dump(by_alias=True)
        config |= {"class_weights": "balanced"} if "class_weights" in config else {}
        assert instantiate.call(config, class_counts=empty)(LOGITS, LABELS).isfinite()


def test_label_smoothing_spreads_a_share_of_the_target() -> None:
    smooth = 0.8 * torch.eye(3)[LABELS] + 0.2 / 3
    for name in ("cross_entropy", "focal", "balanced_softmax"):
        smoothed = lost(f"loss={name}", "loss.label_smoothing=0.2")
        assert smoothed == pytest.approx(lost(f"loss={name}", targets=smooth), rel=1e-6)


def test_focal_loss_follows_its_equation() -> None:
    by_hand = sum(
        -((1 - P[i][label]) ** 1.5) * math.log(P[i][label])
        for i, label in enumerate(LABELS.tolist())
    )
    assert lost("loss=focal", "loss.gamma=1.5") == pytest.approx(by_hand / 3)
    weights = (60 / (3 * COUNTS)).tolist()
    soft = sum(
        -y * weights[c] * (1 - P[i][c]) ** 2 * math.log(P[i][c])
        for i, row in enumerate(SOFT.tolist())
        for c, y in enumerate(row)
    )
    assert lost("loss=focal", "loss.class_weights=balanced", targets=SOFT) == pytest.approx(
        soft / 3
    )


def test_focal_loss_without_focus_is_cross_entropy() -> None:
    assert lost("loss=focal", "loss.gamma=0") == pytest.approx(lost())


@pytest.mark.parametrize("gamma", ["0", "0.5", "2"])
def test_focal_loss_has_a_gradient_where_a_class_is_certain(gamma: str) -> None:
    config = compose(["loss=focal", f"loss.gamma={gamma}"]).loss.model_dump(by_alias=True)
    logits = torch.tensor([[200.0, 0.0, 0.0]], requires_grad=True)
    for label in (0, 1):
        loss = instantiate.call(config, class_counts=COUNTS)(logits, torch.tensor([label]))
        (gradient,) = torch.autograd.grad(loss, logits)
        assert gradient.isfinite().all()


def test_balanced_softmax_follows_its_equation() -> None:
    by_hand = 0.0
    for row, label in zip(LOGITS.tolist(), LABELS.tolist(), strict=True):
        terms = [n * math.exp(z) for n, z in zip(COUNTS.tolist(), row, strict=True)]
        by_hand -= math.log(terms[label] / sum(terms))
    assert lost("loss=balanced_softmax") == pytest.approx(by_hand / 3)


@pytest.mark.parametrize("target", KNOWN["loss"])
def test_certain_targets_lose_what_labels_do(target: str) -> None:
    (name,) = (
        n
        for n in ("cross_entropy", "focal", "balanced_softmax")
        if compose([f"loss={n}"]).loss.target == target
    )
    certain = lost(f"loss={name}", targets=torch.eye(3)[LABELS])
    assert certain == pytest.approx(lost(f"loss={name}"))


@pytest.mark.parametrize("key", ["label_smoothing=0.1", "class_weights=balanced"])
def test_a_key_where_it_was_before_is_answered_with_where_it_is(key: str) -> None:
    name = key.partition("=")[0]
    with pytest.raises(ConfigError) as caught:
        compose([f"trainer.{key}"])
    assert str(caught.value) == f"config: trainer.{name}: unknown key; did you mean 'loss.{name}'?"


def test_what_no_loss_can_have_is_refused() -> None:
    for override, message in (
        ("loss.label_smoothing=1", "loss.label_smoothing: should be less than 1"),
        ("loss.class_weights=some", "loss.class_weights: cannot be 'some'; known are"),
        ("loss.gamma=1", "loss.gamma: unknown key"),
        ("loss._target_=ferlab.training.recipe.losses.Focal", "did you mean .*FocalLoss"),
    ):
        with pytest.raises(ConfigError, match=message):
            compose([override])
