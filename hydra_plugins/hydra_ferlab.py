"""What Hydra needs to find ferlab's sweeper and launcher; what they do is in `ferlab.sweep`.

Hydra imports this file at every start, so it imports none of Optuna, MLflow and torch itself.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf


class FerlabSweeper(Sweeper):
    """Lets workers share an Optuna study; see `ferlab.sweep.sweeper`."""

    def __init__(self, params: DictConfig, when: DictConfig, new: bool) -> None:
        super().__init__()
        self.params, self.when, self.new = params, when, new

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Keep what a sweep needs."""
        del task_function  # a worker's task depends on the study, which is not open yet
        self._context, self._master = hydra_context, config

    def sweep(self, arguments: list[str]) -> Any:
        """Sweep; returns a `ferlab.sweep.sweeper.SweepResult`."""
        from ferlab.sweep import sweeper  # noqa: PLC0415

        return sweeper.sweep(
            self._context,
            self._master,
            _plain(self.params),
            _plain(self.when),
            arguments,
            self.new,
        )


class ProcessLauncher(Launcher):
    """Runs jobs in processes of this machine; see `ferlab.sweep.workers.processes`."""

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Keep what a job needs."""
        self._parts = (hydra_context, task_function, config)

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """Run all jobs at once."""
        from ferlab.sweep.workers.processes import Pool  # noqa: PLC0415

        return Pool(*self._parts).launch(job_overrides, initial_job_idx)


def _plain(config: DictConfig) -> Mapping[str, Any]:
    plain: Mapping[str, Any] = OmegaConf.to_container(config, resolve=True)  # type: ignore[assignment]
    return plain
