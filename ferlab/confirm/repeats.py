"""A search that is to be repeated: its repeats are studies under seeds of their own."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ferlab.config.problems import Problem, report
from ferlab.config.study import StudyConfig, check_study
from ferlab.errors import ConfigError, EvidenceError, TrackingError
from ferlab.study.table import TrialRow
from ferlab.sweep import studies
from ferlab.sweep.plan import shown

_FEWEST = 2
"""Searches of which one can say that they differ; an interval takes one more."""

_APART = 10_000
"""Between the samplers' seeds: some draw a trial's random point by their seed plus its number."""


@dataclass(frozen=True)
class Search:
    """One of the repeats.

    Attributes:
        study: its name.
        overrides: that make it what it is.
        spare: a seed beyond those of its trials, and before those of the next search's.
    """

    study: str
    overrides: tuple[str, ...]
    spare: int


@dataclass(frozen=True)
class Repeats:
    """A search that is to be repeated.

    Attributes:
        experiment: its file's name.
        overrides: as typed.
        study: the name that all its studies' names begin with.
        settings: of the study, as they were before.
        searches: the repeats.
    """

    experiment: str
    overrides: tuple[str, ...]
    study: str
    settings: StudyConfig
    searches: tuple[Search, ...]

    @property
    def name(self) -> str:
        """Of the study that trains the winners."""
        return f"{self.study}-repeats"

    @property
    def objective(self) -> str:
        """Name of the score that decides."""
        return self.settings.objectives[0]

    def rows(self) -> list[TrialRow]:
        """The runs of winners, and of the baseline beside them, under fresh seeds so far."""
        try:
            table = studies.view(studies.open_study(self.name, self.settings.storage))
        except TrackingError:  # it has not begun
            return []
        return list(table.rows)

    def command(self, here: bool, count: int | None = None) -> str:
        """What to type to go on.

        Args:
            here: see `ferlab.sweep.plan.shown`.
            count: of repeats; None for as many as these are.
        """
        begin = ["ferlab", "sweep", self.experiment, "--repeats", str(count or len(self.searches))]
        return shlex.join([*begin, *(shown(text, here) for text in self.overrides)])


def plan_repeats(
    composed: Mapping[str, Any], experiment: str, overrides: Sequence[str], count: int
) -> Repeats:
    """What is to be repeated; nothing is begun.

    Args:
        composed: the sweep; see `ferlab.config.compose.compose_sweep`.
        experiment: name of its file.
        overrides: as typed.
        count: of repeats.

    Raises:
        ConfigError: it cannot be repeated.
        EvidenceError: it was begun otherwise.
    """
    if count < _FEWEST:
        raise ConfigError(f"--repeats {count}: to be compared, searches are {_FEWEST} at least")
    settings = check_study(composed["study"])
    problems, seed = [], composed["seed"]
    if not isinstance(seed, int):
        problems.append(Problem("seed", f"is {seed}; it must be a whole number"))
    if "seed" in composed["hydra"]["sweeper"]["params"]:
        text = "is swept; repeats have training seeds of their own, and study.replicates of each"
        problems.append(Problem("seed", text))
    if not settings.objectives[0].startswith("val/"):
        text = "begins with what no seed changes; repeats are judged by val/accuracy, f1 or loss"
        problems.append(Problem("study.objective", text))
    if problems:
        raise ConfigError(report(problems))
    study = settings.name or experiment.replace("/", "-")
    searches = tuple(_searches(study, settings, seed, count))
    repeats = Repeats(experiment, tuple(overrides), study, settings, searches)
    _require_as_begun(repeats)
    return repeats


def _searches(study: str, settings: StudyConfig, seed: int, count: int) -> Iterator[Search]:
    """The repeats; each has the seeds of its trials, and one more, for itself."""
    sampler = {"study.seed": settings.seed, **dict(_seeds_within(settings.sampler.model_dump()))}
    for i in range(count):
        name, first = f"{study}-repeat-{i + 1}", seed + i * (settings.replicates + 1)
        own = {"study.name": name, **{k: s + _APART * i for k, s in sampler.items()}, "seed": first}
        overrides = tuple(f"{key}={value}" for key, value in own.items())
        yield Search(name, overrides, first + settings.replicates)


def _seeds_within(
    part: Mapping[str, Any], path: str = "study.sampler"
) -> Iterator[tuple[str, int]]:
    """The seeds that a sampler, and those within it, have of their own, by their keys."""
    for key, value in part.items():
        if key == "seed" and isinstance(value, int):
            yield f"{path}.{key}", value
        elif isinstance(value, Mapping):
            yield from _seeds_within(value, f"{path}.{key}")


def _require_as_begun(repeats: Repeats) -> None:
    """Refuse what would change the winners, or drop some, once any was trained again."""
    rows = repeats.rows()
    if not rows:
        return
    count = len({row.params["seed"] for row in rows})
    if len(repeats.searches) < count:
        raise EvidenceError(
            f"of {count} repeats of '{repeats.study}' the winners were trained under fresh seeds; "
            f"--repeats {count} or more goes on"
        )
    about = studies.open_study(repeats.name, repeats.settings.storage).user_attrs["about"]
    trials = about["repeats"]["trials"]
    if trials != repeats.settings.trials:
        raise EvidenceError(
            f"the searches of '{repeats.study}' had study.trials={trials} when their winners were "
            "trained under fresh seeds; that cannot be changed now; another study.name begins anew"
        )
