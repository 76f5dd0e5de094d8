"""Building blocks of the schemas: kinds of sections, and types that several keys share.

The values live in ``conf/``; no schema has defaults, so that each value has one home.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

Positive = Annotated[int, Field(ge=1)]
Fraction = Annotated[float, Field(ge=0, lt=1)]
LearningRate = Annotated[float, Field(gt=0, description="the peak under a one-cycle schedule")]
Views = Literal["one", "flip", "shifts", "zooms", "ten_crop"]
"""What a trained classifier scores of each image; see `ferlab.models.views.VIEWS`."""
Monitor = Literal["val/accuracy", "val/f1", "val/loss"]
"""A metric by which a run selects its best epoch; only a loss is better when smaller."""


def expected(what: str) -> WrapValidator:
    """A validator that gives one error for a union, instead of one per alternative."""

    def validate(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        try:
            return handler(value)
        except ValidationError:
            raise PydanticCustomError("union", "should be {what}", {"what": what}) from None

    return WrapValidator(validate)


Stages = Annotated[
    Literal["all"] | list[Positive], expected("all or a list of stage numbers like [1,3]")
]
Classes = Annotated[
    Literal["auto"] | Annotated[int, Field(ge=2)], expected("auto or a number from 2")
]
Threads = Annotated[Literal["auto"] | Positive, expected("auto or a number from 1")]


def require_each_once(values: list[str]) -> list[str]:
    """Refuse a list in which something stands twice."""
    twice = next((value for value in values if values.count(value) > 1), None)
    if twice is not None:
        raise PydanticCustomError("refused", "has {name} twice; name each once", {"name": twice})
    return values


def _require_printable(name: str) -> str:
    if not name.isprintable():
        text = "should be of characters that can be shown, not {name}"
        raise PydanticCustomError("refused", text, {"name": ascii(name)})
    return name


Name = Annotated[str, Field(min_length=1, max_length=250), AfterValidator(_require_printable)]
"""What MLflow shows a thing by; its databases hold so many characters."""


class Section(BaseModel):
    """A part of the config whose keys are all known."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Component(Section):
    """A part that is built by calling ``_target_`` with its other keys."""

    target: str = Field(alias="_target_", pattern=r"^\w+(\.\w+)+$")


class Plugin(Component):
    """A user's own component, whose other keys are not checked."""

    model_config = ConfigDict(extra="allow")


@dataclass(frozen=True)
class Variants:
    """Marks a field of a `Section` whose schema depends on its value.

    Attributes:
        schema: returns the schema of any value, chosen by one of the value's own keys.
    """

    schema: Callable[[Any], type[Section]]

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Validate by the value's schema, and dump the result by its own."""
        return core_schema.no_info_plain_validator_function(
            lambda value: self.schema(value).model_validate(value),
            serialization=core_schema.simple_ser_schema("any"),
        )
