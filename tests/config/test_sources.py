"""Where configs are looked for: where somebody works first, whatever that folder is called."""

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from ferlab import hydra_private, paths
from ferlab.config.compose import compose, launching
from ferlab.errors import ConfigError
from ferlab.tracking import store
from ferlab.tracking.place import where

FOLDERS = [
    *("My Émotions (v2)", "a=b, R&D", "Bob's #1", "~[new]{x}", "$HOME ${HOME}", "50%20 what?"),
    *("a:b;c!", 'say "no" \\', "-m"),
]
"""Names that a file system allows and some grammar keeps for itself."""


def project(folder: Path, monkeypatch: pytest.MonkeyPatch, **files: str) -> Path:
    """A folder with these files, to be in."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        file = folder / f"{name.replace('__', '/')}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize("name", FOLDERS)
def test_any_folder_is_one_to_work_in(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = project(
        tmp_path / name,
        monkeypatch,
        experiments__mine="# @package _global_\nseed: 77\n",
        conf__optimizer__slow="_target_: torch.optim.SGD\nlr: 0.001\nmomentum: 0.0\n"
        "nesterov: false\nweight_decay: 0.0\n",
    )
    monkeypatch.setenv("FERLAB_HOME", str(folder / "home"))
    config = compose(["experiments=mine", "optimizer=slow", "data=fer2013", f"data.path={folder}"])
    assert config.seed == 77
    assert config.optimizer.lr == 0.001  # type: ignore[attr-defined]
    assert config.data.source()["path"] == str(folder)
    context, launched = launching(["hydra/launcher=basic"])
    for one in (launched, context.config_loader.load_sweep_config(launched, ["seed=1"])):
        assert OmegaConf.select(one, "hydra.sweep.dir") == str(folder / "home")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["É (v2), Bob's a#1 ~[x]{y} $z 50%20 what?"])
def test_the_store_lies_in_any_folder(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FERLAB_HOME", str(tmp_path / name))
    client = store.connect(None)
    made = client.get_experiment(store.experiment_id(client, "mine"))
    assert (tmp_path / name / "mlflow.db").is_file()
    assert made.name == "mine"
    assert where.noted(None) is None
    assert store.connect(None, make=False).tracking_uri == client.tracking_uri


def test_a_clone_lies_in_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clone = tmp_path / "É (v2) a=b, R&D Bob's #1 ~[x]{y} $z"
    clone.mkdir()
    for name in ("conf", "experiments"):
        (clone / name).symlink_to(paths.shipped() / name)
    monkeypatch.setattr(paths, "shipped", lambda: clone)
    assert compose(["experiments=seed_se", "data.path=x"]).trainer.max_epochs == 45
    monkeypatch.chdir(clone)
    assert compose(["experiments=seed_se", "data.path=x"]).trainer.max_epochs == 45


# --- two of one name ----------------------------------------------------------------------

SHADOWS = {
    "experiments__quickstart": "# @package _global_\nseed: 5\n",
    "conf__model__compact": "defaults: [tiny, _self_]\nname: mine\n",
    "conf__trainer__default": "max_epochs: -5\n",
    "conf__study__sampler__random": "_target_: optuna.samplers.QMCSampler\n",
}


@pytest.mark.parametrize(
    ("overrides", "file"),
    [
        (["experiments=quickstart"], "experiments/quickstart.yaml"),
        (["model=compact"], "conf/model/compact.yaml"),
        ([], "conf/model/compact.yaml"),
        (["study/sampler=random"], "conf/study/sampler/random.yaml"),
    ],
)
def test_of_two_of_one_name_the_users_own_is_read_and_told_once(
    overrides: list[str],
    file: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    files = {name: text for name, text in SHADOWS.items() if "trainer" not in name}
    project(tmp_path / "mine", monkeypatch, **files)
    config, again = compose(overrides), compose(overrides)
    assert config == again
    assert caplog.messages.count(f"note     {file} is read, not ferlab's own of this name") == 1
    assert config.model.name == "mine"
    assert config.seed == (5 if "experiments" in file else 0)


def test_mistakes_in_ones_own_copy_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project(tmp_path / "mine", monkeypatch, **SHADOWS)
    with pytest.raises(ConfigError, match=r"trainer\.max_epochs: should be greater than or equal"):
        compose()


def test_the_main_config_may_be_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (paths.shipped() / "conf" / "config.yaml").read_text()
    project(tmp_path, monkeypatch, conf__config=text.replace("seed: 0 ", "seed: 8 "))
    assert compose().seed == 8


def test_other_folders_of_a_project_are_no_groups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project(
        tmp_path,
        monkeypatch,
        experiments__mine="# @package _global_\n",
        seed__old="a: 1\n",  # a folder seed/, which has nothing to do with seed=1
        data__faces="name: other\n",
        config="who: {knows: 1}\n",
    )
    assert compose(["seed=1", "data=faces", "experiments=mine"]).data.name == "faces"


def test_a_group_beside_ferlabs_own_is_no_shadow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    mine = {"experiments__mine": "# @package _global_\n", "conf__model__a": "b: 1\n"}
    project(tmp_path, monkeypatch, **mine)
    compose(["experiments=mine"])
    assert caplog.messages == []


def test_configs_may_lie_anywhere_else_too(tmp_path: Path) -> None:
    hydra = hydra_private.start(f"project://{paths.shipped()}")
    options = hydra.config_loader.get_group_options("model")
    assert {"compact", "tiny", "vgg"} <= set(options)
    assert "quickstart" in hydra.config_loader.get_group_options("experiments")
