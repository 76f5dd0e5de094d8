"""Attention: the one table of its kinds, and the schema of ``model.attention`` made from it.

Another kind is a module of its own in ``ferlab/models/attention/``, an entry here, and its values
in ``conf/model/attention/``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, ConfigDict, Field, create_model

from ferlab import paths
from ferlab.config.fields import Section, Stages, Variants, expected
from ferlab.config.problems import Problem, did_you_mean


def _odd(size: int) -> int:
    if size % 2 == 0:
        raise ValueError("is even")
    return size


Reduction = Annotated[int, Field(ge=1, description="r of the bottleneck: C -> C/r -> C")]
Bias = Annotated[bool, Field(description="biases in the two dense layers")]
OddKernel = Annotated[
    Literal["auto"] | Annotated[int, Field(ge=1), AfterValidator(_odd)],
    expected("auto or an odd number"),
]
FinalReLU = Annotated[bool, Field(description="one more ReLU on the rescaled maps")]


@dataclass(frozen=True)
class Kind:
    """One kind of attention.

    Attributes:
        target: class of the module, which is called with the channels and with ``keys`` by name.
        label: template of its keys in run names, after its kind: ``r{reduction}``.
        keys: its own keys in ``model.attention``, with their types.
    """

    target: str
    label: str
    keys: Mapping[str, Any]

    @property
    def has_reduction(self) -> bool:
        """Whether it squeezes channels through a bottleneck."""
        return "reduction" in self.keys


KINDS: Mapping[str, Kind] = {
    "se": Kind(
        "ferlab.models.attention.se.SqueezeExcitation",
        "r{reduction}",
        {"reduction": Reduction, "bias": Bias, "final_relu": FinalReLU},
    ),
    "eca": Kind(
        "ferlab.models.attention.eca.EfficientChannelAttention", "k={kernel}", {"kernel": OddKernel}
    ),
    "cbam": Kind("ferlab.models.attention.cbam.CBAM", "r{reduction}", {"reduction": Reduction}),
}

NONE = "none"
"""The kind that stands for no attention."""

POSITIONS: Mapping[str, str] = {
    "conv": "after conv",
    "pool": "after pool",
    "dropout": "after dropout",
    "residual": "before addition",
    "stage": "after stage",
}
"""Positions of attention in a stage, in the order of the layers, and their descriptions."""


class Attention(Section):
    """The section ``model.attention``, which has only its kind where that is ``none``."""

    kind: str


class Placed(Attention):
    """Attention of some kind, and where it is placed; its kind's own keys are in `KINDS`."""

    stages: Stages = Field(description="which stages, from 1")
    position: str = Field(description="where in a stage, one of POSITIONS")

    def label(self) -> str:
        """The attention in run names: ``se r8 @1+3 pool``."""
        own = KINDS[self.kind].label.format_map(self.model_dump())
        stages = self.stages
        where = stages if stages == "all" else "+".join(str(stage) for stage in sorted(stages))
        return " ".join(filter(None, [self.kind, own, f"@{where}", self.position]))


class _Unknown(Section):
    model_config = ConfigDict(extra="allow")

    kind: Literal[NONE, *KINDS]  # type: ignore[valid-type]


def attention(*positions: str) -> Variants:
    """The schema of the attention of a network that has these positions in its stages."""
    schemas: dict[str, type[Section]] = {NONE: Attention}
    for name, kind in KINDS.items():
        own: dict[str, Any] = {key: (annotation, ...) for key, annotation in kind.keys.items()}
        own["position"] = (Literal[positions], ...)
        schemas[name] = create_model(name, __base__=Placed, **own)

    def schema(value: Any) -> type[Section]:
        kind = value.get("kind") if isinstance(value, Mapping) else NONE
        return schemas.get(kind, _Unknown) if isinstance(kind, str) else _Unknown

    return Variants(schema)


def complete(attention: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """Complete a composed ``model.attention`` to its kind's keys, and no other's.

    A preset, a sweep and a command line name keys of several kinds; what none of them gives comes
    from the kind's file.

    Returns:
        The keys, and a problem for each that no kind has.
    """
    kind = attention.get("kind")
    every = {*Placed.model_fields, *(key for each in KINDS.values() for key in each.keys)}
    problems = [
        Problem(f"model.attention.{key}", f"unknown key; {did_you_mean(str(key), every)}")
        for key in attention
        if key not in every
    ]
    if kind == NONE:
        return {"kind": kind}, problems
    if not isinstance(kind, str) or kind not in KINDS:
        return dict(attention), []  # the schema says what is wrong
    file = paths.shipped() / "conf" / "model" / "attention" / f"{kind}.yaml"
    given = {**yaml.safe_load(file.read_text()), **attention}
    own = (*Placed.model_fields, *KINDS[kind].keys)
    return {key: given[key] for key in own if key in given}, problems
