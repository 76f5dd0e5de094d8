"""A sweep of listed points: what they set is its space, and nothing is drawn."""

from collections.abc import Sequence

from omegaconf import DictConfig, OmegaConf
from optuna.distributions import CategoricalDistribution

from ferlab.config.compose import compose_plain
from ferlab.config.problems import Problem, flatten, report
from ferlab.config.study import StudyConfig
from ferlab.errors import ConfigError
from ferlab.study.params import Params, overrides
from ferlab.sweep.search.pins import Pinned
from ferlab.sweep.search.space import Parameter, Space, stored


def read_points(
    settings: StudyConfig, config: DictConfig, typed: Pinned, shared: Sequence[str]
) -> Pinned:
    """The space of the points that a study lists, the baseline first.

    A key that a point leaves out, and another one sets, has there the value that the config gives.

    Args:
        settings: of the study; its points are not None.
        config: Hydra's, composed from what all points share.
        typed: what stands in ``hydra.sweeper.params`` or was typed: values for all points.
        shared: the same, as overrides.

    Raises:
        ConfigError: keys are swept besides, the study draws, or a point has no value for a key.
    """
    problems = [
        Problem(param.key, "is swept, but study.points lists all that is trained")
        for param in typed.declared.parameters
    ]
    if settings.trials is not None or settings.enqueue:
        text = "lists all that is trained; leave out study.trials and study.enqueue"
        problems.append(Problem("study.points", text))
    if problems:
        raise ConfigError(report(problems))
    baseline = [] if settings.baseline is None else [settings.baseline]
    given = [
        {key: stored(value) for key, value in point.items() if key not in typed.pins}
        for point in (*baseline, *(settings.points or ()))
    ]
    keys = list(dict.fromkeys(key for point in given for key in point))
    groups = OmegaConf.select(config, "hydra.runtime.choices")
    points: list[Params] = []
    for i, point in enumerate(given, -len(baseline)):
        plain, _ = compose_plain([*shared, *overrides(point)])
        values = {**flatten(plain), **groups, **point}
        where = "study.baseline" if i < 0 else f"study.points[{i}]"
        problems += [
            Problem(f"{where}.{key}", "is missing: others set it, and here the config has none")
            for key in keys
            if key not in values
        ]
        whole = {key: stored(values.get(key)) for key in keys}
        if whole not in points:
            points.append(whole)
    if problems:
        raise ConfigError(report(problems))
    return Pinned(_space(keys, points), typed.pins)


def _space(keys: Sequence[str], points: Sequence[Params]) -> Space:
    def parameter(key: str) -> Parameter:
        values = list(dict.fromkeys(point[key] for point in points))
        return Parameter(key, CategoricalDistribution(values), {})

    return Space(tuple(map(parameter, keys)), tuple(points))
