"""What a command asks for: the space, the budget, the workers, the name of the study."""

import hashlib
import itertools
import json
import shlex
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.core.override_parser.types import ChoiceSweep, QuotedString
from omegaconf import DictConfig, OmegaConf

from ferlab import secrets
from ferlab.config import Config
from ferlab.config.overrides.grammar import read_override
from ferlab.config.parts.data import FILES
from ferlab.config.problems import TWICE, Problem, flatten, keys_twice, report
from ferlab.config.study import StudyConfig, check_study
from ferlab.errors import ConfigError
from ferlab.study.params import Params
from ferlab.sweep.launchers.processes import cores, gpus
from ferlab.sweep.search.constraints import Feasibility
from ferlab.sweep.search.pins import Pinned
from ferlab.sweep.search.points import read_points
from ferlab.sweep.search.space import Space, size
from ferlab.sweep.search.syntax import read
from ferlab.sweep.workers.storage import exists
from ferlab.tracking.pages.study_views import param_of

_SPACE = ("hydra.sweeper.params.", "hydra.sweeper.when.")
"""What of Hydra's own overrides a study depends on."""

_KIND = "model.attention.kind"

LARGEST_GRID = 10_000
"""Points up to which a grid without a budget is trained whole."""

_NONE_WITHIN = Problem("study.constraints", "no point of the space meets them")


def read_space(
    config: DictConfig,
    params: Mapping[str, Any],
    when: Mapping[str, Any],
    arguments: Sequence[str],
) -> tuple[Pinned, list[str]]:
    """The space and the shared overrides; what is typed goes before what is in a file."""
    if twice := keys_twice(params):
        raise ConfigError(report(Problem(f"hydra.sweeper.params.{key}", TWICE) for key in twice))
    typed = {text.partition("=")[0].lstrip("+~"): text for text in arguments}
    pinned, shared = read(flatten(params), when, list(typed.values()))
    if OmegaConf.select(config, "study.points") is not None:
        pinned = read_points(check_study(section_of(config)), config, pinned, shared)
    if not pinned.space.parameters:
        text = (
            "nothing is swept; give several values, as in optimizer.lr=0.05,0.1, "
            "or hydra.sweeper.params or study.points in an experiment"
        )
        raise ConfigError(report([Problem("", text)]))
    return pinned, shared


def section_of(config: DictConfig) -> dict[str, Any]:
    """The composed ``study`` section, not checked yet."""
    section: dict[str, Any] = OmegaConf.to_container(config.study, resolve=True)  # type: ignore[assignment]
    secrets.seal_addresses({"study": section})  # one that stood in a variable is whole so far
    return section


def enqueued(settings: StudyConfig, pinned: Pinned) -> list[dict[str, Any]]:
    """The points to be trained first, without the values that all trials share.

    Raises:
        ConfigError: one has values that are not of the space.
    """
    points = [
        {key: value for key, value in point.items() if key not in pinned.pins}
        for point in settings.enqueue
    ]
    problems = [
        Problem(f"study.enqueue[{i}].{key}", text)
        for i, point in enumerate(points)
        for key, text in pinned.space.problems(point, some=True)
    ]
    if problems:
        raise ConfigError(report(problems))
    return points


def budget(settings: StudyConfig, space: Space, is_feasible: Feasibility) -> int:
    """How many trials are to count."""
    if settings.baseline is not None and not is_feasible(
        space.params_of(settings.baseline, "study.baseline")
    ):
        dear = Problem("study.baseline", "costs more than study.constraints allow")
        raise ConfigError(report([dear]))
    if settings.trials is not None:
        if space.is_finite and not any(map(is_feasible, space.all_params())):
            raise ConfigError(report([_NONE_WITHIN]))
        return settings.trials
    count = size(space, LARGEST_GRID, is_feasible)
    if count is None:
        text = f"is required where the space has no end, or more than {LARGEST_GRID:,} points"
        raise ConfigError(report([Problem("study.trials", text)]))
    if count == 0:
        raise ConfigError(report([_NONE_WITHIN]))
    return count


