"""The moving average of the weights: its arithmetic, and that it is what is scored and kept."""

import pytest
import torch
from torch import nn

from ferlab.config.compose import compose
from ferlab.data import faces
from ferlab.data.imageset import Split
from ferlab.errors import ConfigError
from ferlab.training import checkpoint
from ferlab.training.assemble import make_module, normalisation
from ferlab.training.recipe.averaging import MovingAverage
from ferlab.training.run import train
from ferlab.training.scoring import predict
from tests.conftest import TINY
from tests.training.runs import artifact


def test_it_follows_its_equation_and_forgets_the_first_weights_soon() -> None:
    network = nn.BatchNorm1d(1)
    average = MovingAverage(network, decay=0.25)
    for value in (10.0, 20.0, 30.0):
        for tensor in (network.weight.data, network.running_var, network.num_batches_tracked):
            tensor.fill_(value)
        average.update(network, int(value / 10) - 1)
    first = 0.1 * 1 + 0.9 * 10
    second = (2 / 11) * first + (9 / 11) * 20
    third = 0.25 * second + 0.75 * 30  # 3/12, which is the decay
    for tensor in (average.network.weight, average.network.running_var):
        assert tensor.item() == pytest.approx(third)
    assert average.network.num_batches_tracked.item() == 30
    average.update(network, 10**6)
    assert average.network.weight.item() == pytest.approx(0.25 * third + 0.75 * 30)
    assert average.network.bias.item() == 0
    assert not average.network.weight.requires_grad
    assert network.weight.item() == 30


def test_it_has_the_layout_of_the_network() -> None:
    network = nn.Conv2d(2, 3, 3).to(memory_format=torch.channels_last)
    average = MovingAverage(network, 0.5).network
    assert average.weight.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.slow
@pytest.mark.usefixtures("made_store", "no_pictures")
def test_it_is_scored_and_kept_in_the_weights_place() -> None:
    config = compose([*TINY, "trainer.ema=0.9", "trainer.max_epochs=1"])
    done = train(config)
    state = checkpoint.load_state(artifact(done.run_id, "checkpoints/last.ckpt"))
    images = faces.draw(280)
    network = make_module(config, images, normalisation(images, "standard"), ()).classifier
    digests = {}
    for which, weights in (
        ("raw", state["classifier"]),
        ("average", {k.removeprefix("network."): v for k, v in state["average"].items()}),
    ):
        network.load_state_dict(weights)
        found = predict(network, images, config.trainer.batch_size)
        digests[which] = found.digest
        if which == "average":
            right = (found.predicted == images.labels[images.indices(Split.VAL)]).mean()
            assert done.metrics["val/accuracy"] == pytest.approx(right)
    assert done.predictions.digest == digests["average"] != digests["raw"]


@pytest.mark.parametrize("decay", ["0", "1", "1.5"])
def test_a_decay_that_is_none_is_refused(decay: str) -> None:
    with pytest.raises(ConfigError, match=r"trainer.ema: should be (less|greater) than [01]"):
        compose([f"trainer.ema={decay}"])
