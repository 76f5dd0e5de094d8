"""What a study's pictures have in common: titles, short names, axes."""

from collections.abc import Callable, Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from ferlab.sweep.rows import Row, Table


def title(table: Table, what: str) -> str:
    """What a picture shows, of which study."""
    return f"{cut(table.study, 40)}: {what}"


def name(row: Row, length: int = 44) -> str:
    """What a trial is, in so many characters at most."""
    return cut(row.name, length)


def cut(text: str, length: int) -> str:
    """The text, or its beginning and an ellipsis."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


def short(keys: Sequence[str]) -> list[str]:
    """Each key's last words, at least two and as many as tell it from the others."""

    def tail(key: str, words: int) -> str:
        return ".".join(key.split(".")[-words:])

    names = []
    for key in keys:
        words = 2
        while sum(tail(other, words) == tail(key, words) for other in set(keys)) > 1:
            words += 1
        names.append(cut(tail(key, words), 34))
    return names


def score_axis(axes: Axes, objective: str) -> None:
    """Make the upright axis an objective's."""
    axes.yaxis.set_major_locator(MaxNLocator(6))
    axes.yaxis.set_major_formatter(FuncFormatter(tick(objective)))
    axes.set_ylabel(label(objective))
    axes.grid(axis="y")


def label(objective: str) -> str:
    """What is written along an objective's axis."""
    return "latency (ms)" if objective == "latency" else objective


def tick(objective: str) -> Callable[[float, int], str]:
    """How a value is written beside an axis."""
    if objective == "val/accuracy":
        return lambda value, _: f"{100 * value:.4g}%"
    if objective in ("parameters", "multiply_adds"):
        return lambda value, _: f"{value / 1e6:.4g} M"
    return lambda value, _: f"{value:.4g}"


def around(first: int, last: int) -> tuple[float, float]:
    """The ends of an axis that shows whole numbers, with some room."""
    pad = max(0.5, (last - first) * 0.02)
    return first - pad, last + pad
