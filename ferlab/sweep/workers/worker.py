"""A worker: what a Hydra launcher runs. It goes from trial to trial until none is left."""

import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ferlab import secrets
from ferlab.config.study import StudyConfig
from ferlab.errors import FerlabError, RunEnded, TakenOver
from ferlab.sweep.search.space import Space
from ferlab.sweep.search.trial_configs import TrialConfigs
from ferlab.text import guarded


@dataclass(frozen=True)
class Task:
    """All that a worker needs, wherever a launcher takes it; called with the job's config.

    Attributes:
        study: the study's name.
        config: of the study.
        space: to search.
        budget: trials that are to count.
        configs: makes the trials' configs.
        session: which start of the command this is.
        deadline: after which no trial is new, as `time.time`.
        home: ferlab's home.
        tells: whether it writes a line for each trial; not where a table shows them.
        folder: where the command was typed; a user's own configs and components lie there.
    """

    study: str
    config: StudyConfig
    space: Space
    budget: int
    configs: TrialConfigs
    session: str
    deadline: float
    home: str
    tells: bool
    folder: str

    def __call__(self, job: Any) -> None:
        """Work; what comes of it is in the study."""
        del job
        with guarded():
            try:
                self._work()
            except FerlabError:
                raise
            except Exception as error:  # what a driver says may be kept in a launcher's files
                raise FerlabError(f"{type(error).__name__}: {error}") from error

    def _work(self) -> None:
        os.environ["FERLAB_HOME"] = self.home
        os.chdir(self.folder)
        if self.folder not in sys.path:
            sys.path.insert(0, self.folder)
        # Loaded here, once for all trials, and not by the process that only waits for workers.
        from ferlab.outage import Patience  # noqa: PLC0415
        from ferlab.sweep.search.constraints import Feasibility  # noqa: PLC0415
        from ferlab.sweep.workers.shared_study import SharedStudy, said_by  # noqa: PLC0415
        from ferlab.sweep.workers.trial import run_trial  # noqa: PLC0415
        from ferlab.training.stop import is_end_of_job  # noqa: PLC0415

        terminal, study, worker = sys.stderr, None, ""
        is_feasible = Feasibility(self.config.constraints, self.configs)

        def say(line: str) -> None:
            line = secrets.hide(line)
            if self.tells:
                terminal.write(f"{line}\n")
                terminal.flush()
            elif study is not None:  # for the table that is shown instead
                with suppress(Exception):  # the storage may be what is waited for
                    study.optuna.set_user_attr(said_by(worker), line)

        patience = Patience(60 * self.config.patience, say)
        join = partial(
            SharedStudy,
            *(self.study, self.config, self.space, is_feasible, self.budget, self.session),
            patience,
        )
        with ExitStack() as stack, _quiet():
            study = patience.call(join)
            worker = patience.call(partial(stack.enter_context, study.liveness.at_work()))
            trial = None
            while True:
                started = time.monotonic()
                try:
                    if trial is not None:  # it was left, for something was away
                        study.require_mine(trial)
                    trial = study.next_trial(worker, self.deadline)
                    if trial is None:
                        return
                    end = run_trial(study, trial, self.configs)
                    name, counted = trial.user_attrs.get("name", ""), study.counts().counted
                except TakenOver as error:
                    patience.reset()
                    say(f"leaves   {error}")
                    trial = None
                except Exception as error:
                    is_interrupted = isinstance(error, RunEnded) and error.reason == "interrupted"
                    if is_interrupted or is_end_of_job(error):
                        # No launcher may take this for a failure.
                        raise KeyboardInterrupt from error
                    patience.wait(error)
                else:
                    patience.reset()
                    if self.tells:
                        say(
                            f"trial {trial.number:<4d} {name}  {end}  "
                            f"{time.monotonic() - started:.0f} s  ({counted} of {self.budget})"
                        )
                    trial = None


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep each run's own progress off a terminal that several workers share."""
    log = logging.getLogger("ferlab")
    level = log.level
    log.setLevel(logging.WARNING)
    with Path(os.devnull).open("w") as nowhere, redirect_stderr(nowhere):
        try:
            yield
        finally:
            log.setLevel(level)
