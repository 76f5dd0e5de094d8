"""The UI's pages of a study and of a run's model: what stands on them."""

from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from ferlab.config.compose import compose
from ferlab.errors import DataError
from ferlab.tracking import artifacts, pyfunc_model, store
from ferlab.tracking.run import CONFIGURATION, Run
from ferlab.tracking.study_runs import StudyKey, StudyRun
from ferlab.tracking.trials.trial_run import TrialRun
from tests.conftest import TINY
from tests.tracking.test_saved_views import recorded

NOTE = "mlflow.note.content"
ABOUT = {"space optimizer.lr": "choice(0.1, 0.2)", "study.objective": "val/f1", "question": "Why?"}


def test_a_study_s_page_has_its_space_and_its_objective(client: MlflowClient) -> None:
    run = client.get_run(StudyRun.open(client, "ferlab", StudyKey("mine", "1"), ABOUT).id)
    assert run.data.params == ABOUT
    again = StudyRun.open(client, "ferlab", StudyKey("mine", "1"), {**ABOUT, "question": "Other?"})
    assert client.get_run(again.id).data.params == ABOUT


def test_a_study_s_run_that_was_created_and_no_more_is_described_by_who_finds_it(
    client: MlflowClient,
) -> None:
    config, study = compose(TINY), StudyKey("mine", "1")
    tags = {**study.tags, "ferlab.kind": "study"}
    created = client.create_run(store.experiment_id(client, "ferlab"), tags=tags).info.run_id
    client.log_text(created, "", "half of a file")
    assert StudyRun.open(client, "ferlab", study, ABOUT).id == created
    assert client.get_run(created).data.params == ABOUT
    assert [file.path for file in client.list_artifacts(created)] == ["study.yaml"]

    tags = {**study.tags, "ferlab.kind": "trial", "ferlab.trial": "0"}
    trial = client.create_run(store.experiment_id(client, "ferlab"), tags=tags).info.run_id
    assert TrialRun.open(client, config, study, 0, created, "a trial").id == trial
    assert client.get_run(trial).data.params["optimizer.lr"] == str(config.optimizer.lr)


def test_a_study_s_page_shows_its_pictures_below_its_text(client: MlflowClient) -> None:
    run = StudyRun.open(client, "ferlab", StudyKey("mine", "1"), ABOUT)
    run.show_pictures(["history.svg"])
    run.show_pictures(["history.svg", "a picture.png"])
    note = client.get_run(run.id).data.tags[NOTE]
    assert note.startswith("Why?\n\n")
    assert note.count("![]") == 2
    assert f"![](get-artifact?path=history.svg&run_uuid={run.id})" in note
    assert f"![](get-artifact?path=a%20picture.png&run_uuid={run.id})" in note
    run.tell({"trials/complete": 1}, "Why?", None)
    assert client.get_run(run.id).data.metrics == {"trials/complete": 1}


@pytest.mark.parametrize(
    ("name", "tags", "shown"),
    [
        ("none", {}, "none"),
        ("se r8 @1+3, lr 0.05", {}, "se r8 @1+3, lr 0·05"),
        ("mine/a: 'b' of 5%", {}, "mine_a_ _b_ of 5_"),
        ("seed 2", {"ferlab.replicate": "2", CONFIGURATION: "lr 0.1"}, "lr 0·1, seed 2"),
        ("seed 3, arm none", {CONFIGURATION: "none"}, "seed 3, arm none"),
    ],
)
def test_a_model_is_named_like_its_run_and_has_its_scores(
    client: MlflowClient, tmp_path: Path, name: str, tags: dict[str, str], shown: str
) -> None:
    run = Run(client, recorded(client, {"mlflow.runName": name, **tags}))
    client.log_param(run.id, "optimizer.lr", 0.05)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights").write_text("none")
    model_id = run.log_model(tmp_path / "model")
    run.log_summary({"best/accuracy": 0.5}, {}, model_id)
    model = client.get_logged_model(model_id)
    assert (model.name, model.params) == (shown, {"optimizer.lr": "0.05"})
    assert [(metric.key, metric.value) for metric in model.metrics or []] == [
        ("best/accuracy", 0.5)
    ]
    assert client.get_run(run.id).data.metrics == {"best/accuracy": 0.5}
    assert artifacts.model_id(client, run.id) == model_id
    with artifacts.model(client, run.id) as folder:
        assert (folder / "weights").read_text() == "none"


def test_what_is_wrong_with_a_model_is_told_of_the_place_where_it_lies(
    client: MlflowClient, tmp_path: Path
) -> None:
    run = Run(client, recorded(client, {}))
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights").write_text("none")
    model_id = run.log_model(tmp_path / "model")
    with (
        pytest.raises(DataError, match=f"ferlab reproduce {run.id} trains it again") as caught,
        artifacts.model(client, run.id) as folder,
    ):
        pyfunc_model.parts(folder)
    place = client.get_logged_model(model_id).artifact_location
    assert str(caught.value).startswith(f"{place}/data/classifier does not hold a model")
    assert str(folder) not in str(caught.value)
