"""A run of its own that waits where the store or the disk is away, and goes on by itself."""

from collections.abc import Collection, Mapping
from functools import partial
from typing import Protocol

from ferlab.config import Config
from ferlab.errors import FerlabError, Outage, RunEnded
from ferlab.outage import PATIENCE, Patience
from ferlab.signals import terminated
from ferlab.training.epochs import Report
from ferlab.training.result import RunResult
from ferlab.training.run import resume, train


class _Attempt(Protocol):
    def __call__(self, *, report: Report) -> RunResult: ...


def train_patiently(
    config: Config,
    tags: Mapping[str, str] | None = None,
    allow: Collection[str] | None = None,
    patience: float = PATIENCE,
) -> RunResult:
    """Train one run as `train` does; what is away once it has begun is waited for.

    Raises:
        FerlabError: see `train`.
        Outage: it was away for too long; the message says how to go on.
    """
    allow = config.names() if allow is None else allow
    first = partial(train, config, tags=tags, allow=allow)
    return _finish(first, None, config.tracking.uri, allow, patience)


def resume_patiently(run_id: str, patience: float = PATIENCE) -> RunResult:
    """Resume a run as `resume` does; see `train_patiently`."""
    return _finish(partial(resume, run_id), run_id, None, (), patience)


def _finish(
    attempt: _Attempt, run_id: str | None, uri: str | None, allow: Collection[str], seconds: float
) -> RunResult:
    patience = Patience.of_command(seconds=seconds)

    def report(epoch: int, metrics: Mapping[str, float]) -> None:
        del metrics
        patience.progress(epoch)

    again = ""
    while True:
        try:
            return attempt(report=report)
        except RunEnded as end:
            run_id, again = end.run_id, str(end).rpartition("; ")[2]
            _wait(patience, end, run_id, again)
        except FerlabError as error:
            if run_id is None or not again:  # it has not begun
                raise
            _wait(patience, error, run_id, again)
        attempt = partial(resume, run_id, uri, allow=allow)


def _wait(patience: Patience, error: FerlabError, run_id: str, again: str) -> None:
    try:
        with terminated():
            patience.wait(error)
    except Outage as spent:
        raise Outage(f"{spent}; {again}") from error
    except KeyboardInterrupt as signal:
        raise RunEnded(f"stopped by a signal; {again}", run_id, "interrupted") from signal
