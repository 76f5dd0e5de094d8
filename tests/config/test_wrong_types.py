"""Whatever stands at whatever key: it is accepted, or refused in words; nothing trips over it."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from ferlab import paths
from ferlab.config import check
from ferlab.config.attention import KINDS
from ferlab.config.compose import compose, multirun
from ferlab.config.problems import Path, dotted
from ferlab.config.study import check_study
from ferlab.errors import ConfigError

GONE = object()
WRONG: tuple[Any, ...] = (
    *(None, [], [None], [[]], ["x"], [-1, "x"], {}, {"a": 1}, {1: 2}, {"_target_": ["a"]}),
    *("", "x", "a.b", "ferlab.x", "~nobody/x", "two\nlines", "x" * 5000, "???"),
    *(-1, 0, 1, 2**64, 10**400, True, False, 0.5, -0.5, 1e308, float("inf"), float("nan"), GONE),
)
PRESETS = sorted(file.stem for file in (paths.shipped() / "conf" / "model").glob("*.yaml"))
RUNS = {
    **{preset: (f"model={preset}",) for preset in PRESETS},
    **{kind: (f"model.attention.kind={kind}", "model.attention.stages=[1,3]") for kind in KINDS},
    "fer2013": ("data=fer2013", "data.path=/x", "data.split=kfold"),
    "folder": ("data=folder", "data.path=/x", "data.classes={joy: happy, 1: null}"),
    "ferplus": ("data=fer2013", "data.path=/x", "data.labels=ferplus", "data.ferplus=/y"),
    "adamw": ("optimizer=adamw", "scheduler=plateau", "trainer.early_stopping.patience=3"),
}


def places(value: Any, path: Path = ()) -> Iterator[Path]:
    """Every key and every element of nested containers."""
    if path:
        yield path
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from places(value[key], (*path, key))


def changed(config: Any, path: Path, value: Any) -> Any:
    made = copy.deepcopy(config)
    place = made
    for part in path[:-1]:
        place = place[part]
    if value is GONE:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return made


@pytest.mark.parametrize("overrides", RUNS.values(), ids=RUNS)
def test_every_key_of_a_run_with_every_wrong_value(overrides: tuple[str, ...]) -> None:
    config = compose(overrides).plain()
    refused = 0
    for path in places(config):
        for value in WRONG:
            try:
                check(changed(config, path, value))
            except ConfigError as error:
                refused += 1
                where, text = dotted(path[:1]), str(error)
                assert where in text, (path, value, text)
                assert max(map(len, text.splitlines())) < 999, (path, value, text)
    assert refused > 20 * len(list(places(config)))


def test_a_wrong_value_is_the_only_thing_told() -> None:
    """What is taken out for being wrong is not found missing, or too few, by a rule."""
    config = compose(RUNS["se"]).plain()
    for path in places(config):
        for value in (None, "x", {"a": 1}):
            try:
                check(changed(config, path, value))
            except ConfigError as error:
                told = {line.split(": ")[0].strip() for line in str(error).splitlines()[1:]}
                inside = value == {"a": 1} or dotted(path).endswith("_target_")
                assert inside or len(told) < 2, (path, value, str(error))


def test_every_key_of_a_study_with_every_wrong_value() -> None:
    folder = paths.shipped() / "conf" / "study"
    study = yaml.safe_load((folder / "default.yaml").read_text())
    del study["defaults"]
    for part, name in (("sampler", "tpe"), ("pruner", "median")):
        study[part] = yaml.safe_load((folder / part / f"{name}.yaml").read_text())
    study["baseline"] = {"optimizer.lr": 0.1}
    study["objective"] = ["val/accuracy", "parameters"]
    check_study(study)
    for path in places(study):
        for value in WRONG:
            try:
                settings = check_study(changed(study, path, value))
            except ConfigError as error:
                assert f"study.{path[0]}" in str(error)
            else:
                assert len(settings.objectives) == len(settings.minimised)
    for value in WRONG:
        if not (isinstance(value, dict) or value is GONE):
            with pytest.raises(ConfigError, match=r"^config: study: should be a group of keys"):
                check_study(value)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("optimizer=null", "optimizer: takes a name"),
        ("~optimizer", "optimizer: is required"),
        ("optimizer={lr: 1}", "optimizer: takes a name"),
        ("optimizer._target_=null", "optimizer._target_: should be a valid string, not None"),
        ("model._target_=[a]", "model._target_: should be a valid string, not ['a']"),
        ("model.attention=null", "model.attention: should be a group of keys, not None"),
        ("model.attention.kind=[se]", "model.attention.kind: cannot be ['se']; known are "),
        ("model.stages=null", "model.stages: should be a valid list, not None"),
        ("model.stages=[]", "model.stages: List should have at least 1 item"),
        ("model.stages.0=x", "model.stages[0]: should be a group of keys, not 'x'"),
        ("model.stages.0.widths=[32,x]", "model.stages[0].widths[1]: should be a valid integer"),
        ("model.stages.0.widths=[]", "model.stages[0].widths: List should have at least 1 item"),
        ("seed=1e400", "seed: should be a valid integer, not inf"),
        ("optimizer.lr=inf", "optimizer.lr: should be a finite number, not inf"),
        ("optimizer.lr=true", "optimizer.lr: should be a valid number, not True"),
        ("data.images=-3", "data.images: should be greater than or equal to 70, not -3"),
    ],
)
def test_on_the_command_line_each_is_one_line(override: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        compose([override, *(["model.attention.kind=se"] if "stages" in override else [])])
    assert str(error.value).startswith(f"config: {message}")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("override", ["study=null", "~study", "study=7"])
def test_a_sweep_without_a_study_is_refused(override: str) -> None:
    with pytest.raises(ConfigError, match=r"^config: study: "):
        multirun([override, "seed=1,2"])
