"""A ``_target_`` that is named in place: it takes the place of a group's, arguments and all.

Hydra merges what is typed, or stands in an experiment, into the file that the group chose. Of
another ``_target_`` the arguments of the one in the file would remain.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from omegaconf import DictConfig

from ferlab.config.networks import Model
from ferlab.config.parts import Data

_KEPT: Mapping[str, Collection[str]] = {
    "data": Data.model_fields,
    "model": Model.model_fields,
    "optimizer": (),
    "scheduler": (),
    "study/sampler": (),
    "study/pruner": (),
}
"""The groups that choose a ``_target_``, and the keys that all of a group have in common."""


def without_groups_arguments(
    config: dict[str, Any],
    choices: Mapping[str, Any],
    read_file: Callable[[str], Any],
    compose_without: Callable[[str], dict[str, Any]],
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each part whose ``_target_`` was named in place, by its dotted key, with its own arguments.

    Args:
        config: as composed, in plain containers.
        choices: the file that was chosen, by its group.
        read_file: reads a config file, ``optimizer/sgd``; None where there is none.
        compose_without: composes the same but for the file of one group.
    """
    for group, kept in _KEPT.items():
        key = group.replace("/", ".")
        part = _at(config, key)
        if not isinstance(part, dict) or not isinstance(part.get("_target_"), str):
            continue
        chosen = read_file(f"{group}/{choices.get(group)}")
        target = chosen.get("_target_") if isinstance(chosen, Mapping | DictConfig) else None
        if target is None or part["_target_"] == target:  # None: another file says what it is
            continue
        own = _at(compose_without(group), key) or {}
        yield key, {k: value for k, value in part.items() if k in kept or k in own}


def _at(config: Any, key: str) -> Any:
    for name in key.split("."):
        config = config.get(name) if isinstance(config, dict) else None
    return config
