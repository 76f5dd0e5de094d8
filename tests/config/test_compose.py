"""The config, as users meet it: what they type, and what they are told."""

import sys
from pathlib import Path

import pytest
import yaml
from hydra.core.plugins import Plugins

from ferlab import paths
from ferlab.config.compose import compose, multirun
from ferlab.errors import ConfigError
from tests.processes import run

CONF = paths.shipped() / "conf"
GROUPS = sorted(p.name for p in CONF.iterdir() if p.is_dir() and p.name != "hydra")
CHOICES = [(group, file.stem) for group in GROUPS for file in sorted((CONF / group).glob("*.yaml"))]
EXPERIMENTS = sorted(p.stem for p in (paths.shipped() / "experiments").glob("*.yaml"))


def told(*overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        compose(overrides)
    return str(caught.value)


def test_a_users_network_may_take_what_ferlabs_own_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "conf" / "model").mkdir(parents=True)
    own = "_target_: mine.Net\nname: mine\nclasses: 7\nstages: 4\nattention: {kind: se}\n"
    (tmp_path / "conf" / "model" / "mine.yaml").write_text(own)
    monkeypatch.chdir(tmp_path)
    assert compose(["model=mine"]).model.name == "mine"


def test_default_is_drawn_faces() -> None:
    config = compose()
    assert config.data.name == "faces"
    assert config.model.name == "compact"


@pytest.mark.parametrize(("group", "name"), CHOICES)
def test_every_shipped_choice_composes(group: str, name: str) -> None:
    needs_path = "path: ???" in (CONF / group / f"{name}.yaml").read_text()
    compose([f"{group}={name}", *(["data.path=x"] if needs_path else [])])


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_shipped_experiment_composes(name: str) -> None:
    text = (paths.shipped() / "experiments" / f"{name}.yaml").read_text()
    needs_path = "fer2013" in text or "seed_baseline" in text
    compose([f"experiments={name}", *(["data.path=x"] if needs_path else [])])


def test_main_config_fits_on_one_screen() -> None:
    assert len((CONF / "config.yaml").read_text().splitlines()) <= 24


def test_recorded_config_composes_to_itself() -> None:
    from ferlab.config import check

    config = compose(["model=seed", "model.attention.kind=se"])
    assert check(yaml.safe_load(yaml.safe_dump(config.plain()))) == config


@pytest.mark.parametrize(
    ("overrides", "lines"),
    [
        (["optimizer.lrr=0.1"], ["optimizer.lrr: unknown key; did you mean 'lr'?"]),
        (["modle=compact"], ["modle: unknown key; did you mean 'model'?"]),
        (["model=vggg"], ["model: there is no 'vggg'; did you mean 'vgg'?"]),
        (["experiments=seed_sy"], ["experiments: there is no 'seed_sy'; did you mean 'seed_se'?"]),
        (["optimizer.lr=0.1 0.2"], ["several values have commas between them: 0.1,0.2"]),
        (["optimizer.lr=fast"], ["optimizer.lr: should be a valid number, not 'fast'"]),
        (["optimizer.lr=-1"], ["optimizer.lr: should be greater than 0, not -1"]),
        (
            ["trainer.monitor=val/acc"],
            ["trainer.monitor: cannot be 'val/acc'; did you mean 'val/accuracy'?"],
        ),
        (
            ["model.attention.kind=se", "model.attention.stages=[4]"],
            ["model.attention.stages: there is no stage 4; the model has 1-3"],
        ),
        (
            ["model.attention.kind=se", "model.attention.reduction=100"],
            [
                "model.attention.reduction: 100 leaves no hidden unit in stage 1 of 64 channels; "
                "it can be at most 64"
            ],
        ),
        (["model.classes=8"], ["model.classes: 8, but the data has 7 classes"]),
        (["model.stages.0.kernels=[5]"], ["model.stages[0].kernels: 1 kernels for 2 convolutions"]),
        (["model.stages.0.pool=64"], ["strides and pools up to here leave nothing of 48x48"]),
        (
            ["model.stages.1.widht=3"],
            ["model.stages[1].widht: unknown key; did you mean 'widths'?"],
        ),
        (["data.split=holdout", "data.fold=5"], ["data.fold: 5 of folds 0-4"]),
        (["model.classes=many"], ["model.classes: should be auto or a number from 2, not 'many'"]),
        (
            ["data=folder", "data.path=/x", "data.classes={happy: [glad]}"],
            ["data.classes.happy: should be"],
        ),
        (["data=fer2013"], ["data.path: is required: download the Kaggle data set"]),
        (["data.split=kfold", "data.fold=5"], ["data.fold: 5 of folds 0-4"]),
        (["data.split=seed"], ["data.split: the seed split is one of FER2013's files"]),
        (["optimizer.momentum=0.0"], ["optimizer.nesterov: needs optimizer.momentum above 0"]),
        (
            ["trainer.threads=many"],
            ["trainer.threads: should be auto or a number from 1, not 'many'"],
        ),
        (["trainer=7"], ["trainer: takes a name"]),
        (
            ["study.sampler=tpe"],
            ["study.sampler: is a group, so write it with a slash: study/sampler=tpe"],
        ),
        (["++study.pruner=halving"], ["with a slash: study/pruner=halving"]),
        (["hydra.launcher=joblib"], ["with a slash: hydra/launcher=joblib"]),
        (["seed=1,2"], ["seed: several values are a sweep, not a run"]),
        (["lr"], ["'lr' is not an override; write key=value"]),
        (["seed=${nowhere}"], ["Interpolation key 'nowhere' not found"]),
        (
            ["data._target_=ferlab.data.faces.drew"],
            ["data._target_: ferlab has no data 'ferlab.data.faces.drew'; did you mean"],
        ),
    ],
)
def test_each_mistake_is_told_in_its_own_line(overrides: list[str], lines: list[str]) -> None:
    message = told(*overrides)
    assert "\n" not in message
    for line in lines:
        assert line in message


