"""All that ferlab uses of Hydra beside its public interface, in one place.

The command line asks Hydra for a launcher and for a sweep without `hydra.main`, for configs from
where it says, and for what ended a job without raising it; Hydra offers none of these.
"""

from collections.abc import Sequence

from hydra import version
from hydra._internal.callbacks import Callbacks
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path
from hydra.core.utils import JobReturn, JobStatus
from hydra.types import HydraContext
from omegaconf import DictConfig

__all__ = ["HOLDS_FOR", "Hydra", "context_of", "error_of", "start"]

HOLDS_FOR = "1.3.8"
"""The release that this was read and tested against."""


def start(main: str, before: Sequence[str] = ()) -> Hydra:
    """A Hydra of its own; others may be composed meanwhile.

    Args:
        main: URL of the source of configs, ``project:///folder``.
        before: further ones, in which a config is looked for first.
    """
    version.setbase("1.3")
    search_path = create_config_search_path(main)
    for source in reversed(before):
        search_path.prepend("before", source)
    return Hydra("ferlab", ConfigLoaderImpl(search_path))


def context_of(hydra: Hydra, config: DictConfig) -> HydraContext:
    """What launchers and sweepers are set up with; the callbacks are those of the config."""
    return HydraContext(config_loader=hydra.config_loader, callbacks=Callbacks(config))


def error_of(job: JobReturn) -> object:
    """What ended a job, where it was no success; else None."""
    return None if job.status is JobStatus.COMPLETED else job._return_value
