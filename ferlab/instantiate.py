"""The one place where a name in a config becomes code."""

import importlib
import os
from collections.abc import Callable, Collection, Mapping
from typing import Any

from ferlab.config.schema import KNOWN
from ferlab.errors import ConfigError

OWN = frozenset(
    # What recorded models are built by.
    {"ferlab.models.classifier.build", "ferlab.models.ensemble.build_ensemble"}.union(
        *KNOWN.values()
    )
)
"""ferlab's targets, which any config may name; so are the classes that `TORCH` defines."""

TORCH = "torch.optim"


def require_allowed(target: str, allow: Collection[str] = ()) -> None:
    """Refuse a target that is neither trusted nor allowed by name, before anything is imported.

    Args:
        target: dotted path of a class or function.
        allow: targets, or packages of targets, that the user vouches for; those in the
            environment variable ``FERLAB_ALLOW`` (comma-separated) are added.

    Raises:
        ConfigError: the target is not covered.
    """
    if target not in OWN and not _within(target, [TORCH]) and not _vouched(target, allow):
        raise ConfigError(
            f"the config wants to call '{target}', which is not part of ferlab; "
            f"if you trust it, set FERLAB_ALLOW={target.partition('.')[0]}"
        )


def locate(target: str, allow: Collection[str] = ()) -> Callable[..., Any]:
    """The class or function that a target names.

    Raises:
        ConfigError: it is not allowed, or cannot be found.
    """
    require_allowed(target, allow)
    try:
        function = _locate(target)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"'{target}' cannot be imported: {error}") from error
    if _within(target, [TORCH]) and not _vouched(target, allow):
        # A trusted module must not lend what it merely imported from elsewhere.
        require_allowed(f"{function.__module__}.{target.rpartition('.')[2]}")
    return function


def call(config: Mapping[str, Any], allow: Collection[str] = (), **extra: Any) -> Any:
    """Call a config's ``_target_`` with its other keys, and ``extra``, as keyword arguments.

    Nothing nested is instantiated: values arrive as they stand in the config.

    Raises:
        ConfigError: the target is not allowed, cannot be found, or does not take the arguments.
    """
    target = config.get("_target_") if isinstance(config, Mapping) else None
    if not isinstance(target, str):
        raise ConfigError(f"{str(config)[:80]!r} has no _target_, the dotted name of what to call")
    kwargs = {key: value for key, value in {**config, **extra}.items() if key != "_target_"}
    function = locate(target, allow)
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


def _vouched(target: str, allow: Collection[str]) -> bool:
    named = os.environ.get("FERLAB_ALLOW", "").split(",")
    return _within(target, [*allow, *filter(None, named)])


def _within(target: str, packages: Collection[str]) -> bool:
    return any(target == package or target.startswith(f"{package}.") for package in packages)
