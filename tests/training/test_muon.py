"""Muon: its arithmetic, what it takes and what it leaves to AdamW."""

import pytest
import torch
from torch import Tensor, nn

from ferlab.config.compose import compose
from ferlab.models import classifier
from ferlab.training.recipe.muon import MuonAdamW, orthogonalised


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3),
        nn.BatchNorm2d(4),
        nn.Conv2d(4, 6, 3),
        nn.Flatten(),
        nn.Linear(6, 5),
        nn.Linear(5, 3),
    )


def with_gradients(of: nn.Module) -> nn.Module:
    generator = torch.Generator().manual_seed(1)
    for parameter in of.parameters():
        parameter.grad = torch.randn(parameter.shape, generator=generator)
    return of


def make(of: nn.Module, lr: float = 0.1, momentum: float = 0.9) -> MuonAdamW:
    return MuonAdamW(list(of.parameters()), lr=lr, momentum=momentum, weight_decay=0.5)


def test_singular_values_go_the_way_of_the_iteration() -> None:
    s = 5**-0.5  # of 3 and 6: each divided by the norm, the root of 45
    values = [s, 2 * s]
    for _ in range(5):
        values = [3.4445 * v - 4.775 * v**3 + 2.0315 * v**5 for v in values]
    diagonal = torch.tensor([[3.0, 0.0, 0.0], [0.0, 6.0, 0.0]])
    expected = torch.tensor([[values[0], 0.0, 0.0], [0.0, values[1], 0.0]])
    torch.testing.assert_close(orthogonalised(diagonal), expected)
    torch.testing.assert_close(orthogonalised(diagonal.T), expected.T)


@pytest.mark.parametrize("shape", [(8, 30), (30, 8), (1, 9)])
def test_what_is_made_is_about_orthogonal(shape: tuple[int, int]) -> None:
    torch.manual_seed(0)
    values = torch.linalg.svdvals(orthogonalised(torch.randn(shape)))
    assert values.min() > 0.6
    assert values.max() < 1.3


def test_on_a_matrix_it_steps_as_torchs_does() -> None:
    """Which computes in bfloat16: in 3 digits."""
    torch.manual_seed(0)
    start = torch.randn(12, 20)
    layers = [nn.Parameter(start.clone()) for _ in range(3)]
    other = nn.Parameter(start.clone())
    mine = MuonAdamW(layers, lr=0.3, momentum=0.9, weight_decay=0.5)
    theirs = torch.optim.Muon(
        [other], lr=0.3, momentum=0.9, weight_decay=0.5, adjust_lr_fn="match_rms_adamw"
    )
    for _ in range(3):
        gradient = torch.randn(12, 20)
        for parameter in (*layers, other):
            parameter.grad = gradient.clone()
        mine.step()
        theirs.step()
    torch.testing.assert_close(
        layers[1], other, rtol=0, atol=0.01 * (start - other).abs().max().item()
    )
    assert not torch.allclose(layers[0], other, atol=0.1)


def test_a_kernel_is_a_matrix_whatever_its_layout() -> None:
    plain, channels_last = network(), network().to(memory_format=torch.channels_last)
    kernel = plain[2].weight.detach().clone()
    for one in (plain, channels_last):
        make(with_gradients(one), momentum=0.0).step()
    gradient = with_gradients(network())[2].weight.grad
    assert gradient is not None
    step = orthogonalised(gradient.reshape(6, 36)).reshape(6, 4, 3, 3) * 0.2 * 6  # root of 36
    torch.testing.assert_close(plain[2].weight, kernel * (1 - 0.1 * 0.5) - 0.1 * step)
    torch.testing.assert_close(channels_last[2].weight, plain[2].weight)


def test_the_rest_is_adamws() -> None:
    mine, theirs = with_gradients(network()), with_gradients(network())
    make(mine).step()
    torch.optim.AdamW(theirs.parameters(), lr=0.1, weight_decay=0.5).step()
    same = {
        name
        for (name, a), b in zip(mine.named_parameters(), theirs.parameters(), strict=True)
        if torch.equal(a, b)
    }
    names = {name for name, _ in mine.named_parameters()}
    assert names - same == {"2.weight", "4.weight"}


@pytest.mark.parametrize("preset", ["compact", "seed", "resnet"])
def test_of_a_network_it_takes_all_but_the_first_kernel_and_the_last_matrix(preset: str) -> None:
    config = compose([f"model={preset}", "model.attention.kind=se"])
    built = classifier.build(config.model.network(), 0.0, 1.0)
    names = {id(p): name for name, p in built.named_parameters()}
    taken = {names[id(p)] for p in make(built).param_groups[0]["params"]}
    wide = [name for name, p in built.named_parameters() if p.dim() in (2, 4)]
    assert taken == set(wide[1:-1])
    assert built.get_parameter(wide[0]).shape[1] == 1  # grey images
    assert len(built.get_parameter(wide[-1])) == 7  # classes


def test_a_closure_gives_the_gradients_and_its_loss_is_returned() -> None:
    one = network()
    optimizer = make(one)

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = one(torch.ones(2, 1, 5, 5)).square().sum()
        loss.backward()
        return loss

    before = one[2].weight.detach().clone()
    assert optimizer.step(closure).item() > 0
    assert not torch.equal(one[2].weight, before)


def test_it_goes_on_from_its_state_to_the_same_bits() -> None:
    whole, part = network(), network()
    first, second = make(whole), make(part)
    for optimizer, one in ((first, whole), (second, part)):
        for _ in range(2):
            with_gradients(one)
            optimizer.step()
    third = make(part)
    third.load_state_dict(second.state_dict())
    for optimizer, one in ((first, whole), (third, part)):
        with_gradients(one)
        optimizer.step()
    for a, b in zip(whole.parameters(), part.parameters(), strict=True):
        assert torch.equal(a, b)
