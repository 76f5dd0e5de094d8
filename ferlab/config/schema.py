"""The whole config: which parts it has, and which ``_target_`` each section may name."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag

from ferlab.config.parts import (
    CNN,
    FER2013,
    SGD,
    AdamW,
    Augmentation,
    Component,
    Constant,
    Cosine,
    DataPlugin,
    Faces,
    ModelPlugin,
    OneCycle,
    Plateau,
    Plugin,
    Section,
    Tracking,
    Trainer,
)

KNOWN: dict[str, dict[str, type[Component]]] = {
    "data": {"ferlab.data.fer2013.load": FER2013, "ferlab.data.faces.draw": Faces},
    "model": {"ferlab.models.cnn.ExpressionCNN": CNN},
    "optimizer": {"torch.optim.SGD": SGD, "torch.optim.AdamW": AdamW},
    "scheduler": {
        "ferlab.training.schedule.one_cycle": OneCycle,
        "ferlab.training.schedule.cosine": Cosine,
        "ferlab.training.schedule.plateau": Plateau,
        "ferlab.training.schedule.constant": Constant,
    },
}
"""The targets whose arguments ferlab knows, per section; any other target is a plug-in."""


def _chooser(section: str) -> Discriminator:
    """Pick the schema of a section by its ``_target_``."""

    def choose(value: Any) -> str:
        target = (
            value.get("_target_") if isinstance(value, Mapping) else getattr(value, "target", None)
        )
        return str(target) if target in KNOWN[section] else "plugin"

    return Discriminator(choose)


class Config(Section):
    """One run."""

    seed: int = Field(ge=0, lt=2**32, description="of weights, order, dropout and augmentation")
    data: Annotated[
        Annotated[FER2013, Tag("ferlab.data.fer2013.load")]
        | Annotated[Faces, Tag("ferlab.data.faces.draw")]
        | Annotated[DataPlugin, Tag("plugin")],
        _chooser("data"),
    ]
    model: Annotated[
        Annotated[CNN, Tag("ferlab.models.cnn.ExpressionCNN")]
        | Annotated[ModelPlugin, Tag("plugin")],
        _chooser("model"),
    ]
    optimizer: Annotated[
        Annotated[SGD, Tag("torch.optim.SGD")]
        | Annotated[AdamW, Tag("torch.optim.AdamW")]
        | Annotated[Plugin, Tag("plugin")],
        _chooser("optimizer"),
    ]
    scheduler: Annotated[
        Annotated[OneCycle, Tag("ferlab.training.schedule.one_cycle")]
        | Annotated[Cosine, Tag("ferlab.training.schedule.cosine")]
        | Annotated[Plateau, Tag("ferlab.training.schedule.plateau")]
        | Annotated[Constant, Tag("ferlab.training.schedule.constant")]
        | Annotated[Plugin, Tag("plugin")],
        _chooser("scheduler"),
    ]
    augmentation: Augmentation
    trainer: Trainer
    tracking: Tracking

    def plain(self) -> dict[str, Any]:
        """The config as it is composed and recorded: nested dicts, lists and scalars."""
        return self.model_dump(by_alias=True, mode="json")

    def targets(self) -> frozenset[str]:
        """Every ``_target_`` that the config names."""
        components = (self.data, self.model, self.optimizer, self.scheduler)
        return frozenset(component.target for component in components)

    def names(self) -> frozenset[str]:
        """Every name in the config that becomes code: its targets and its own artifacts."""
        return self.targets().union(self.tracking.artifacts)
