"""The configs that there are: ferlab's own, and before them those where somebody works."""

from collections.abc import Callable
from pathlib import Path

from hydra.core.object_type import ObjectType

from ferlab import hydra_private, paths


def start_hydra() -> hydra_private.Hydra:
    """Hydra on ferlab's own configs, and before them on those where somebody works."""
    ferlabs, here = paths.shipped(), Path.cwd()
    has_own = any((here / name).is_dir() for name in ("conf", "experiments"))
    before = [f"project://{here}"] if has_own and here.resolve() != ferlabs else []
    return hydra_private.start(f"project://{ferlabs}", before)


def is_group(hydra: hydra_private.Hydra) -> Callable[[str], bool]:
    """What tells whether there is a group of configs of a name."""
    sources = hydra.config_loader.get_sources()
    return lambda name: any(source.is_group(name) for source in sources)


def list_choices() -> list[str]:
    """``GROUP=NAME`` of each config of each group, sorted."""
    loader = start_hydra().config_loader
    found, groups = [], loader.list_groups("")
    while groups:
        group = groups.pop()
        names = loader.get_group_options(group, ObjectType.CONFIG)
        found += [f"{group}={name}" for name in names]
        groups += [f"{group}/{name}" for name in loader.list_groups(group)]
    return sorted(found)
