"""Every sampler and pruner of Optuna: each does what it does in Optuna alone, or is refused."""

import inspect
from typing import Any

import optuna
import pytest

from ferlab.errors import ConfigError
from ferlab.sweep.search.components import build_pruner, build_sampler, require
from ferlab.sweep.search.sampler import ask
from ferlab.sweep.search.space import Space
from ferlab.sweep.search.syntax import parse
from tests.sweep.test_study import LINE, NEVER, settings, shared

BOX = parse({"lr": "tag(log, interval(0.001, 1.0))", "m": "interval(0.1, 0.9)"}, {})[0]
GRID = parse({"a": "choice(1,2,3,4)", "b": "choice(x,y,z)"}, {})[0]
TRIALS = 14

SAMPLERS: dict[str, dict[str, Any]] = {
    "RandomSampler": {},
    "TPESampler": {"n_startup_trials": 4},
    "NSGAIISampler": {"population_size": 4},
    "NSGAIIISampler": {"population_size": 4},
    "GPSampler": {"n_startup_trials": 9},
    "QMCSampler": {},
    "BruteForceSampler": {},
    "PartialFixedSampler": {
        "fixed_params": {"lr": 0.5},
        "base_sampler": {"_target_": "optuna.samplers.TPESampler", "n_startup_trials": 4},
    },
}
REFUSED = {
    "GridSampler": ({"search_space": {"a": [1, 2]}}, "a grid is trained with study.trials=null"),
    "CmaEsSampler": ({}, "needs a package that is not installed: pip install cmaes"),
}
PRUNERS: dict[str, dict[str, Any]] = {
    "HyperbandPruner": {"max_resource": 9},
    "SuccessiveHalvingPruner": {},
    "MedianPruner": {"n_startup_trials": 2},
    "PercentilePruner": {"percentile": 30.0, "n_startup_trials": 2},
    "PatientPruner": {
        "patience": 1,
        "wrapped_pruner": {"_target_": "optuna.pruners.MedianPruner", "n_startup_trials": 2},
    },
    "ThresholdPruner": {"lower": 0.1},
    "WilcoxonPruner": {},
    "NopPruner": {},
}


