"""A ``_target_`` that is named in place: it takes the place of a group's, arguments and all.

Hydra merges what is typed, or stands in an experiment, into the file that the group chose. Of
another ``_target_`` the arguments of the one in the file would remain.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from hydra.core.override_parser.types import Override
from hydra.plugins.config_source import ConfigSource
from omegaconf import DictConfig, OmegaConf

from ferlab.config.networks import Model
from ferlab.config.overrides.grammar import read_override
from ferlab.config.parts.data import Data

_KEPT: Mapping[str, Collection[str]] = {
    "data": Data.model_fields,
    "model": Model.model_fields,
    "optimizer": (),
    "scheduler": (),
    "loss": (),
    "study/sampler": (),
    "study/pruner": (),
}
"""The groups that choose a ``_target_``, and the keys that all of a group have in common."""


def replace_in_place(
    config: DictConfig,
    overrides: Sequence[Override],
    composed: Callable[[Sequence[Override]], dict[str, Any]],
    sources: Sequence[ConfigSource],
) -> DictConfig:
    """Where a ``_target_`` was named in place, drop the arguments of the group's.

    Args:
        config: as composed, Hydra's own section included; it is changed.
        overrides: that it was composed of.
        composed: composes others, in plain containers.
        sources: of configs, the first one first.

    Returns:
        The config.
    """
    for group, kept in _KEPT.items():
        key, name = group.replace("/", "."), f"{group}/{config.hydra.runtime.choices.get(group)}"
        part: Any = OmegaConf.select(config, key)
        source = next((source for source in sources if source.is_config(name)), None)
        if not isinstance(part, DictConfig) or source is None:
            continue
        chosen: Any = source.load_config(name).config
        target = chosen.get("_target_") if isinstance(chosen, DictConfig) else None
        if target is None or part.get("_target_") in (None, target):  # another file says what it is
            continue
        others = [override for override in overrides if override.key_or_group != group]
        own = _at(composed([*others, read_override(f"{group}=[]")]), key) or {}
        values = {k: value for k, value in part.items() if k in kept or k in own}
        OmegaConf.update(config, key, values, merge=False, force_add=True)
    return config


def _at(config: Any, key: str) -> Any:
    for name in key.split("."):
        config = config.get(name) if isinstance(config, dict) else None
    return config
