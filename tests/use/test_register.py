"""``ferlab register``: a name for a model, with its evidence, and none for what is unproven."""

import shutil
from pathlib import Path

import mlflow.pyfunc
import numpy as np
import pytest
from mlflow import MlflowClient

from ferlab import cli as command_line
from ferlab.tracking import find, store
from tests.confirmed_study import BASE, GAIN, SAME, Lab


@pytest.fixture
def client(there: Lab, home: Path, monkeypatch: pytest.MonkeyPatch) -> MlflowClient:
    """Of a copy of the store, whose registry is empty."""
    shutil.copytree(there.home, home)
    monkeypatch.setenv("FERLAB_HOME", str(home))
    return store.connect(None)


def run_of(lab: Lab, arm: str) -> str:
    """A run of the search that found it."""
    return next(each.run_id for each in lab.evidence.choice.arms if each.name == arm)


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, str]:
    """What a command prints, by its first word."""
    assert command_line.main(arguments) == 0
    printed = capsys.readouterr().out.splitlines()
    return {line[:9].strip(): line[9:] for line in printed}


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert command_line.main(arguments) == 1
    said = capsys.readouterr()
    assert said.out == ""
    (line,) = said.err.splitlines()
    return line


def test_the_confirmed_best_is_a_version_with_its_evidence(
    there: Lab, client: MlflowClient, capsys: pytest.CaptureFixture[str]
) -> None:
    first = told(capsys, "register", "best:oracles", "--alias", "champion")
    best = run_of(there, GAIN)
    assert first["model"] == "models:/oracles/1"
    assert first["run"].startswith(best)
    assert first["alias"] == "models:/oracles@champion"
    words = there.evidence.words(GAIN)
    assert first["evidence"].startswith(words)
    version = client.get_model_version_by_alias("oracles", "champion")
    tags = version.tags
    assert version.run_id == best
    assert tags["ferlab.verdict"] == "better"
    assert tags["ferlab.seeds"] == "5"
    assert tags["ferlab.test.looks"] == "1 of 2 that were planned"
    assert tags["ferlab.against"] == BASE
    assert tags["ferlab.test.others"] == "these test images had judged nothing else"
    low, high = tags["ferlab.interval"].removesuffix(" points of accuracy").split(" to ")
    assert f"repeated interval {low} to {high}," in words
    assert 10 < float(low) < 15 < float(high) < 20

    again = told(capsys, "register", best, "--alias", "champion")
    assert again["model"] == "models:/oracles/1, which was this model already"
    assert len(client.search_model_versions("name='oracles'")) == 1
    assert command_line.main(["show", "models:/oracles@champion"]) == 0
    assert best in capsys.readouterr().out
    assert find.resolve(client, "models:/oracles/1").run_id == best


def test_the_address_is_mlflow_s_too(
    client: MlflowClient, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    told(capsys, "register", "best:oracles", "--as", "Gesichter 1", "--alias", "champion")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", client.tracking_uri)
    monkeypatch.setenv("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    model = mlflow.pyfunc.load_model("models:/Gesichter 1@champion")
    assert len(model.predict(np.zeros((2, 48, 48), np.uint8))) == 2


@pytest.mark.parametrize(
    ("arm", "why"),
    [(SAME, "no difference of 8 points: "), (BASE, "it is what the confirmation of 'oracles'")],
)
def test_what_is_not_better_is_registered_only_as_what_it_is(
    there: Lab,
    client: MlflowClient,
    capsys: pytest.CaptureFixture[str],
    arm: str,
    why: str,
) -> None:
    run = run_of(there, arm)
    line = refused(capsys, "register", run)
    assert line.startswith(f"ferlab: run {run} is not confirmed to be better: {why}")
    assert line.endswith("--unconfirmed registers it as what it is")
    assert client.search_registered_models() == []
    done = told(capsys, "register", run, "--unconfirmed")
    assert done["evidence"].startswith(f"unconfirmed: {why}")
    assert client.get_model_version("oracles", "1").tags["ferlab.verdict"] in (
        "unconfirmed",
        "no difference",
    )


def test_a_run_of_the_confirmation_has_its_arm_s_evidence(
    there: Lab, client: MlflowClient, capsys: pytest.CaptureFixture[str]
) -> None:
    run = there.evidence.runs[GAIN][0].run_id
    assert told(capsys, "register", run)["model"] == "models:/oracles/1"
    assert client.get_model_version("oracles", "1").run_id == run
    line = refused(capsys, "register", there.evidence.runs[BASE][0].run_id)
    assert "it is what the confirmation of 'oracles' compares with" in line


def test_an_alias_that_moves_says_from_where(
    there: Lab, client: MlflowClient, capsys: pytest.CaptureFixture[str]
) -> None:
    told(capsys, "register", "best:oracles", "--alias", "champion")
    other = there.evidence.runs[GAIN][0].run_id
    moved = told(capsys, "register", other, "--alias", "champion")
    assert moved["alias"] == "models:/oracles@champion, which was version 1"
    assert client.get_model_version_by_alias("oracles", "champion").run_id == other


@pytest.mark.usefixtures("client")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--as", "a/b"), "'a/b' cannot name a model"),
        (("--alias", "latest"), "'latest' cannot be an alias"),
        (("--alias", "v2"), "'v2' cannot be an alias"),
    ],
)
def test_names_that_could_not_be_found_again_are_refused(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str
) -> None:
    assert words in refused(capsys, "register", "best:oracles", *arguments)


@pytest.mark.usefixtures("client")
def test_an_address_of_no_model_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    nothing = refused(capsys, "show", "models:/oracles@champion")
    assert nothing.startswith("ferlab: there is no model 'models:/oracles@champion' in sqlite:///")
    assert nothing.endswith("; ferlab register makes one")
    told(capsys, "register", "best:oracles", "--alias", "champion")
    for slip in ("models:/oracle@champion", "models:/oracles@champ", "models:/oracles/x"):
        assert "did you mean 'models:/oracles" in refused(capsys, "show", slip)
    assert "there is no model" in refused(capsys, "show", "models:/m-0")
