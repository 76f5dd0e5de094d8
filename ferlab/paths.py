"""Where ferlab reads its configs and where it leaves what it produces."""

import os
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def shipped() -> Path:
    """The folder that holds ``conf/`` and ``experiments/``.

    It is the package itself in a wheel and the repository's root in a checkout.
    """
    return _PACKAGE if (_PACKAGE / "conf").is_dir() else _PACKAGE.parent


def home() -> Path:
    """The folder of all products: ``FERLAB_HOME``, else ``./mlruns``."""
    return Path(os.environ.get("FERLAB_HOME") or "mlruns").expanduser().resolve()


def work(run_id: str) -> Path:
    """The folder of a run's checkpoints while it is not finished."""
    return home() / "work" / run_id


def cache() -> Path:
    """The folder of decoded data sets: ``FERLAB_CACHE``, else ferlab's part of the user's cache."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(os.environ.get("FERLAB_CACHE") or f"{base}/ferlab").expanduser().resolve()
