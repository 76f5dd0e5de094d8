"""Progressive resolution: which epoch trains at which size, and what that changes."""

import pytest
import torch
from torch import Tensor, nn

from ferlab.config.compose import compose
from ferlab.data import faces
from ferlab.errors import ConfigError
from ferlab.training import assemble, speed
from ferlab.training.assemble import make_module
from ferlab.training.recipe.resolution import Resolutions, shrunk
from tests.conftest import TINY


@pytest.mark.parametrize(
    ("sizes", "epochs", "each"),
    [
        ((32, 32, 48), 6, [32, 32, 32, 32, 48, 48]),
        ((24, 48), 5, [24, 24, 24, 48, 48]),
        ((24, 32, 48), 3, [24, 32, 48]),
        ((48,), 2, [48, 48]),
    ],
)
def test_epochs_are_divided_evenly_among_the_sizes(
    sizes: tuple[int, ...], epochs: int, each: list[int]
) -> None:
    assert [Resolutions(sizes, epochs).at(epoch) for epoch in range(epochs)] == each


def test_shares_are_those_of_distinct_sizes() -> None:
    assert dict(Resolutions((32, 48, 32, 24), 8).shares()) == {0: 0.5, 2: 0.25, 6: 0.25}


def test_shrinking_averages_and_full_size_is_untouched() -> None:
    images = torch.rand(3, 1, 48, 48)
    assert shrunk(images, 48) is images
    stripes = torch.arange(48.0).remainder(2).expand(1, 1, 48, 48)  # would alias to one colour
    assert torch.allclose(shrunk(stripes, 24)[..., 1:-1], torch.tensor(0.5))
    ramp = torch.arange(48.0).expand(1, 1, 48, 48)
    assert torch.allclose(shrunk(ramp, 24)[0, 0, 0, 1:-1], 2 * torch.arange(1.0, 23) + 0.5)


def test_training_sees_the_size_of_its_epoch_and_validation_the_whole_image() -> None:
    config = compose([*TINY, "trainer.resolutions=[24,40,48]"])
    module = make_module(config, faces.draw(280), (0.5, 0.25), ())
    module.configure_optimizers()
    seen: list[int] = []
    module.classifier.network.register_forward_pre_hook(
        lambda _, inputs: seen.append(inputs[0].shape[-1])
    )
    for epoch in range(3):
        module.first_epoch = epoch
        module.training_step(next(iter(module.train_dataloader())), 9)
        module.validation_step(next(iter(module.val_dataloader())), 0)
    assert seen == [24, 48, 40, 48, 48, 48]


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        (["trainer.resolutions=[]"], "trainer.resolutions: List should have at least 1 item"),
        (["trainer.resolutions=[4]"], "trainer.resolutions[0]: should be greater than or equal"),
        (["trainer.resolutions=[64]"], "trainer.resolutions[0]: should be less than or equal"),
        (["trainer.resolutions=32"], "trainer.resolutions: should be a valid list, not 32"),
        (
            ["trainer.resolutions=[24,32,48]", "trainer.max_epochs=2"],
            "trainer.resolutions: 3 sizes need an epoch each, and trainer.max_epochs is 2",
        ),
        (
            ["model=seed", "trainer.resolutions=[32,48]"],
            "trainer.resolutions: 32 pixels need model.head.pool=average",
        ),
        (
            ["model=vgg", "trainer.resolutions=[8,48]"],
            "trainer.resolutions: strides and pools up to model.stages[3] leave nothing of 8x8",
        ),
    ],
)
def test_sizes_that_cannot_be_trained_are_refused(overrides: list[str], line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        compose(overrides)
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("model", ["compact", "tiny", "resnet"])
def test_networks_whose_head_averages_take_the_smallest(model: str) -> None:
    compose([f"model={model}", "trainer.resolutions=[8,48]"])


class Flattening(nn.Module):
    """A user's own network, for whole images alone."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.dense = nn.Linear(48 * 48, classes)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.dense(images.flatten(1))
        return logits


def test_a_users_network_that_cannot_score_a_size_is_refused_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = compose([*TINY, "trainer.resolutions=[32,48]"])
    flattening = assemble.classifier.Classifier(Flattening(7), 0.0, 1.0)
    monkeypatch.setattr(assemble.classifier, "build_allowed", lambda *_: flattening)
    with pytest.raises(ConfigError, match=r"trainer.resolutions: .* images of 32x32") as caught:
        make_module(config, faces.draw(280), (0.5, 0.25), ())
    assert "\n" not in str(caught.value)


def test_a_forecast_weighs_each_size_by_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    config = compose([*TINY, "trainer.max_epochs=4", "trainer.resolutions=[24,24,48,32]"])
    cost = {24: 1.0, 48: 4.0, 32: 2.0}

    def take(
        module: assemble.ExpressionModule,
        _: object,
        epochs: int,
        clock: speed._Clock,
        validate: bool,
    ) -> None:
        assert epochs == 1
        clock.images_per_second = 216 / cost[module.resolutions.at(module.epoch)]
        clock.validation = 0.5 if validate else 0.0

    monkeypatch.setattr(speed, "train_epochs", take)
    assert speed.seconds_per_epoch(config, ()) == pytest.approx(0.5 * 1 + 0.25 * (4 + 2) + 0.5)


@pytest.mark.slow
def test_a_forecast_measures_each_size() -> None:
    config = compose([*TINY, "trainer.resolutions=[16,32,48]"])
    assert speed.seconds_per_epoch(config, ()) > 0
