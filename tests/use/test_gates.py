"""Channel gates: of every attention that has some, and how much they differ between classes."""

import numpy as np
import pytest
import torch

from ferlab.config.attention import KINDS
from ferlab.config.compose import compose
from ferlab.data import faces
from ferlab.models.attention import ChannelGated
from ferlab.models.classifier import build
from ferlab.models.ensemble import Ensemble
from ferlab.use.explain.gates import Gates, gates_of, gates_table


@pytest.mark.parametrize("kind", KINDS)
def test_a_gate_is_what_its_attention_rescales_channels_by(kind: str) -> None:
    torch.manual_seed(0)
    config = compose(["model=tiny", f"model.attention.kind={kind}", "model.attention.stages=[3,4]"])
    classifier = build(config.model.network(), 0.5, 0.25).eval()
    drawn = faces.draw(70)
    found = gates_of(classifier, drawn.images, drawn.labels, 7)
    module = classifier.network.stages[-1][3]
    if not isinstance(module, ChannelGated):
        assert found == []
        return
    maps = torch.rand(5, 128, 6, 6)
    with torch.no_grad():
        gate = module.channel_gate(maps)
        rescaled = module(maps) / maps
    assert gate.shape == (5, 128)
    assert ((gate > 0) & (gate < 1)).all()
    assert gate.std() > 0
    # What is left is the same for all channels: one, or a gate of the places.
    left = rescaled / gate[:, :, None, None]
    torch.testing.assert_close(left, left[:, :1].expand_as(left), rtol=1e-3, atol=1e-4)

    assert [each.place for each in found] == ["stage 3", "stage 4"]
    assert [each.means.shape for each in found] == [(7, 64), (7, 128)]
    seen: list[torch.Tensor] = []
    module.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    with torch.no_grad():
        classifier(torch.from_numpy(drawn.images))
        expected = module.channel_gate(seen[0])[torch.from_numpy(drawn.labels == 2)].mean(dim=0)
    np.testing.assert_allclose(found[1].means[2], expected.numpy(), rtol=1e-4)


def test_several_in_a_stage_are_told_apart_and_an_ensemble_has_none() -> None:
    config = compose(["model=small", "model.attention.kind=eca"])
    classifier = build(config.model.network(), 0.5, 0.25)
    drawn = faces.draw(70)
    two = drawn.images[:2], drawn.labels[:2], 7
    places = [each.place for each in gates_of(classifier, *two)]
    assert len(set(places)) == len(places) > 2
    assert all(place.startswith("stage ") for place in places)
    assert not any(module._forward_pre_hooks for module in classifier.modules())
    assert not classifier.training
    assert gates_of(Ensemble([classifier]), *two) == []
    assert gates_of(build(compose(["model=tiny"]).model.network(), 0, 1), *two) == []


def test_shares_of_variance_by_hand() -> None:
    """Between classes alone, within them alone, half of each, and not at all."""
    gates = np.array([[0, 0, 0, 0.5], [0, 1, 1, 0.5], [1, 0, 1, 0.5], [1, 1, 2, 0.5]], np.float32)
    found = Gates.of("stage 1", gates, np.array([0, 0, 2, 2], np.uint8), 3)
    np.testing.assert_allclose(found.shares, [1, 0, 0.5, 0])
    np.testing.assert_allclose(found.means[0], [0, 0.5, 0.5, 0.5])
    assert np.isnan(found.means[1]).all()  # there is no image of that class
    assert found.share == pytest.approx(0.5)
    assert found.by_chance == pytest.approx(1 / 3)
    assert found.told.startswith(
        "50.0% of the gates' variance lies between the expressions (100.0%"
    )
    header, first, *_ = gates_table([found], ["a", "b", "c"]).splitlines()
    assert header == "place,channel,between_classes,a,b,c"
    assert first == "stage 1,0,1.0000,0.0000,nan,1.0000"
    flat = Gates.of("flat", np.full((4, 2), 0.5, np.float32), np.array([0, 0, 1, 1], np.uint8), 2)
    assert flat.share == 0


def test_by_chance_is_what_gates_without_a_meaning_have() -> None:
    random = np.random.default_rng(0)
    labels = random.integers(0, 7, 300).astype(np.uint8)
    found = Gates.of("noise", random.random((300, 500), np.float32), labels, 7)
    assert found.share == pytest.approx(found.by_chance, rel=0.1)
