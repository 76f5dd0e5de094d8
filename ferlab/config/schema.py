"""The whole config: which parts it has, and which ``_target_`` each section may name."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from ferlab.config.fields import Component, Plugin, Section, Variants
from ferlab.config.networks import CNN, Model, ModelPlugin, Residual
from ferlab.config.parts.data import (
    FER2013,
    Data,
    DataPlugin,
    Faces,
    Folder,
)
from ferlab.config.parts.optimization import (
    SGD,
    AdamW,
    BalancedSoftmax,
    Constant,
    Cosine,
    CrossEntropy,
    Focal,
    Linear,
    Muon,
    OneCycle,
    Plateau,
)
from ferlab.config.parts.training import Augmentation, Tracking, Trainer

KNOWN: Mapping[str, Mapping[str, type[Component]]] = {
    "data": {
        "ferlab.data.fer2013.load": FER2013,
        "ferlab.data.faces.draw": Faces,
        "ferlab.data.folder.read_folder": Folder,
    },
    "model": {
        "ferlab.models.cnn.ExpressionCNN": CNN,
        "ferlab.models.resnet.ResNet": Residual,
    },
    "optimizer": {
        "torch.optim.SGD": SGD,
        "torch.optim.AdamW": AdamW,
        "ferlab.training.recipe.muon.MuonAdamW": Muon,
    },
    "scheduler": {
        "ferlab.training.schedule.one_cycle": OneCycle,
        "ferlab.training.schedule.linear": Linear,
        "ferlab.training.schedule.cosine": Cosine,
        "ferlab.training.schedule.plateau": Plateau,
        "ferlab.training.schedule.constant": Constant,
    },
    "loss": {
        "ferlab.training.recipe.losses.CrossEntropyLoss": CrossEntropy,
        "ferlab.training.recipe.losses.FocalLoss": Focal,
        "ferlab.training.recipe.losses.BalancedSoftmaxLoss": BalancedSoftmax,
    },
}
"""The targets whose arguments ferlab knows, per section; any other target is a plug-in."""

_PLUGINS: Mapping[str, type[Component]] = {"data": DataPlugin, "model": ModelPlugin}


def known(section: str, value: Any) -> type[Component] | None:
    """The schema of a section by its ``_target_``; None where that is not one of ferlab's."""
    target = value.get("_target_") if isinstance(value, Mapping) else None
    return KNOWN[section].get(target) if isinstance(target, str) else None


def _by_target(section: str) -> Variants:
    return Variants(lambda value: known(section, value) or _PLUGINS.get(section, Plugin))


class Config(Section):
    """The config of one run."""

    seed: int = Field(ge=0, lt=2**32, description="of weights, order, dropout and augmentation")
    data: Annotated[Data, _by_target("data")]
    model: Annotated[Model, _by_target("model")]
    optimizer: Annotated[Component, _by_target("optimizer")]
    scheduler: Annotated[Component, _by_target("scheduler")]
    loss: Annotated[Component, _by_target("loss")]
    augmentation: Augmentation
    trainer: Trainer
    tracking: Tracking

    def with_classes(self, count: int) -> "Config":
        """The same config with a network of so many outputs."""
        return self.model_copy(update={"model": self.model.model_copy(update={"classes": count})})

    def plain(self) -> dict[str, Any]:
        """The config as it is composed and recorded: nested dicts, lists and scalars."""
        return self.model_dump(by_alias=True, mode="json")

    def targets(self) -> frozenset[str]:
        """Every ``_target_`` that the config names."""
        components = (self.data, self.model, self.optimizer, self.scheduler, self.loss)
        return frozenset(component.target for component in components)

    def names(self) -> frozenset[str]:
        """Every name in the config that is imported: its targets and its own artifacts."""
        return self.targets().union(self.tracking.artifacts)
