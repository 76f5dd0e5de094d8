"""All that ferlab uses of Hydra beside its public interface, in one place.

The command line asks Hydra for a launcher and for a sweep without `hydra.main`, and for what ended
a job without raising it; Hydra offers neither.
"""

from pathlib import Path

from hydra import initialize_config_dir
from hydra._internal.callbacks import Callbacks
from hydra._internal.hydra import Hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.core.utils import JobReturn, JobStatus
from hydra.types import HydraContext
from omegaconf import DictConfig

__all__ = ["HOLDS_FOR", "Hydra", "context_of", "error_of", "start"]

HOLDS_FOR = "1.3.8"
"""The release that this was read and tested against."""


def start(folder: Path) -> Hydra:
    """A Hydra of its own for the configs of a folder; others may be composed meanwhile."""
    with initialize_config_dir(str(folder), version_base="1.3"):
        hydra = GlobalHydra.instance().hydra
    if hydra is None:
        raise RuntimeError("Hydra did not start")
    return hydra


def context_of(hydra: Hydra, config: DictConfig) -> HydraContext:
    """What launchers and sweepers are set up with; the callbacks are those of the config."""
    return HydraContext(config_loader=hydra.config_loader, callbacks=Callbacks(config))


def error_of(job: JobReturn) -> object:
    """What ended a job, where it was no success; else None."""
    return None if job.status is JobStatus.COMPLETED else job._return_value
