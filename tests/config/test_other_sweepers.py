"""Sweeps that were written for other sweepers of Hydra: one message has ferlab's words for them."""

from pathlib import Path

import pytest

from ferlab import cli as command_line
from ferlab.config.compose import compose, multirun
from ferlab.config.overrides.slips import right_space
from ferlab.errors import ConfigError
from ferlab.sweep.search.syntax import parse
from tests.config.test_sources import project
from tests.conftest import TINY

GLOBAL = "# @package _global_\n"

SPHERE = """\
defaults:
  - override hydra/sweeper: optuna
  - override hydra/sweeper/sampler: tpe
hydra:
  sweeper:
    direction: maximize
    n_jobs: 1
    n_trials: 2
    params:
      x: choice(0.05, 0.1)
      y: range(2, 3)
    sampler: {seed: 123}
    storage: null
    study_name: sphere
x: 1
y: 1
"""
"""As hydra-optuna-sweeper's own first example has it: each of its keys, two unknown parameters."""

ASKED = [
    "experiments/sphere.yaml: its first line must be '# @package _global_', for its keys to be the "
    "config's",
    "defaults: leave out 'override hydra/sweeper: optuna'; ferlab has a sweeper of its own, which "
    "asks Optuna; its settings are in study:",
    "defaults: leave out 'override hydra/sweeper/sampler: tpe'; the sampler is study.sampler here",
    "hydra.sweeper.direction: leave it out; it follows from study.objective: val/accuracy and "
    "val/f1 are maximised, val/loss, parameters, multiply_adds and latency minimised; for several "
    "it is a list",
    "hydra.sweeper.n_jobs: is study.workers: 1 here",
    "hydra.sweeper.n_trials: is study.trials: 2 here",
    "hydra.sweeper.sampler: is study.sampler: {_target_: optuna.samplers.TPESampler, seed: 123} "
    "here",
    "hydra.sweeper.storage: leave it out; here it is study.storage, which is null, too",
    "hydra.sweeper.study_name: is study.name: sphere here",
]

CHANGED = """\
# @package _global_
study:
  workers: 1
  trials: 2
  sampler: {_target_: optuna.samplers.TPESampler, seed: 123}
  name: sphere
hydra:
  sweeper:
    params:
      optimizer.lr: choice(0.05, 0.1)
      trainer.max_epochs: range(2, 3)
"""
"""The same after what the message asks for, and nothing else."""


def refused(*overrides: str) -> list[str]:
    """The problems that a sweep is refused for, without the line that counts them."""
    with pytest.raises(ConfigError) as caught:
        multirun(overrides)
    lines = str(caught.value).splitlines()
    return [line.strip() for line in lines[1:]] or [lines[0].removeprefix("config: ")]


def test_the_sweepers_own_example_is_told_in_one_message_what_to_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    project(tmp_path / "mine", monkeypatch, experiments__sphere=SPHERE)
    *told, x, y = refused("experiments=sphere")
    assert told == ASKED
    assert x.startswith("x: unknown key; known are augmentation, data, loss, model")
    assert y.startswith("y: unknown key; known are")
    assert not home.exists()


@pytest.mark.slow
@pytest.mark.usefixtures("made_store", "no_pictures")
def test_the_sweepers_own_example_runs_after_what_the_message_asks_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project(tmp_path / "mine", monkeypatch, experiments__sphere=CHANGED)
    tiny = [text for text in TINY if "max_epochs" not in text]
    assert command_line.main(["sweep", "sphere", "hydra/launcher=basic", *tiny]) == 0
    assert "study    sphere: 2 of 2 trials count" in capsys.readouterr().out