def test_all_mistakes_are_told_at_once() -> None:
    message = told(
        "model=vggg",
        "optimizer.lr=fast",
        "optimizer.lrr=1",
        "trainer.monitor=val/acc",
        "model.attention.kind=se",
        "model.attention.stages=[1,5]",
        "seed=1,2",
        "nonsense",
    )
    first, *rest = message.splitlines()
    assert first == "config: 7 problems"
    assert len(rest) == 7


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("model.stages.7.widths=[3]", "model.stages.7.widths: the list has no such element"),
        ("model.stages.x.widths=[3]", "model.stages.x.widths: Index 'x' (str) is not an int"),
        ("model.stages[0].dropout=0.1", "is not an override; write model.stages.0.dropout=value"),
        ("model=broken", "broken.yaml, line 2: is no YAML"),
    ],
)
def test_what_hydra_says_of_no_key_is_told_of_one(
    override: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf" / "model").mkdir(parents=True)
    (tmp_path / "conf" / "model" / "broken.yaml").write_text("_target_: a.b\n  name: [\n")
    with pytest.raises(ConfigError) as error:
        compose([override, "seed=1"])
    assert expected in str(error.value)


def test_users_own_experiments_and_groups_are_found_in_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "mine.yaml").write_text("# @package _global_\nseed: 77\n")
    (tmp_path / "conf" / "model").mkdir(parents=True)
    (tmp_path / "conf" / "model" / "net.yaml").write_text(
        "_target_: mine.Net\nname: net\nclasses: 7\ndepth: 3\n"
    )
    config = compose(["experiments=mine", "model=net"])
    assert config.seed == 77
    assert config.model.network() == {"_target_": "mine.Net", "classes": 7, "depth": 3}


@pytest.mark.parametrize(
    "arguments", [["--help"], ["train", "optimizer.lrr=1"], ["train", "data=fer2013"]]
)
def test_help_and_config_errors_import_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys; from ferlab.cli import main\n"
        "try: code = main(sys.argv[1:])\n"
        "except SystemExit as end: code = end.code\n"
        "heavy = {'torch', 'pytorch_lightning', 'mlflow', 'optuna'} & set(sys.modules)\n"
        "sys.exit(f'{heavy}' if heavy else 10 + code)"
    )
    done = run([sys.executable, "-c", code, *arguments])
    assert done.returncode == (10 if arguments == ["--help"] else 11), done.stderr


def test_a_group_may_be_null_and_its_keys_be_typed_with_dots() -> None:
    compose(["study.pruner=null", "study.sampler._target_=optuna.samplers.RandomSampler"])


@pytest.mark.parametrize("name", ["mine", "in_a/folder"])
def test_an_experiment_that_is_not_global_is_told_which_line_it_lacks(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "experiments" / f"{name}.yaml"
    path.parent.mkdir(parents=True)
    path.write_text("optimizer: {lr: 0.2}\n")
    monkeypatch.chdir(tmp_path)
    message = told(f"experiments={name}")
    assert message.startswith(f"config: experiments/{name}.yaml: its first line must be "
                              "'# @package _global_'")  # fmt: skip
    assert "\n" not in message
    assert "experiments" in told("experiments.mine=1")  # typed as a key, it is unknown


class Begins:
    """In place of ferlab's sweeper, which imports all that a sweep needs."""

    def sweep(self, arguments: list[str]) -> str:
        return "begun"


@pytest.mark.parametrize(
    ("overrides", "begins"),
    [
        (["data=fer2013", "optimizer.lr=0.1,0.2"], False),
        (["data=folder", "optimizer.lr=0.1,0.2", "optimizer.lrr=1"], False),
        (["data=fer2013", "+hydra.sweeper.params.seed='range(1,3)'"], False),
        (["data=fer2013", "data.path=a.zip,b.zip"], True),
        (["data=faces,fer2013"], True),
        (["data=fer2013", "+hydra.sweeper.params.data.path='choice(a.zip,b.zip)'"], True),
        (["data=fer2013", "data.path=/x", "optimizer.lr=0.1,0.2"], True),
    ],
)
def test_a_sweep_that_lacks_a_value_is_refused_before_its_engine_is_imported(
    monkeypatch: pytest.MonkeyPatch, overrides: list[str], begins: bool
) -> None:
    monkeypatch.setattr(Plugins, "instantiate_sweeper", lambda self, **parts: Begins())
    if begins:
        assert multirun(overrides) == "begun"
        return
    with pytest.raises(ConfigError, match=r"data.path: is required") as caught:
        multirun(overrides)
    assert ("did you mean 'lr'?" in str(caught.value)) is ("optimizer.lrr=1" in overrides)
