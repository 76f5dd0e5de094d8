"""Formats of an objective's values, in a text and along an axis."""

from collections.abc import Callable, Sequence


def is_exact(objective: str) -> bool:
    """Whether the objective is counted, not measured, and so free of noise."""
    return objective in ("parameters", "multiply_adds")


def format_value(objective: str, value: float, digits: int = 2) -> str:
    """A value as a person reads it; ``digits`` follow the point of a percentage."""
    match objective:
        case "val/accuracy":
            return f"{100 * value:.{digits}f} %"
        case "parameters" | "multiply_adds":
            return f"{value:,.0f}"
        case "latency":
            return f"{value:.{digits}f} ms"
    return f"{value:.{digits + 2}f}"


def format_values(objectives: Sequence[str], values: Sequence[float]) -> str:
    """Each objective with its value: ``val/accuracy 71.25 %, val/f1 0.7031``."""
    pairs = zip(objectives, values, strict=True)
    return ", ".join(f"{name} {format_value(name, value)}" for name, value in pairs)


def format_difference(objective: str, difference: float, digits: int = 2) -> str:
    """A difference of two values as a person reads it; of percentages, in points."""
    if objective != "val/accuracy":
        return format_value(objective, difference, digits)
    return f"{100 * difference:.{digits}f} points"


def axis_label(objective: str) -> str:
    """The label of an objective's axis."""
    return "latency (ms)" if objective == "latency" else objective


def tick_format(objective: str) -> Callable[[float, int], str]:
    """The format of an objective's values at the ticks of an axis."""
    if objective == "val/accuracy":
        return lambda value, _: f"{100 * value:.4g}%"
    if objective in ("parameters", "multiply_adds"):
        return lambda value, _: f"{value / 1e6:.4g} M"
    return lambda value, _: f"{value:.4g}"
