"""Sweeps that were written for another sweeper of Hydra, key by key in ferlab's words.

Most are hydra-optuna-sweeper's, as they stand in its documentation and in templates of projects.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import yaml

from ferlab import paths
from ferlab.config.overrides.slips import right_space
from ferlab.config.problems import Problem, did_you_mean

SWEEPER = "hydra/sweeper"
"""The group of sweepers; those that others wrote are groups below it."""

_SAMPLERS = {
    "tpe": "TPESampler",
    "motpe": "TPESampler",
    "random": "RandomSampler",
    "cmaes": "CmaEsSampler",
    "nsgaii": "NSGAIISampler",
    "qmc": "QMCSampler",
    "gp": "GPSampler",
}
"""Its samplers by their names in ``hydra/sweeper/sampler``; its grid is a study without trials."""

_LAUNCHERS = {
    **dict.fromkeys(("submitit_local", "submitit_slurm"), "hydra-submitit-launcher"),
    **dict.fromkeys(("ray", "ray_aws"), "hydra-ray-launcher"),
    **{name: f"hydra-{name}-launcher" for name in ("joblib", "rq")},
}
"""Packages of Hydra's launchers, by the launchers' names."""

_GRID = "every point of a finite space is trained, in order, where study.trials is left out"


def _leave_out(why: str) -> Callable[[Any], str]:
    return lambda _: f"leave it out; {why}"


def _called(key: str) -> Callable[[Any], str]:
    return lambda value: (
        f"leave it out; here it is {key}, which is null, too"
        if value is None
        else f"is {key}: {_inline(value)} here"
    )


_WORDS: Mapping[str, Callable[[Any], str]] = {
    "n_trials": _called("study.trials"),
    "n_jobs": _called("study.workers"),
    "study_name": _called("study.name"),
    "storage": _called("study.storage"),
    "sampler": _called("study.sampler"),
    "pruner": _called("study.pruner"),
    "direction": _leave_out(
        "it follows from study.objective: val/accuracy and val/f1 are maximised, val/loss, "
        "parameters, multiply_adds and latency minimised; for several it is a list"
    ),
    "max_failure_rate": _leave_out("study.max_failures is how many trials may fail"),
    "custom_search_space": _leave_out("hydra.sweeper.when says what depends on another key"),
    "experiment_sequence": _leave_out("there is nothing to choose"),
    "max_duration_minutes": lambda value: f"is study.hours here, {value} / 60",
    "max_batch_size": _leave_out("workers wait for each other nowhere"),
    "ax_config": _leave_out("study.sampler names one of Optuna's samplers"),
    "optim": _leave_out("study.sampler names one of Optuna's samplers"),
    "parametrization": _leave_out("the space is hydra.sweeper.params"),
}
"""Other sweepers' keys, and what of their value there is here."""


def sweeper_problems(section: Mapping[str, Any]) -> Iterator[Problem]:
    """Say what is foreign in a ``hydra.sweeper`` section, composed or as it stands in a file."""
    ferlabs = _ferlabs()
    at = "hydra.sweeper"
    if section.get("_target_", ferlabs["_target_"]) != ferlabs["_target_"]:
        yield Problem(f"{at}._target_", "leave it out; ferlab's sweeper is the one that is here")
    for key, value in section.items():
        if key == "search_space" and isinstance(value, Mapping):
            yield from _space_problems(value, f"{at}.search_space", f"{at}.params.")
        elif key in _WORDS:
            yield Problem(f"{at}.{key}", _WORDS[key](value))
        elif key not in ferlabs:
            yield Problem(f"{at}.{key}", f"unknown key; {did_you_mean(str(key), ferlabs)}")
    params = section.get("params")
    if isinstance(params, Mapping):
        yield from _space_problems(params, f"{at}.params")


