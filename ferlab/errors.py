"""What can go wrong, said in a line that a user can act on."""

from ferlab import secrets


class FerlabError(Exception):
    """Something the user can mend; the command line prints its message without a traceback.

    The message says what was wrong, where, and what would be right; no password is in it.
    """

    def __init__(self, message: object = "") -> None:
        super().__init__(secrets.hide(str(message)))


class ConfigError(FerlabError):
    """The composed config, or an override, is not one that ferlab can run."""


class DataError(FerlabError):
    """The data cannot be read, or is not what its format promises."""


class TrackingError(FerlabError):
    """The tracking store cannot be reached, written, or does not hold what was asked for."""


class InUse(TrackingError):
    """A run is in the hands of another process, which may be done with it in a while."""


class EvidenceError(FerlabError):
    """The runs at hand cannot answer the question: too few, or not comparable."""


class Outage(FerlabError):
    """A store or a disk was away for longer than it is waited for; nothing is lost."""


class TakenOver(FerlabError):
    """A trial is another worker's now, for which its worker was gone."""


class RunEnded(FerlabError):
    """A run ended before its last epoch; it is recorded as what it was.

    Args:
        message: what happened and how to go on.
        run_id: the MLflow run that holds what was finished.
        reason: ``interrupted``, ``outage``, ``pruned``, ``diverged``, ``out-of-memory`` or
            ``error``.
    """

    def __init__(self, message: str, run_id: str, reason: str) -> None:
        super().__init__(message)
        self.run_id = run_id
        self.reason = reason
