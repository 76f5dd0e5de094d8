"""What each parameter of a study's trials may be, whatever spaces they were drawn from."""

from collections.abc import Sequence
from dataclasses import replace

from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial

from ferlab.study.params import Choices, Domain, Range, Value
from ferlab.sweep.search.space import domain_of
from ferlab.sweep.workers import outside


def domains_of(trials: Sequence[FrozenTrial]) -> dict[str, Domain]:
    """What each parameter of the trials may be, by its key; all that they are is among it."""
    domains: dict[str, Domain] = {}
    values: dict[str, dict[Value, None]] = {}
    last: dict[str, BaseDistribution] = {}
    for trial in trials:
        if "params" not in trial.user_attrs:
            continue
        for name, distribution in trial.distributions.items():
            if last.get(name) == distribution:
                continue  # as in nearly all
            last[name] = distribution
            key = outside.key_of(name)
            domains[key] = _joined(domains.get(key), domain_of(distribution))
        for key, value in trial.user_attrs.get("params", {}).items():
            values.setdefault(key, {})[value] = None
    return {key: _containing(domains.get(key), tuple(of)) for key, of in values.items()}


def _containing(domain: Domain | None, values: tuple[Value, ...]) -> Domain:
    """The domain with these values in it, where trials came from another space."""
    if isinstance(domain, Range):
        numbers = [value for value in values if isinstance(value, int | float)]
        if len(numbers) == len(values):
            low, high = min(domain.low, *numbers), max(domain.high, *numbers)
            return replace(domain, low=low, high=high)
    known = domain.values if isinstance(domain, Choices) else ()
    return Choices(tuple(dict.fromkeys((*known, *values))))


def _joined(before: Domain | None, domain: Domain) -> Domain:
    """Both, where a study went on with more values."""
    if isinstance(before, Choices) and isinstance(domain, Choices):
        return Choices(tuple(dict.fromkeys((*before.values, *domain.values))))
    if isinstance(before, Range) and isinstance(domain, Range):
        low, high = min(before.low, domain.low), max(before.high, domain.high)
        return replace(domain, low=low, high=high)
    return domain
