"""The views that a study has, and a confirmation."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from ferlab.config.study import is_less_better
from ferlab.tracking.entry import metric_name
from ferlab.tracking.pages import charts
from ferlab.tracking.pages.views import SavedView, view_id
from ferlab.tracking.run import CONFIGURATION
from ferlab.tracking.study_runs import StudyKey


def param_of(key: str, recorded: Collection[str]) -> str:
    """The param that shows what a swept key was: a network's name for ``model``.

    Args:
        key: of the config, as it is swept.
        recorded: the params of some run.
    """
    parts = key.split(".")
    lists = (".".join(parts[:n]) for n in range(len(parts) - 1, 0, -1))  # recorded whole
    candidates = (key, f"{key}.name", f"{key}._target_", *lists)
    return next((candidate for candidate in candidates if candidate in recorded), key)


def study_views(
    objectives: Sequence[str],
    params: Mapping[str, bool],
    replicates: int,
    study: StudyKey,
    run_id: str,
) -> dict[str, SavedView]:
    """The views of a study, by their ids; the first is its trials, the best first.

    Args:
        objectives: its objectives, the first of which says what is best.
        params: of what is swept (see `param_of`), and whether each trial has it.
        replicates: number of seeds of each trial.
        study: that they are of.
        run_id: id of its MLflow run.
    """
    metrics = [metric_name(objective) for objective in objectives]
    first, smaller = metrics[0], is_less_better(objectives[0])
    more = [*metrics, "best/accuracy", "best/f1", "parameters", "train_seconds"]
    spread = [first.replace("best/", "spread/", 1), "seeds"] if replicates > 1 else []
    curve = objectives[0] if objectives[0].startswith("val/") else "val/accuracy"
    is_larger = any(key.startswith("model") for key in params)
    cost = charts.metric_against("multiply_adds" if is_larger else "train_seconds", first)
    always = [key for key, has in params.items() if has]
    trials = SavedView(
        study.name,
        f"tags.`mlflow.parentRunId` = '{run_id}'",
        _metric(first),
        smaller,
        _columns([first, *spread], params, more),
        [
            *([charts.line_per_run(always, metrics)] if len(always) > 1 else []),
            *charts.params_against(list(params), first),
            *([] if replicates > 1 else [charts.curves_by_epoch(curve)]),  # a mean has no epochs
            cost,
        ],
    )
    if replicates == 1:
        return {view_id(run_id): trials}
    seeds = SavedView(
        f"{study.name}, each seed",
        f"tags.`ferlab.study.id` = '{study.identity}' AND tags.`ferlab.replicate` LIKE '%'",
        _metric(first),
        smaller,
        _columns([first], ["seed", *params], more),
        [charts.curves_by_epoch(curve), charts.bar_per_run(first), cost],
        group=("tag", CONFIGURATION),
    )
    return {view_id(run_id): trials, f"{view_id(run_id)}-seeds": seeds}


def confirmation_views(params: Sequence[str], study: StudyKey, run_id: str) -> dict[str, SavedView]:
    """The views of a confirmation, by their ids; the first is its runs, in pairs by seed.

    Args:
        params: of what the search swept; see `param_of`.
        study: the confirmation.
        run_id: id of its MLflow run.
    """
    where = f"tags.`mlflow.parentRunId` = '{run_id}'"
    columns = _columns(["test/accuracy", "best/accuracy"], params, ["test/f1", "best/f1"])
    by_seed = [charts.param_against("seed", key) for key in ("test/accuracy", "best/accuracy")]
    pairs = SavedView(
        f"{study.name}, pairs by seed",
        where,
        _param("seed"),
        True,
        columns,
        by_seed,
        group=("param", "seed"),
        shows_means=False,
    )
    means = [charts.bar_per_run(key) for key in ("test/accuracy", "best/accuracy")]
    configurations = SavedView(
        f"{study.name}, means",
        where,
        _metric("test/accuracy"),
        False,
        columns,
        [*means, charts.curves_by_epoch("val/accuracy")],
        group=("tag", CONFIGURATION),
    )
    return {view_id(run_id): pairs, f"{view_id(run_id)}-means": configurations}


def _columns(first: Sequence[str], params: Iterable[str], more: Sequence[str]) -> list[str]:
    """Metrics, params, and more metrics, each once."""
    columns = [*map(_metric, first), *map(_param, params), *map(_metric, more)]
    return list(dict.fromkeys(columns))


def _metric(key: str) -> str:
    return f"metrics.`{key}`"


def _param(key: str) -> str:
    return f"params.`{key}`"
