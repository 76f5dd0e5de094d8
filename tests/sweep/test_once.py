"""What is done once: composing, reading data, asking MLflow, building a network."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from mlflow.tracking import MlflowClient

from ferlab import cli
from ferlab.config.study import Constraints
from ferlab.data import splits
from ferlab.models import classifier
from ferlab.sweep.search.constraints import Feasibility
from ferlab.sweep.search.space import grid_space
from ferlab.sweep.search.trial_configs import ComposedConfigs
from tests.conftest import TINY

Count = Callable[[object, str], None]


@pytest.fixture
def counts() -> Counter[str]:
    return Counter()


@pytest.fixture
def count(counts: Counter[str], monkeypatch: pytest.MonkeyPatch) -> Count:
    """Count the calls of a function, by its name."""

    def watch(owner: object, name: str) -> None:
        real = getattr(owner, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            counts[name] += 1
            return real(*args, **kwargs)

        monkeypatch.setattr(owner, name, call)

    return watch


@pytest.mark.slow
@pytest.mark.usefixtures("made_store", "no_pictures")
def test_a_sweep_of_one_trial_composes_reads_and_asks_as_little_as_it_can(
    counts: Counter[str], count: Count
) -> None:
    count(ConfigLoaderImpl, "_load_configuration_impl")
    count(MlflowClient, "search_runs")
    count(splits, "drop_leaks")
    sweep = [
        "train",
        "-m",
        "hydra/launcher=basic",
        *TINY,
        "trainer.max_epochs=1",
        "study.workers=1",
    ]
    assert cli.main([*sweep, "study.name=one", "study.trials=1", "seed=0,1"]) == 0
    assert counts == {
        "_load_configuration_impl": 4,  # the sweep, its first config, the launcher's job, the trial
        # Is the name free; the run, before and after; views; what is left; deleted ones, and
        # whether the best is gone for good.
        "search_runs": 7,
        "drop_leaks": 2,  # before anything is created, and in the trial
    }


def test_constraints_build_each_distinct_network_once(
    counts: Counter[str], count: Count, monkeypatch: pytest.MonkeyPatch
) -> None:
    count(classifier, "build_allowed")
    space = grid_space(
        {
            "model.attention.kind": ["none", "se"],
            "optimizer.lr": [0.01, 0.02, 0.05],
            "augmentation": ["none", "standard"],
            "seed": [0, 1],
        }
    )
    configs = ComposedConfigs(tuple(TINY))
    is_feasible = Feasibility(Constraints(parameters=10**9, multiply_adds=None), configs)
    assert all(map(is_feasible, space.all_params()))
    assert counts == {"build_allowed": 2}


def test_a_point_without_a_config_does_not_speak_for_others_with_its_network() -> None:
    is_feasible = Feasibility(Constraints(parameters=1, multiply_adds=None), ComposedConfigs(()))
    assert is_feasible({"model": "compact", "optimizer.lr": -1})  # its trial fails, and says why
    assert not is_feasible({"model": "compact", "optimizer.lr": 0.1})
