"""What only the use of a network needs: an extra of the package, asked for where it is missing."""

import importlib

from ferlab.errors import FerlabError

EXTRA = "pip install -r requirements-full.lock, or pip install 'ferlab[use]'"
"""How to get it."""


def require_extra(*modules: str) -> None:
    """Refuse to go on without some of the extra's modules.

    Raises:
        FerlabError: one cannot be imported.
    """
    for module in modules:
        try:
            importlib.import_module(module)
        except ImportError as error:
            raise FerlabError(f"{module} is not installed: {EXTRA}") from error
