"""The schema of a sweep's ``study`` section, checked before anything is created."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import ConfigDict, Field, ValidationError, field_validator
from pydantic_core import PydanticCustomError

from ferlab.config.explain import explain
from ferlab.config.fields import (
    Component,
    Positive,
    Section,
    Threads,
    expected,
    require_each_once,
)
from ferlab.config.problems import TWICE, Path, Problem, dotted, flatten, keys_twice, report
from ferlab.errors import ConfigError


class OptunaComponent(Component):
    """One of Optuna's samplers or pruners; its arguments are left to Optuna."""

    model_config = ConfigDict(extra="allow")

    target: str = Field(alias="_target_", pattern=r"^optuna\.(samplers|pruners)\.\w+$")


Objective = Literal["val/accuracy", "val/f1", "val/loss", "parameters", "multiply_adds", "latency"]
"""An objective of a sweep: a score of the best epoch, or a cost; latency in ms per image."""

_LESS_IS_BETTER = frozenset(
    {"parameters", "multiply_adds", "latency", "latency_ms", "train_seconds"}
)


def is_less_better(metric: str) -> bool:
    """Whether a smaller value of a metric is better, as of losses, sizes and times."""
    return metric.endswith("loss") or metric in _LESS_IS_BETTER


_FEWEST_TO_HALVE = 3
"""Seeds of each point without which there is nothing to stop between."""

_OBJECTIVES = expected(f"one of {', '.join(get_args(Objective))}, or a list of them")


_LONGEST_NAME = 100
"""Of a study, in characters; names of its files and of its confirmations are longer."""


def require_study_name(name: str) -> None:
    """Refuse a name by which files cannot be called, or that no command would take as one.

    Raises:
        PydanticCustomError: what would be right.
    """
    if len(name) > _LONGEST_NAME:
        text = "has {length} characters; the name of a study has at most {most}"
        raise PydanticCustomError("refused", text, {"length": len(name), "most": _LONGEST_NAME})
    if not re.fullmatch(r"\w[\w.@+-]*", name):
        text = (
            "should be of letters, digits and . @ + - _, and begin with none of . @ + -, not {name}"
        )
        raise PydanticCustomError("refused", text, {"name": ascii(name)})


class Constraints(Section):
    """Largest costs of a trial's network; one that costs more is never trained."""

    parameters: Positive | None = Field(description="trainable ones")
    multiply_adds: Positive | None = Field(description="to score one image")


class StudyConfig(Section):
    """The settings of a sweep."""

    name: str | None = Field(description="null: from the experiment")
    question: str | None = Field(description="what the sweep is to answer, in words")
    trials: int | None = Field(ge=1, description="that count; null: each point of a finite space")
    hours: float | None = Field(gt=0, description="no trial starts later; null: no limit")
    workers: Threads
    replicates: Positive = Field(description="seeds that each point is trained under")
    seed_halving: bool = Field(description="whether the worse half stops after 1, 2, 4... seeds")
    objective: Annotated[Objective | Annotated[list[Objective], Field(min_length=1)], _OBJECTIVES]
    constraints: Constraints
    baseline: dict[str, Any] | None = Field(description="a point: trained first, never pruned")
    points: list[dict[str, Any]] | None = Field(min_length=1, description="all that is trained")
    enqueue: list[dict[str, Any]] = Field(description="points to be trained after the baseline")
    seed: int = Field(ge=0, lt=2**31, description="of the sampler")
    sampler: OptunaComponent
    pruner: OptunaComponent | None
    retries: int = Field(ge=0, description="of a trial that failed by chance")
    max_failures: int = Field(ge=0, description="failed trials above which the sweep stops")
    patience: float = Field(ge=0, description="minutes that a store may be away")
    storage: str | None = Field(min_length=1, description="an RDB URL; null: a journal file")

    @field_validator("name")
    @classmethod
    def _can_name_a_file(cls, value: str | None) -> str | None:
        if value is not None:
            require_study_name(value)
        return value

    @field_validator("objective")
    @classmethod
    def _each_once(cls, value: Any) -> Any:
        return require_each_once(value) if isinstance(value, list) else value

    @field_validator("objective", mode="before")
    @classmethod
    def _never_a_test_metric(cls, value: Any) -> Any:
        values = value if isinstance(value, list) else [value]
        if any(isinstance(v, str) and v.startswith("test") for v in values):
            raise PydanticCustomError(
                "refused",
                "a test metric would choose a model by the data that is to judge it; take val/...",
            )
        return value

    @field_validator("baseline", mode="before")
    @classmethod
    def _dotted(cls, value: Any) -> Any:
        return _flat(value)

    @field_validator("enqueue", "points", mode="before")
    @classmethod
    def _each_dotted(cls, value: Any) -> Any:
        points = value if isinstance(value, list) else []
        return [_flat(point) for point in points] or value

    @property
    def objectives(self) -> tuple[str, ...]:
        """Names of the objectives; the first decides where only one can."""
        several = self.objective if isinstance(self.objective, list) else [self.objective]
        return tuple(several)

    @property
    def minimised(self) -> tuple[bool, ...]:
        """For each objective, whether less is better."""
        return tuple(map(is_less_better, self.objectives))


def check_study(raw: Mapping[str, Any]) -> StudyConfig:
    """Type and check a composed ``study`` section.

    Raises:
        ConfigError: one message that lists every problem.
    """
    if problems := study_problems(raw):
        raise ConfigError(report(problems))
    return StudyConfig.model_validate(raw)


def study_problems(raw: Any) -> list[Problem]:
    """All problems of a composed ``study`` section."""
    try:
        StudyConfig.model_validate(raw)
    except ValidationError as error:
        mistakes = explain(error, StudyConfig, raw)
        return [
            Problem(dotted(("study", *path)), _group_typed_as_a_key(path, raw) or text)
            for path, text in mistakes
        ]
    is_halved = raw["seed_halving"] and raw["replicates"] < _FEWEST_TO_HALVE
    text = f"is for {_FEWEST_TO_HALVE} or more study.replicates"
    return [Problem("study.seed_halving", text)] if is_halved else []


def _group_typed_as_a_key(path: Path, raw: Any) -> str:
    """The message on a name given as the value of one of the section's groups; else empty."""
    name = raw.get(path[0]) if path in (("sampler",), ("pruner",)) else None
    if not isinstance(name, str):
        return ""
    return f"is a group; an experiment says in its defaults: override /study/{path[0]}: {name}"


def _flat(point: Any) -> Any:
    """A point with dotted keys; what is none stays, to be refused for what it is."""
    if not isinstance(point, Mapping):
        return point
    if twice := keys_twice(point):
        raise PydanticCustomError("refused", "{key} " + TWICE, {"key": twice[0]})
    return flatten(point)
