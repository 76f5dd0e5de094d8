"""The one place where a name in a config becomes code."""

import importlib
import os
from collections.abc import Callable, Collection, Mapping
from typing import Any

from ferlab.errors import ConfigError

TRUSTED = ("ferlab", "torch.optim")
"""Packages whose targets any config may name."""


def require_allowed(target: str, allow: Collection[str] = ()) -> None:
    """Refuse a target that is neither trusted nor allowed by name, before anything is imported.

    Args:
        target: dotted path of a class or function.
        allow: targets, or packages of targets, that the user vouches for; those in the
            environment variable ``FERLAB_ALLOW`` (comma-separated) are added.

    Raises:
        ConfigError: the target is not covered.
    """
    named = filter(None, os.environ.get("FERLAB_ALLOW", "").split(","))
    if not any(target == ok or target.startswith(f"{ok}.") for ok in (*TRUSTED, *allow, *named)):
        raise ConfigError(
            f"the config wants to call '{target}', which is not part of ferlab; "
            f"if you trust it, set FERLAB_ALLOW={target.split('.', maxsplit=1)[0]}"
        )


def call(config: Mapping[str, Any], allow: Collection[str] = (), **extra: Any) -> Any:
    """Call a config's ``_target_`` with its other keys, and ``extra``, as keyword arguments.

    Nothing nested is instantiated: values arrive as they stand in the config.

    Raises:
        ConfigError: the target is not allowed, cannot be found, or does not take the arguments.
    """
    kwargs = {**config, **extra}
    target = kwargs.pop("_target_")
    require_allowed(target, allow)
    try:
        function = _locate(target)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"'{target}' cannot be imported: {error}") from error
    try:
        return function(**kwargs)
    except TypeError as error:
        # Only a mismatch with the signature is the config's fault; the rest is a bug to be seen.
        if error.__traceback__ is not None and error.__traceback__.tb_next is None:
            raise ConfigError(f"'{target}' cannot be called as configured: {error}") from error
        raise


def _locate(target: str) -> Callable[..., Any]:
    module, _, name = target.rpartition(".")
    function = getattr(importlib.import_module(module or target), name)
    if not callable(function):
        raise AttributeError(f"it is a {type(function).__name__}, not a class or function")
    found: Callable[..., Any] = function
    return found