def defaults_problems(defaults: Any) -> Iterator[Problem]:
    """Say what of a file's ``defaults`` names a sweeper that is not here."""
    for entry in defaults if isinstance(defaults, list) else ():
        for words, name in entry.items() if isinstance(entry, Mapping) else ():
            group = str(words).split()[-1].lstrip("/").partition("@")[0]
            if group == SWEEPER and name in ("ferlab", None):
                continue
            if group == SWEEPER or group.startswith(f"{SWEEPER}/"):
                yield Problem("defaults", f"leave out '{words}: {name}'; {_instead(group, name)}")


def group_problem(group: str, name: Any) -> Problem | None:
    """The problem of a sweeper that is typed as a group; None where it is no other's."""
    others = ("optuna", "basic", "ax", "nevergrad")
    if group.startswith(f"{SWEEPER}/") or (group == SWEEPER and name in others):
        return Problem(group, f"leave out '{group}={name}'; {_instead(group, name)}")
    return None


def hint_at_option(group: str, name: str, options: Iterable[str]) -> str:
    """A hint at what there is instead of a file that is missing in a group."""
    if group == "hydra/launcher" and (package := _LAUNCHERS.get(name)):
        return f"pip install {package} brings it; {did_you_mean(name, options)}"
    return did_you_mean(name, set(options) - {"basic"} if group == SWEEPER else options)


def with_sampler(section: Mapping[str, Any], defaults: Any) -> dict[str, Any]:
    """The ``hydra.sweeper`` of a file whose ``defaults`` name its sampler, with that in it."""
    entries = [
        e for e in (defaults if isinstance(defaults, list) else []) if isinstance(e, Mapping)
    ]
    named = [name for e in entries for key, name in e.items() if str(key).endswith("sampler")]
    made = dict(section)
    if named and named[0] in _SAMPLERS:
        target = f"optuna.samplers.{_SAMPLERS[named[0]]}"
        made["sampler"] = {"_target_": target, **(section.get("sampler") or {})}
    if named and named[0] == "grid":
        made.pop("n_trials", None)
        made.pop("sampler", None)
    return made


def _instead(group: str, name: Any) -> str:
    if group == SWEEPER:
        return "ferlab has a sweeper of its own, which asks Optuna; its settings are in study:"
    if group == f"{SWEEPER}/sampler":
        if name == "grid":
            return f"{_GRID}, so leave out n_trials and sampler, too"
        return "the sampler is study.sampler here"
    return "here that is set in study:"


def _space_problems(
    params: Mapping[str, Any], at: str, right_at: str | None = None
) -> Iterator[Problem]:
    """Name the right form of each space that is in another tool's, or in the wrong place."""
    for key, value in params.items():
        right = right_space(value)
        if right is None and isinstance(value, Mapping):
            yield from _space_problems(value, f"{at}.{key}", right_at and f"{right_at}{key}.")
        elif right_at is not None:
            yield Problem(f"{at}.{key}", f"is {right_at}{key}: {right or value} here")
        elif right is not None and right != value:
            yield Problem(f"{at}.{key}", f"write {right}")


def swept_keys(section: Mapping[str, Any]) -> Iterator[str]:
    """The dotted keys of a ``hydra.sweeper`` section's space, in whichever form it stands."""
    for name in ("params", "search_space"):
        if isinstance(section.get(name), Mapping):
            yield from _keys(section[name], "")


def _keys(params: Mapping[str, Any], above: str) -> Iterator[str]:
    for key, value in params.items():
        if isinstance(value, Mapping) and right_space(value) is None:
            yield from _keys(value, f"{above}{key}.")
        else:
            yield f"{above}{key}"


def _ferlabs() -> dict[str, Any]:
    file = paths.shipped() / "conf" / "hydra" / "sweeper" / "ferlab.yaml"
    keys: dict[str, Any] = yaml.safe_load(file.read_text())
    return keys


def _inline(value: Any) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000, sort_keys=False)
    return text.removesuffix("...\n").strip()
