"""What is typed around the overrides: options, and names that are nearly right."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from ferlab import cli as command_line
from ferlab.config import check
from ferlab.config.compose import compose, compose_sweep
from tests.config.test_sources import project

Typed = Callable[..., tuple[int, str, str]]


@pytest.fixture
def typed(capsys: pytest.CaptureFixture[str]) -> Typed:
    """Runs a command; returns its exit code and what it writes to both streams."""

    def run(*arguments: str) -> tuple[int, str, str]:
        try:
            code = command_line.main(arguments)
        except SystemExit as end:
            code = int(str(end.code))
        written = capsys.readouterr()
        return code, written.out, written.err

    return run


@pytest.mark.parametrize(
    "arguments",
    [
        ("--debug", "train", "optimizer.lrr=1"),
        ("train", "--debug", "optimizer.lrr=1"),
        ("train", "optimizer.lrr=1", "--debug"),
        ("--debug", "data", "audit", "data.imagess=1"),
    ],
    ids=" ".join,
)
def test_debug_may_stand_anywhere(arguments: tuple[str, ...], typed: Typed) -> None:
    code, _, error = typed(*arguments)
    assert code == 1
    assert error.startswith("Traceback (most recent call last):")
    assert "ferlab.errors.ConfigError: config: " in error


def test_a_photo_may_stand_behind_an_option(typed: Typed) -> None:
    code, _, error = typed("explain", "best", "--save", "there", "photo.jpg", "data.path=a.zip")
    assert code == 1
    assert error == "ferlab: data.path= says where the run's data is; photos need none\n"


def test_without_debug_there_is_a_line(typed: Typed) -> None:
    assert typed("train", "optimizer.lrr=1")[0] == 1


@pytest.mark.parametrize(
    ("arguments", "right"),
    [
        (["train", "--epochs", "1"], "there is no option --epochs; type trainer.max_epochs=1"),
        (["train", "--lr=0.1"], "there is no option --lr=0.1; type optimizer.lr=0.1"),
        (["train", "--batch-size", "8", "seed=1"], "type trainer.batch_size=8"),
        (["sweep", "quickstart", "--n_trials", "3"], "type study.trials=3"),
        (["train", "--optimizer.lr", "0.2"], "type optimizer.lr=0.2"),
        (["train", "--seed=1"], "type seed=1"),
    ],
)
def test_a_key_typed_as_an_option_is_told_how_it_is_typed(
    arguments: list[str], right: str, typed: Typed
) -> None:
    code, _, error = typed(*arguments)
    assert code == 2
    assert error.endswith(f"{right}\n")
    assert error.count("\n") == 1


def test_an_option_that_is_no_key_is_told_as_ever(typed: Typed) -> None:
    code, _, error = typed("train", "--nonsense")
    assert code == 2
    assert "unrecognized arguments: --nonsense" in error


def test_the_composed_config_of_a_run_is_printed(typed: Typed, home: Path) -> None:
    point = ["model.attention.kind=se", "optimizer.lr=0.1", "seed=3"]
    for arguments in (["train", *point, "--cfg"], ["train", "--cfg", *point]):
        code, out, error = typed(*arguments)
        assert (code, error) == (0, "")
        assert check(yaml.safe_load(out)) == compose(point)
    code, out, _ = typed("train", "experiments=seed_se", "data.path=/x", "--cfg")
    assert yaml.safe_load(out)["trainer"]["max_epochs"] == 45
    assert typed("train", "--cfg", "optimizer.lrr=1")[0] == 1
    assert not home.exists()


@pytest.mark.parametrize(
    ("arguments", "params"),
    [
        (["train", "-m", "optimizer.lr=0.1,0.2"], {"optimizer.lr": "0.1,0.2"}),
        (
            ["train", "-m", "optimizer.lr=tag(log, interval(0.1, 1))", "study.trials=3"],
            {"optimizer.lr": "tag(log, interval(0.1, 1))"},
        ),
        (["sweep", "mine"], {"optimizer.lr": "choice(0.1, 0.2)", "seed": "range(0, 3)"}),
        (["sweep", "mine", "seed=1,2"], {"optimizer.lr": "choice(0.1, 0.2)", "seed": "1,2"}),
        (["train", "-m", "experiments=mine"], {"optimizer.lr": "choice(0.1, 0.2)"}),
    ],
)
def test_the_composed_config_of_a_sweep_is_printed_as_an_experiment(
    arguments: list[str],
    params: dict[str, str],
    typed: Typed,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    home: Path,
) -> None:
    text = "hydra: {sweeper: {params: {optimizer.lr: 'choice(0.1, 0.2)', seed: 'range(0, 3)'}}}\n"
    folder = project(
        tmp_path / "mine", monkeypatch, experiments__mine=f"# @package _global_\n{text}"
    )
    code, out, error = typed(*arguments, "--cfg")
    assert (code, error) == (0, "")
    printed = yaml.safe_load(out)
    assert printed["hydra"]["sweeper"]["params"].items() >= params.items()
    assert printed["study"]["objective"] == "val/accuracy"
    assert printed["model"]["name"] == "compact"
    (folder / "experiments" / "printed.yaml").write_text(f"# @package _global_\n{out}")
    assert compose_sweep(["experiments=printed"]) == printed
    assert not home.exists()