def named(kind: str, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    return {"_target_": f"optuna.{kind}.{name}", **arguments}


def offered(module: Any, base: type) -> set[str]:
    """What there is to choose from, by the release that is installed."""
    classes = filter(inspect.isclass, (getattr(module, name) for name in module.__all__))
    return {c.__name__ for c in classes if issubclass(c, base) and not inspect.isabstract(c)}


def test_all_that_optuna_offers_is_looked_at() -> None:
    assert offered(optuna.samplers, optuna.samplers.BaseSampler) == {*SAMPLERS, *REFUSED}
    assert offered(optuna.pruners, optuna.pruners.BasePruner) == {*PRUNERS}


def score(params: dict[str, Any]) -> float:
    return sum(len(str(v)) if isinstance(v, str) else float(v) for v in params.values())


def alone(space: Space, config: Any, pruner: Any = None) -> list[dict[str, Any]]:
    """The points that Optuna draws without ferlab."""
    sampler = build_sampler(config.sampler, config.seed)
    study = optuna.create_study(
        study_name="s", direction="maximize", sampler=sampler, pruner=build_pruner(pruner)
    )

    def objective(trial: optuna.Trial) -> float:
        return score(space.draw(lambda param: ask(trial, param)))

    study.optimize(objective, n_trials=TRIALS)
    return [trial.params for trial in study.trials]


def drawn(space: Space, interrupted: bool = False, **changes: Any) -> list[dict[str, Any]]:
    """The points that ferlab draws; each by another worker's process, where it is interrupted."""
    study = shared(space, TRIALS, trials=TRIALS, **changes)
    for _ in range(TRIALS):
        if interrupted:
            study = shared(space, TRIALS, trials=TRIALS, **changes)
            with study.liveness.at_work() as dying:
                study.next_trial(dying, NEVER)  # it has its point, and then it dies
        with study.liveness.at_work() as me:
            trial = study.next_trial(me, NEVER)
            if trial is not None:
                study.optuna.tell(trial.number, score(trial.params))
    return [trial.params for trial in study.trials()]


def spaces(name: str) -> Space:
    return GRID if name == "BruteForceSampler" else BOX


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("seed", [None, 42])
def test_a_sampler_draws_what_it_draws_in_optuna_alone(name: str, seed: int | None) -> None:
    own = {} if seed is None or name == "PartialFixedSampler" else {"seed": seed}
    chosen = named("samplers", name, {**SAMPLERS[name], **own})
    config, space = settings(trials=TRIALS, sampler=chosen, seed=7), spaces(name)
    require(config, space, TRIALS)
    expected = alone(space, config)
    found = drawn(space, sampler=chosen, seed=7)
    assert found == [pytest.approx(params) if space is BOX else params for params in expected]
    assert len({str(params) for params in found}) > TRIALS / 2  # some repeat one, in Optuna, too


@pytest.mark.parametrize("name", [name for name in SAMPLERS if name != "GPSampler"])
def test_a_sampler_goes_on_after_every_interruption_as_if_there_had_been_none(name: str) -> None:
    chosen = named("samplers", name, SAMPLERS[name])
    expected = alone(spaces(name), settings(trials=TRIALS, sampler=chosen))
    found = drawn(spaces(name), interrupted=True, sampler=chosen)
    assert found == [pytest.approx(p) if spaces(name) is BOX else p for p in expected]


@pytest.mark.parametrize("name", ["RandomSampler", "TPESampler", "NSGAIISampler", "QMCSampler"])
def test_the_same_where_some_parameters_are_drawn_only_sometimes(name: str) -> None:
    chosen = named("samplers", name, SAMPLERS[name])
    expected = alone(LINE, settings(trials=TRIALS, sampler=chosen))
    assert drawn(LINE, sampler=chosen) == expected


@pytest.mark.parametrize("name", REFUSED)
def test_a_sampler_that_cannot_work_is_refused_with_the_reason(name: str) -> None:
    arguments, why = REFUSED[name]
    config = settings(trials=TRIALS, sampler=named("samplers", name, arguments))
    with pytest.raises(ConfigError, match=r"study\.sampler: ") as error:
        require(config, BOX, TRIALS)
    assert why in str(error.value)


@pytest.mark.parametrize("name", PRUNERS)
def test_a_pruner_is_taken_and_the_sampler_draws_beside_it_as_in_optuna_alone(name: str) -> None:
    pruner = named("pruners", name, PRUNERS[name])
    config = settings(trials=TRIALS, pruner=pruner, sampler=named("samplers", "TPESampler", {}))
    require(config, BOX, TRIALS)
    expected = alone(BOX, config, config.pruner)
    found = drawn(BOX, sampler=named("samplers", "TPESampler", {}), pruner=pruner)
    assert found == [pytest.approx(params) for params in expected]


@pytest.mark.parametrize(
    ("changes", "space", "why"),
    [
        ({"sampler": named("samplers", "BruteForceSampler", {})}, BOX, "BruteForceSampler does"),
        ({"sampler": named("samplers", "TPESampler", {"seeds": 1})}, BOX, "seeds"),
        ({"sampler": named("samplers", "QMCSampler", {"qmc_type": "x"})}, BOX, "qmc_type"),
        ({"pruner": named("pruners", "ThresholdPruner", {})}, BOX, "ThresholdPruner does"),
        ({"pruner": named("pruners", "PatientPruner", {"patience": 1})}, BOX, "wrapped_pruner"),
        ({"sampler": named("pruners", "NopPruner", {})}, BOX, "is not an Optuna sampler"),
    ],
)
def test_what_does_not_work_for_the_space_is_told_before_anything_is_created(
    changes: dict[str, Any], space: Space, why: str
) -> None:
    with pytest.raises(ConfigError, match=r"config: study\.(sampler|pruner): ") as error:
        require(settings(trials=TRIALS, **changes), space, TRIALS)
    assert why in str(error.value)