def workers(settings: StudyConfig, budget: int, device: str) -> int:
    """How many train at a time, where runs have this ``trainer.device``."""
    if settings.workers == "auto":
        return min(len(gpus(device)) or max(1, cores() // 2), budget)
    return min(settings.workers, budget)


def epochs(space: Space, first: Config) -> int:
    """Of the longest run, where they are swept."""
    swept = [
        param.values() or () for param in space.parameters if param.key == "trainer.max_epochs"
    ]
    return max(int(value or 0) for value in [first.trainer.max_epochs, *itertools.chain(*swept)])


def firsts(space: Space) -> list[Params]:
    """A point of each kind of attention, for what one leaves open another may depend on."""
    kinds = next((p.values() or () for p in space.parameters if p.key == _KIND), ())
    start = space.first()
    return [start, *(space.first({_KIND: k}) for k in kinds if k != start.get(_KIND))]


def describe_study(
    settings: StudyConfig, space: Space, firsts: Sequence[Config], data: str
) -> dict[str, Any]:
    """What a study is, flat: it may not change while the study goes on.

    Args:
        settings: of the study.
        space: to search.
        firsts: configs of its first points.
        data: digest of the first one's images, wherever they lie.
    """
    swept = [param.key for param in space.parameters]
    machine = ("trainer.device", "trainer.threads", "tracking.uri", *FILES)
    config = {
        key: value
        for first in reversed(firsts)
        for key, value in flatten(first.plain()).items()
        if key not in machine and not any(key == s or key.startswith(f"{s}.") for s in swept)
    }
    kept = settings.model_dump(
        by_alias=True,
        include={
            *("question", "objective", "replicates", "constraints", "baseline"),
            *("seed", "sampler", "pruner", "seed_halving"),
        },
    )
    return {
        **{f"space {key}": value for key, value in space.describe().items()},
        **{f"study.{key}": value for key, value in flatten(kept).items()},
        **config,
        "data": data,
    }


def columns(space: Space, firsts: Sequence[Config]) -> dict[str, bool]:
    """The params that show what is swept, and whether each trial's run has them."""
    recorded = [flatten(first.plain()) for first in firsts]
    every = {key for flat in recorded for key in flat}
    shown = {param.key: param_of(param.key, every) for param in space.parameters}
    return {
        shown[param.key]: not param.when and all(shown[param.key] in flat for flat in recorded)
        for param in space.parameters
    }


def study_name(config: DictConfig, about: Mapping[str, Any]) -> str:
    """The experiment's name, or one made from what the study is."""
    experiment = OmegaConf.select(config, "hydra.runtime.choices.experiments")
    if experiment:
        return str(experiment).replace("/", "-")
    return f"sweep-{hashlib.blake2b(json.dumps(about).encode(), digest_size=4).hexdigest()}"


def format_command(
    config: DictConfig, arguments: Sequence[str], name: str | None, here: bool = False
) -> str:
    """What to type to go on with the study; it may be shown to anyone.

    Args:
        config: Hydra's.
        arguments: the overrides as typed.
        name: of the study, where it follows from no argument.
        here: whether it is for this machine alone: with the folder in which the data lies.
    """
    experiment = OmegaConf.select(config, "hydra.runtime.choices.experiments")
    begin = f"ferlab sweep {shlex.quote(experiment)}" if experiment else "ferlab train -m"
    named = ("experiments=", *(["study.name="] if name else []))
    texts = [text for text in (a.lstrip("+") for a in arguments) if not text.startswith(named)]
    texts += [t for t in config.hydra.overrides.hydra if t.lstrip("+").startswith(_SPACE)]
    texts += [f"study.name={name}"] if name else []
    return " ".join([begin, *(shlex.quote(shown(text, here)) for text in texts)])


def shown(override: str, here: bool) -> str:
    """An override without a password and, unless it is for ``here``, the folder of the data."""
    key, equals, value = override.partition("=")
    if key in FILES and not here:
        parsed = read_override(override)
        if isinstance(several := parsed.value(), ChoiceSweep):
            return f"{key}{equals}{','.join(map(_file_name, several.list))}"
        quote = value[:1] if value[:1] in ("'", '"') else ""
        plain = value.strip(quote) if quote else value
        return f"{key}{equals}{quote}{Path(plain).name}{quote}"
    return secrets.seal(override)


def _file_name(value: Any) -> str:
    """A file among several, as it is typed, without its folder."""
    if isinstance(value, QuotedString):
        return QuotedString(Path(value.text).name, value.quote).with_quotes()
    return "null" if value is None else Path(str(value)).name


def free_name(storage: str | None, taken: Collection[str], name: str) -> str:
    """The name, or the first of NAME-2, NAME-3 and so on that no study has.

    Args:
        storage: of the study; None for ferlab's home.
        taken: names that studies of the tracking store have.
        name: that is wanted.
    """
    names = itertools.chain([name], (f"{name}-{i}" for i in itertools.count(2)))
    return next(n for n in names if n not in taken and not exists(storage, n))
