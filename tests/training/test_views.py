"""A run whose model scores several views, from outside: every command says the same of it."""

import csv
import json
from pathlib import Path

import mlflow.pyfunc
import numpy as np
import pytest
import torch

from ferlab.config.compose import compose
from ferlab.data.imageset import EXPRESSIONS
from ferlab.data.prepare import prepare
from ferlab.errors import ConfigError
from ferlab.models import cost
from ferlab.reproduce.evaluate import Evaluator
from ferlab.tracking import artifacts, find, pyfunc_model
from ferlab.tracking.place import where
from ferlab.training.run import RunResult, train
from tests.conftest import TINY, Cli
from tests.training.runs import artifact, client

VIEWED = [*TINY, "trainer.views=flip", "trainer.ema=0.5", "trainer.max_epochs=2"]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> tuple[Path, RunResult]:
    """A home, and the one run in it."""
    home = tmp_path_factory.mktemp("viewed") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.setenv("FERLAB_HOME", str(home))
        patch.setenv("FERLAB_CACHE", str(cache))
        return home, train(compose(VIEWED))


@pytest.fixture
def run(lab: tuple[Path, RunResult], home: Path, monkeypatch: pytest.MonkeyPatch) -> RunResult:
    """The run; its store is shared by the tests of this file."""
    monkeypatch.setenv("FERLAB_HOME", str(lab[0]))
    return lab[1]


def test_what_is_recorded_served_and_evaluated_is_the_mean_over_the_views(run: RunResult) -> None:
    images, _ = prepare(compose(TINY).data)
    chosen = np.asarray(images.images[np.isin(images.names, run.predictions.names)])
    with artifacts.model(client(), run.run_id) as folder:
        classifier = pyfunc_model.load_model(folder).network
        answers = mlflow.pyfunc.load_model(str(folder)).predict(chosen)
        (config,) = folder.rglob("model.json")
        assert json.loads(config.read_text())["network"]["views"] == "flip"
    with torch.inference_mode():
        seen = [torch.tensor(chosen), torch.tensor(chosen).flip(2)]
        views = [classifier.score(pixels[:, None] / 255).softmax(dim=1) for pixels in seen]
    expected = (views[0] + views[1]).numpy() / 2
    assert np.abs(expected - views[0].numpy()).max() > 1e-4  # so a single view would be seen
    served = answers[list(EXPRESSIONS)].to_numpy()
    with artifact(run.run_id, "predictions/val.csv").open() as file:
        rows = [[row[f"p_{name}"] for name in EXPRESSIONS] for row in csv.DictReader(file)]
    recorded = np.array(rows, np.float32)
    np.testing.assert_allclose(recorded, expected, atol=1e-5)
    np.testing.assert_allclose(served, expected, atol=1e-5)

    metrics = client().get_run(run.run_id).data.metrics
    right = recorded.argmax(axis=1) == run.predictions.labels
    assert metrics["best/accuracy"] == pytest.approx(right.mean())
    alone = views[0].numpy().argmax(axis=1) == run.predictions.labels
    assert metrics["best/one_view/accuracy"] == pytest.approx(alone.mean())
    for name in ("accuracy", "f1"):
        assert len(client().get_metric_history(run.run_id, f"val/one_view/{name}")) == 2
    assert f"one view accuracy {alone.mean():.4f}, F1 " in run.summary()


def test_the_model_costs_what_its_views_cost(run: RunResult) -> None:
    metrics = client().get_run(run.run_id).data.metrics
    with artifacts.model(client(), run.run_id) as folder:
        network = pyfunc_model.load_model(folder).network.network
    assert metrics["multiply_adds"] == 2 * cost.multiply_adds(network)


def test_a_test_has_both_scores_now_and_when_it_is_asked_again(run: RunResult) -> None:
    first, again = (
        Evaluator(client()).evaluate(find.resolve(client(), run.run_id), "test") for _ in range(2)
    )
    assert (first.is_new, again.is_new) == (True, False)
    assert {"one_view/accuracy", "one_view/f1"} <= set(first.more)
    assert again.more == pytest.approx(first.more)
    metrics = client().get_run(run.run_id).data.metrics
    assert metrics["test/one_view/accuracy"] == pytest.approx(first.more["one_view/accuracy"])
    on_val = Evaluator(client()).evaluate(find.resolve(client(), run.run_id), "val")
    assert on_val.more["one_view/f1"] == metrics["best/one_view/f1"]


def test_evaluate_prints_both_scores_and_a_rerun_is_the_same(run: RunResult, cli: Cli) -> None:
    home = {"FERLAB_HOME": str(where.default_uri().removeprefix("sqlite:///").rpartition("/")[0])}
    told = cli("evaluate", run.run_id, **home)
    assert told.returncode == 0, told.stderr
    assert "\none view accuracy 0." in told.stdout
    assert "\nsureness calibration error 0." in told.stdout
    again = cli("reproduce", run.run_id, "--strict", **home)
    assert again.returncode == 0, again.stdout + again.stderr


def test_training_is_on_single_views_as_before(run: RunResult) -> None:
    plain = train(compose([*VIEWED, "trainer.views=one"]))
    histories = [
        artifacts.metric_history(client(), each.run_id, ["train/loss", "train/accuracy", "lr"])
        for each in (run, plain)
    ]
    assert histories[0] == histories[1]
    one = client().get_run(plain.run_id).data.metrics
    assert not any("one_view" in name for name in one)
    if run.epoch == plain.epoch:  # the same weights
        both = client().get_run(run.run_id).data.metrics
        assert one["best/accuracy"] == both["best/one_view/accuracy"]


def test_other_words_are_refused_with_what_there_is() -> None:
    with pytest.raises(ConfigError, match=r"trainer\.views.*ten_crop") as caught:
        compose([*TINY, "trainer.views=five_crop"])
    assert len(str(caught.value).splitlines()) <= 2
