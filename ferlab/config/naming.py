"""Short names of runs and trials."""

from collections.abc import Mapping
from typing import Any

from ferlab.config.attention import NONE, Attention, Placed
from ferlab.config.schema import Config

NO_ATTENTION = "no attention"
UNCHANGED = "unchanged"
"""The baseline of listed points, where they do not differ in attention."""

_ATTENTION = "model.attention."


def run_name(config: Config) -> str:
    """The name of a run: ``compact se r8 @1+3 pool, fer2013, seed 0``."""
    attention = attention_of(config)
    network = config.model.name if attention in ("", NONE) else f"{config.model.name} {attention}"
    return f"{network}, {config.data.name}, seed {config.seed}"


def attention_of(config: Config) -> str:
    """The network's attention, ``none`` or ``se r8 @1+3 pool``; empty if it has no such section."""
    attention = getattr(config.model, "attention", None)
    if isinstance(attention, Placed):
        return attention.label()
    return NONE if isinstance(attention, Attention) else ""


def point_name(config: Config, params: Mapping[str, Any], baseline: Mapping[str, Any]) -> str:
    """The name of a listed point: what it changes of the baseline, ``optimizer muon, lr 0.01``.

    Args:
        config: config of the point's trial.
        params: the point.
        baseline: the point that it is compared with.
    """
    changed = {key: value for key, value in params.items() if value != baseline.get(key)}
    placed = {key: value for key, value in params.items() if key.startswith(_ATTENTION)}
    return trial_name(config, changed or placed) or UNCHANGED


def trial_name(config: Config, params: Mapping[str, Any]) -> str:
    """The name of a trial: ``se r8 @2+3 pool, lr 0.05``.

    Args:
        config: config of the trial.
        params: the parameters that were drawn for it.
    """
    is_placed = any(key.startswith(_ATTENTION) for key in params)
    parts = [config.model.name] if "model" in params else []
    parts += [NO_ATTENTION if (name := attention_of(config)) == NONE else name] if is_placed else []
    rest = {k: v for k, v in params.items() if not k.startswith(_ATTENTION) and k != "model"}
    short = [f"{key.rpartition('.')[2]} {_format_value(value)}" for key, value in rest.items()]
    return ", ".join(filter(None, [" ".join(parts), *short]))


def _format_value(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
