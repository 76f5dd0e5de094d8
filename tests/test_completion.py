"""What a shell is told when somebody presses TAB."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ferlab.tracking import store
from tests.processes import run

pytestmark = pytest.mark.slow

Ask = Callable[[str], list[str]]


@pytest.fixture
def complete(home: Path, tmp_path: Path) -> Ask:
    """The completions of a line that is typed up to its end, as argcomplete's shell code asks."""

    def ask(line: str) -> list[str]:
        answer = tmp_path / "answer"
        asked = {
            "_ARGCOMPLETE": "1",
            "_ARGCOMPLETE_IFS": "\n",
            "_ARGCOMPLETE_SUPPRESS_SPACE": "1",
            "_ARGCOMPLETE_STDOUT_FILENAME": str(answer),
            "_ARGCOMPLETE_COMP_WORDBREAKS": " ",
            "COMP_TYPE": "9",
            "COMP_LINE": line,
            "COMP_POINT": str(len(line.encode())),
        }
        done = run([sys.executable, "-m", "ferlab"], env={**os.environ, **asked}, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return answer.read_text().splitlines() if answer.exists() else []

    return ask


def test_commands_and_options(complete: Ask) -> None:
    assert {"train", "sweep", "confirm", "reproduce"} <= set(complete("ferlab "))
    assert {"--multirun", "--resume"} <= set(complete("ferlab train --"))


def test_groups_and_keys_of_ferlab_and_of_the_user(complete: Ask, tmp_path: Path) -> None:
    own = tmp_path / "conf" / "model" / "mine.yaml"
    own.parent.mkdir(parents=True)
    own.write_text("classes: 7\n")
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "idea.yaml").write_text("# @package _global_\nseed: 1\n")
    found = complete("ferlab train mod")
    assert {"model=vgg", "model=mine", "model/attention=se", "model.attention.kind="} <= set(found)
    assert all(text.startswith("mod") for text in found)
    assert complete("ferlab train seed=1 optimizer=a") == ["optimizer=adamw"]
    assert set(complete("ferlab sweep ")) >= {"idea", "quickstart"}


def test_studies_and_runs(complete: Ask, home: Path) -> None:
    (home / "studies").mkdir(parents=True)
    (home / "studies" / "faces.log").touch()
    assert "faces" in complete("ferlab confirm ")
    assert complete("ferlab show be") == ["best", "best:faces"]
    assert complete("ferlab ensemble --soup best best:f") == ["best:faces"]
    client = store.connect(None)
    made = client.create_run(
        store.experiment_id(client, "ferlab"), tags={"mlflow.source.name": "x"}
    )
    run_id = made.info.run_id
    assert complete(f"ferlab show {run_id[:3]}") == [run_id]


def test_nothing_is_said_where_there_is_nothing(complete: Ask, home: Path) -> None:
    assert complete("ferlab reproduce zz") == []
    assert not home.exists()
