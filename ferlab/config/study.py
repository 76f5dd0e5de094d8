"""What a sweep's ``study`` section may hold; like a run's config, checked before anything is."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import ConfigDict, Field, ValidationError, field_validator
from pydantic_core import PydanticCustomError

from ferlab.config.check import Problem, did_you_mean, dotted, report
from ferlab.config.parts import Component, Positive, Section
from ferlab.errors import ConfigError


class OptunaComponent(Component):
    """One of Optuna's samplers or pruners; its arguments are Optuna's affair."""

    model_config = ConfigDict(extra="allow")

    target: str = Field(alias="_target_", pattern=r"^optuna\.(samplers|pruners)\.\w+$")


class StudyConfig(Section):
    """How a sweep goes about its space."""

    name: str | None = Field(pattern=r"^[\w.@+-]+$", description="null: from the experiment")
    question: str | None = Field(description="what the sweep is to answer, in words")
    trials: int | None = Field(ge=1, description="that count; null: each point of a finite space")
    hours: float | None = Field(gt=0, description="no trial starts later; null: no limit")
    workers: Literal["auto"] | Positive
    objective: Literal["val/accuracy", "val/f1", "val/loss"]
    seed: int = Field(ge=0, lt=2**31, description="of the sampler")
    sampler: OptunaComponent
    pruner: OptunaComponent | None
    retries: int = Field(ge=0, description="of a trial that failed by chance")
    max_failures: int = Field(ge=0, description="failed trials above which the sweep stops")
    storage: str | None = Field(min_length=1, description="an RDB URL; null: a journal file")

    @field_validator("objective", mode="before")
    @classmethod
    def _never_a_test_metric(cls, value: Any) -> Any:
        if isinstance(value, str) and value.startswith("test"):
            raise PydanticCustomError(
                "test_metric",
                "a test metric would choose a model by the data that is to judge it; take val/...",
            )
        return value

    @property
    def direction(self) -> Literal["minimize", "maximize"]:
        """Which way the objective gets better."""
        return "minimize" if self.objective.endswith("loss") else "maximize"


def check_study(raw: Mapping[str, Any]) -> StudyConfig:
    """Type and check a composed ``study`` section.

    Raises:
        ConfigError: one message that lists every problem.
    """
    try:
        return StudyConfig.model_validate(dict(raw))
    except ValidationError as error:
        problems = []
        for detail in error.errors():
            path, message = ("study", *detail["loc"]), detail["msg"].removeprefix("Input ")
            if detail["type"] == "extra_forbidden":
                message = f"unknown key; {did_you_mean(str(path[-1]), StudyConfig.model_fields)}"
            elif detail["type"] != "test_metric":
                message = f"{message}, not {detail['input']!r}"
            problems.append(Problem(dotted(path), message))
        raise ConfigError(report(problems)) from error