TEMPLATE = GLOBAL + (
    "defaults: [{override /hydra/sweeper: optuna}]\noptimized_metric: val/acc_best\n"
    "hydra:\n  mode: MULTIRUN\n  sweeper:\n"
    "    _target_: hydra_plugins.hydra_optuna_sweeper.optuna_sweeper.OptunaSweeper\n"
    "    search_space:\n"
    "      datamodule.batch_size: {type: categorical, choices: [32, 64]}\n"
    "      model.lr: {type: float, low: 0.0001, high: 0.2}\n"
)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            TEMPLATE,
            [
                "hydra.mode: leave it out; ferlab sweep and ferlab train -m sweep",
                "hydra.sweeper._target_: leave it out; ferlab's sweeper is the one that is here",
                "hydra.sweeper.search_space.datamodule.batch_size: is "
                "hydra.sweeper.params.datamodule.batch_size: choice(32, 64) here",
                "hydra.sweeper.search_space.model.lr: is hydra.sweeper.params.model.lr: "
                "interval(0.0001, 0.2) here",
                "optimized_metric: unknown key; did you mean 'study.objective'?",
                "datamodule: unknown key; did you mean 'data'?",
                "model.lr: unknown key; did you mean 'optimizer.lr'?",
            ],
        ),
        (
            "defaults: [{override /hydra/sweeper: optuna}, "
            "{override /hydra/sweeper/sampler: nsgaii}]\n"
            "hydra: {sweeper: {direction: [minimize, maximize], max_failure_rate: 0.1, "
            "custom_search_space: .mine.configure, sampler: {population_size: 9}}}\n",
            [
                "hydra.sweeper.sampler: is study.sampler: {_target_: "
                "optuna.samplers.NSGAIISampler, population_size: 9} here",
                "hydra.sweeper.max_failure_rate: leave it out; study.max_failures is how many",
                "hydra.sweeper.custom_search_space: leave it out; hydra.sweeper.when says",
            ],
        ),
        (
            GLOBAL + "defaults: [{override /hydra/sweeper: optuna}, "
            "{override /hydra/sweeper/sampler: grid}]\nhydra: {sweeper: {n_trials: 9}}\n",
            ["so leave out n_trials and sampler, too"],
        ),
        (
            GLOBAL + "defaults: [{override /hydra/sweeper: ax}, {override /model: vggg}]\n",
            [
                "defaults: leave out 'override /hydra/sweeper: ax'",
                "model: there is no 'vggg'; did you mean 'vgg'?",
            ],
        ),
        (
            GLOBAL + "study: {trials: 2, trails: 3}\nhydra: {sweeper: {param: {seed: 'choice(1)'},"
            " params: {trainer: {batch_size: {values: [32, 64]}}}}}\n",
            [
                "hydra.sweeper.param: unknown key; did you mean 'params'?",
                "hydra.sweeper.params.trainer.batch_size: write choice(32, 64)",
                "study.trails: unknown key; did you mean 'trials'?",
            ],
        ),
    ],
)
def test_every_key_is_told_in_ferlabs_words(
    text: str, told: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project(tmp_path / "mine", monkeypatch, experiments__pasted=text)
    lines = "\n".join(refused("experiments=pasted"))
    assert [words for words in told if words not in lines] == []


def test_one_run_of_a_pasted_experiment_is_told_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project(tmp_path / "mine", monkeypatch, experiments__pasted=TEMPLATE)
    with pytest.raises(ConfigError, match="leave out 'override /hydra/sweeper: optuna'"):
        compose(["experiments=pasted"])


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("hydra/sweeper=basic", "hydra/sweeper: leave out 'hydra/sweeper=basic'; ferlab has"),
        ("hydra/sweeper=nevergrad", "leave out 'hydra/sweeper=nevergrad'"),
        ("hydra/sweeper/sampler=tpe", "the sampler is study.sampler here"),
        ("hydra/sweeper=ferlabb", "there is no 'ferlabb'; did you mean 'ferlab'?"),
        ("hydra.sweeper.n_trials=4", "hydra.sweeper.n_trials: is study.trials: 4 here"),
        ("hydra.sweeper.param.seed=1", "hydra.sweeper.param: unknown key; did you mean 'params'?"),
        ("hydra.sweeper.param.seed=1,2", "is swept as it stands: seed=1,2"),
        ("hydra.sweeper.params.seed=1,2", "is swept as it stands: seed=1,2"),
        ("hydra.mode=MULTIRUN", "hydra.mode: leave it out"),
        ("hydra/launcher=rq", "there is no 'rq'; pip install hydra-rq-launcher brings it"),
        ("hydra/launcher=slurm", "hydra/launcher: there is no 'slurm'; known are basic"),
    ],
)
def test_a_sweeper_or_launcher_that_is_not_here_says_what_is(typed: str, told: str) -> None:
    assert told in "\n".join(refused("optimizer.lr=0.1,0.2", typed))


SPACES = [
    ("loguniform(1e-4, 1e-1)", "tag(log, interval(0.0001, 0.1))"),
    ("log_uniform(0.01,1)", "tag(log, interval(0.01, 1))"),
    ("uniform(0.1,0.2)", "interval(0.1, 0.2)"),
    ("tune.choice([32, 64])", "choice(32, 64)"),
    ("tune.choice(['se', 'none'])", "choice(se, none)"),
    ("tune.grid_search([1, None])", "1,null"),
    ("tune.randint(1, 9)", "int(interval(1, 8))"),
    ("tune.quniform(0, 1, 0.25)", "range(0, 1, step=0.25)"),
    ("hp.choice('x', [1, 2])", "choice(1, 2)"),
    ("trial.suggest_float('lr', 1e-5, 1e-1, log=True)", "tag(log, interval(1e-05, 0.1))"),
    ("suggest_int('n', 1, 8)", "int(interval(1, 8))"),
    ({"values": [0.1, 0.2]}, "choice(0.1, 0.2)"),
    ({"min": 1, "max": 8}, "int(interval(1, 8))"),
    ({"min": 0.1, "max": 1, "distribution": "log_uniform_values"}, "tag(log, interval(0.1, 1))"),
    ({"type": "int", "low": 1, "high": 9, "step": 2}, "range(1, 9, step=2)"),
    ({"_type": "choice", "_value": [True, "a"]}, "choice(true, a)"),
]


@pytest.mark.parametrize(("other", "right"), SPACES, ids=[str(other) for other, _ in SPACES])
def test_a_space_in_other_words_has_one_that_can_be_read(other: object, right: str) -> None:
    assert right_space(other) == right
    space, _ = parse({"key": right}, {})
    assert [param.key for param in space.parameters] == ["key"]


@pytest.mark.parametrize(
    "ours", ["choice(1, 2)", "choice([1])", "interval(0, 1)", "1,2", "se", {"kind": "se"}, 3, None]
)
def test_what_is_no_other_tools_space_is_left_alone(ours: object) -> None:
    assert right_space(ours) is None


def test_a_space_in_other_words_is_told_where_it_is_typed() -> None:
    told = "\n".join(
        refused("optimizer.lr=loguniform(1e-4,1e-1)", "optimizer.momentum={min:0,max:1}")
    )
    assert "ferlab train -m 'optimizer.lr=tag(log, interval(0.0001, 0.1))' sweeps it" in told
    with pytest.raises(ConfigError, match=r"not \{'values': \[0.1\]\}; a sweep over it is choice"):
        compose(["optimizer.lr={values:[0.1]}"])
