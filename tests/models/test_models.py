"""Networks: the golden numbers of every preset, and what their options do."""

from pathlib import Path

import pytest
import torch
from torch import nn

from ferlab import paths
from ferlab.config.compose import compose
from ferlab.models import classifier, cost
from ferlab.models.attention.se import SqueezeExcitation
from ferlab.models.cnn import ExpressionCNN

GOLDEN = Path(__file__).with_name("golden.csv")
PRESETS = sorted(file.stem for file in (paths.shipped() / "conf" / "model").glob("*.yaml"))


def build(*overrides: str) -> nn.Module:
    return classifier.build(compose(overrides).model.network(), 0.0, 1.0)


def layers(module: nn.Module) -> list[str]:
    leaves = (ExpressionCNN, nn.Sequential, classifier.Classifier)
    named = [m for m in module.modules() if not isinstance(m, leaves)]
    inside_attention = {
        id(c) for m in named if isinstance(m, SqueezeExcitation) for c in m.children()
    }
    return [type(m).__name__ for m in named if id(m) not in inside_attention]


def golden() -> dict[tuple[str, str], tuple[int, int]]:
    rows = [line.split(",") for line in GOLDEN.read_text().splitlines()[1:]]
    return {(preset, kind): (int(p), int(m)) for preset, kind, p, m in rows}


def test_golden_file_covers_every_preset() -> None:
    assert {preset for preset, _ in golden()} == set(PRESETS)


@pytest.mark.parametrize(("preset", "kind"), golden())
def test_parameters_and_multiply_adds_are_golden(preset: str, kind: str) -> None:
    network = build(f"model={preset}", f"model.attention.kind={kind}")
    counted = cost.parameters(network), cost.multiply_adds(network.network)
    assert counted == golden()[preset, kind]


@pytest.mark.parametrize(
    ("experiment", "parameters"),
    [("seed_baseline", 6_203_911), ("seed_se", 6_334_983), ("seed_notebook", 3_048_839)],
)
def test_the_papers_networks_have_the_papers_parameters(experiment: str, parameters: int) -> None:
    assert cost.parameters(build(f"experiments={experiment}", "data.path=x")) == parameters


def test_multiply_adds_of_a_single_convolution_are_counted_by_hand() -> None:
    convolution = nn.Conv2d(1, 4, 3, padding=1)
    assert cost.multiply_adds(convolution) == 48 * 48 * 4 * 9


def test_seed_network_has_the_papers_layers_in_order() -> None:
    stage = ["Conv2d", "ReLU", "BatchNorm2d", "MaxPool2d", "Dropout"]
    dense = ["Linear", "ReLU", "BatchNorm1d", "Dropout"]
    assert layers(build("model=seed", "model.attention.kind=se")) == [
        *["Conv2d", "ReLU"],
        *stage,
        *stage,
        *stage,
        "SqueezeExcitation",
        "Flatten",
        *dense,
        *dense,
        "Linear",
    ]


@pytest.mark.parametrize(
    ("position", "after"), [("conv", "ReLU"), ("pool", "MaxPool2d"), ("dropout", "Dropout")]
)
def test_attention_stands_where_it_is_told(position: str, after: str) -> None:
    named = layers(
        build(
            "model.attention.kind=se",
            f"model.attention.position={position}",
            "model.attention.stages=[1]",
            "model.stages.0.dropout=0.1",
        )
    )
    assert named.count("SqueezeExcitation") == 1
    assert named[named.index("SqueezeExcitation") - 1] == after


def test_attention_in_all_stages_and_in_a_subset() -> None:
    every = layers(build("model=vgg", "model.attention.kind=se"))
    some = layers(build("model=vgg", "model.attention.kind=se", "model.attention.stages=[2,4]"))
    assert (every.count("SqueezeExcitation"), some.count("SqueezeExcitation")) == (5, 2)


def test_squeeze_excitation_follows_its_equations() -> None:
    torch.manual_seed(0)
    se = SqueezeExcitation(6, 2, bias=False)
    maps = torch.randn(2, 6, 5, 5)
    z = maps.mean((2, 3))
    s = torch.sigmoid(torch.relu(z @ se.squeeze.weight.T) @ se.excite.weight.T)
    torch.testing.assert_close(se(maps), maps * s.view(2, 6, 1, 1))
    assert se.squeeze.out_features == 3
    assert (SqueezeExcitation(6, 2, final_relu=True)(maps) >= 0).all()


def test_keras_initialisation_is_glorot_uniform_with_zero_biases() -> None:
    torch.manual_seed(0)
    network = build("model=seed")
    convolution = next(
        m for m in network.modules() if isinstance(m, nn.Conv2d) and m.in_channels > 1
    )
    fans = (convolution.in_channels + convolution.out_channels) * 9
    bound = (6 / fans) ** 0.5
    assert convolution.weight.abs().max() <= bound
    assert convolution.weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.05)
    assert (convolution.bias == 0).all()


def test_classifier_takes_raw_images_and_normalises_them() -> None:
    network = build().eval()
    images = torch.randint(0, 256, (3, 48, 48), dtype=torch.uint8)
    scored = network(images)
    assert scored.shape == (3, 7)
    torch.testing.assert_close(scored, network.network(images[:, None] / 255))


def test_same_seed_same_weights() -> None:
    states = []
    for _ in range(2):
        torch.manual_seed(3)
        states.append(build().state_dict())
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])
