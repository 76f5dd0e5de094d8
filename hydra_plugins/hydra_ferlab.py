"""What Hydra needs to find ferlab's configs, sweeper and launcher.

What the latter two do is in `ferlab.sweep`.

Hydra imports this file at every start, so it imports none of Optuna, MLflow and torch itself.
"""

import functools
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from hydra.core.object_type import ObjectType
from hydra.core.utils import JobReturn
from hydra.plugins.config_source import ConfigResult, ConfigSource
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from ferlab import paths

_EXPERIMENTS = "experiments"
_HEADER = 512
"""Characters of a file in which its ``# @package`` line is looked for, as Hydra does."""


class ProjectSource(ConfigSource):
    """The configs of a folder in which somebody works: its ``conf/``, and its ``experiments/``.

    Nothing else that lies there is a group of configs, whatever it is called.
    """

    @staticmethod
    def scheme() -> str:
        """``project:///home/me/my work``, as it is: nothing in it is escaped."""
        return "project"

    def load_config(self, config_path: str) -> ConfigResult:
        """Read a file; says so where ferlab has another of its name."""
        file = self._file(config_path)
        ferlabs = paths.shipped()
        if Path(self.path) != ferlabs:
            shipped = ProjectSource("", f"{self.scheme()}://{ferlabs}")
            if shipped.is_config(config_path):
                _tell_shadowing(file)
        return ConfigResult(
            config=OmegaConf.load(file),
            path=self.full_path(),
            provider=self.provider,
            header=self._get_header_dict(file.read_text(encoding="utf-8")[:_HEADER]),
        )

    def available(self) -> bool:
        """Whether there is such a folder."""
        return Path(self.path).is_dir()

    def is_group(self, config_path: str) -> bool:
        """Whether it is a folder of configs."""
        with suppress(OSError):  # no file can be called so
            return self._place(config_path).is_dir()
        return False

    def is_config(self, config_path: str) -> bool:
        """Whether it is a config."""
        with suppress(OSError):  # no file can be called so
            return self._file(config_path).is_file()
        return False

    def list(self, config_path: str, results_filter: ObjectType | None) -> list[str]:
        """The configs and groups in a group."""
        found: list[str] = []
        beside = [] if config_path else [Path(self.path) / _EXPERIMENTS]
        for file in (*self._place(config_path).iterdir(), *beside):
            path = f"{config_path}/{file.name}".lstrip("/")
            self._list_add_result(found, path, file.name, results_filter)
        return sorted(set(found))

    def _file(self, config_path: str) -> Path:
        return self._place(self._normalize_file_name(config_path))

    def _place(self, config_path: str) -> Path:
        root = Path(self.path)
        is_beside = config_path.partition("/")[0] == _EXPERIMENTS and (root / _EXPERIMENTS).is_dir()
        return root / config_path if is_beside else root / "conf" / config_path


@functools.cache  # once, however many trials read it
def _tell_shadowing(file: Path) -> None:
    shown = file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file
    logging.getLogger("ferlab").info("note     %s is read, not ferlab's own of this name", shown)


class FerlabSweeper(Sweeper):
    """Lets workers share an Optuna study; see `ferlab.sweep.sweeper`."""

    def __init__(
        self,
        params: DictConfig,
        when: DictConfig,
        new: bool,
        source: str | None,
        extend: bool,
        plan: bool,
    ) -> None:
        super().__init__()
        self.params, self.when = params, when
        self.new, self.source, self.extend, self.plan = new, source, extend, plan

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Keep what a sweep needs."""
        del task_function  # a worker's task depends on the study, which is not open yet
        self._context, self._master = hydra_context, config

    def sweep(self, arguments: list[str]) -> Any:
        """Sweep, or plan one; returns what `ferlab.sweep.sweeper.sweep` does."""
        from ferlab.sweep import sweeper  # noqa: PLC0415
        from ferlab.sweep.question import How  # noqa: PLC0415

        return sweeper.sweep(
            self._context,
            self._master,
            _plain(self.params),
            _plain(self.when),
            arguments,
            How(self.new, self.source, self.extend, self.plan),
        )


class ProcessLauncher(Launcher):
    """Runs jobs in processes of this machine; see `ferlab.sweep.launchers.processes`."""

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Keep what a job needs."""
        self._parts = (hydra_context, task_function, config)

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """Run all jobs at once."""
        from ferlab.sweep.launchers.processes import Pool  # noqa: PLC0415

        return Pool(*self._parts).launch(job_overrides, initial_job_idx)


def _plain(config: DictConfig) -> Mapping[str, Any]:
    plain: Mapping[str, Any] = OmegaConf.to_container(config, resolve=True)  # type: ignore[assignment]
    return plain
