"""``ferlab dashboard``: Optuna's own view of a study."""

import sys
from typing import Any

import optuna
import optuna_dashboard
import pytest
from werkzeug.test import Client

from ferlab import cli as command_line
from ferlab.sweep.workers.storage import open_storage


@pytest.fixture
def journal() -> None:
    study = optuna.create_study(study_name="faces", storage=open_storage(None, "faces"))
    study.set_user_attr("frame", {})
    study.optimize(lambda trial: trial.suggest_float("optimizer.lr", 0.0, 1.0), n_trials=2)


@pytest.mark.usefixtures("journal")
def test_it_serves_the_study_on_this_machine_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    served: dict[str, Any] = {}

    def serve(storage: Any, host: str, port: int) -> None:
        client = Client(optuna_dashboard.wsgi(storage))
        served.update(client.get("/api/studies/0").get_json(), host=host, port=port)

    monkeypatch.setattr(optuna_dashboard, "run_server", serve)
    assert command_line.main(["dashboard", "faces", "--port", "8765"]) == 0
    assert (served["host"], served["port"]) == ("127.0.0.1", 8765)
    assert [trial["params"][0]["name"] for trial in served["trials"]] == ["optimizer.lr"] * 2
    assert capsys.readouterr().out == "look at http://127.0.0.1:8765/\n"


@pytest.mark.usefixtures("journal")
def test_a_study_that_is_not_there_is_told_with_those_that_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert command_line.main(["dashboard", "face"]) == 1
    assert capsys.readouterr().err.endswith("did you mean 'faces'?\n")


def test_without_its_package_it_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "optuna_dashboard", None)
    assert command_line.main(["dashboard", "faces"]) == 1
    told = capsys.readouterr().err
    assert told.startswith("ferlab: optuna-dashboard is not installed: pip install -r ")
    assert told.count("\n") == 1
