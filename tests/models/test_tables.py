"""Every network of the table, with every kind of attention at each of its positions, learns."""

from typing import Any, get_args

import pytest
import torch

from ferlab.config.attention import KINDS, Variants
from ferlab.config.compose import compose
from ferlab.config.schema import KNOWN
from ferlab.models import classifier

SMALL = {
    "ferlab.models.cnn.ExpressionCNN": ("model=tiny",),
    "ferlab.models.resnet.ResNet": (
        "model=resnet",
        "model.stem.width=8",
        *(f"model.stages.{i}.width={width}" for i, width in enumerate((8, 8, 16, 16))),
    ),
}


def positions(target: str) -> tuple[str, ...]:
    (mark,) = KNOWN["model"][target].model_fields["attention"].metadata
    assert isinstance(mark, Variants)
    schema: Any = mark.schema({"kind": next(iter(KINDS))})
    return get_args(schema.model_fields["position"].annotation)


PLACES = [
    (target, kind, position)
    for target in KNOWN["model"]
    for position in positions(target)
    for kind in KINDS
]


@pytest.mark.parametrize(("target", "kind", "position"), PLACES)
def test_a_step_reaches_every_weight(target: str, kind: str, position: str) -> None:
    torch.manual_seed(0)
    placed = (f"model.attention.kind={kind}", f"model.attention.position={position}")
    config = compose([*SMALL[target], "model.attention.reduction=2", *placed]).model.network()
    assert config["_target_"] == target
    network = classifier.build(config, 0.5, 0.25)
    images = torch.randint(0, 256, (4, 48, 48), dtype=torch.uint8)
    logits = network(images)
    assert logits.shape == (4, 7)
    torch.nn.functional.cross_entropy(logits, torch.arange(4)).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
    bare = classifier.build({**config, "attention": {"kind": "none"}}, 0.5, 0.25)
    assert len(list(network.modules())) > len(list(bare.modules()))
