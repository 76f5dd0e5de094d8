"""A recorded run, scored where the machine is another one."""

import logging
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from ferlab.analysis.calibration import reliability, tempered
from ferlab.analysis.predictions import Predictions
from ferlab.data.imageset import ImageSet, Split
from ferlab.errors import DataError
from ferlab.models.classifier import Classifier
from ferlab.reproduce import evaluate as evaluating
from ferlab.reproduce import recorded_model
from ferlab.reproduce.evaluate import Evaluator
from ferlab.tracking import find, origin
from tests.reproduce.runs import client


def test_a_model_whose_code_has_changed_is_not_scored(
    original: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    score = Classifier.score
    monkeypatch.setattr(Classifier, "score", lambda self, images: -score(self, images))
    monkeypatch.setattr(origin, "changed", lambda *_: ["ferlab/models/classifier.py"])
    with pytest.raises(DataError, match=r"of 13 validation images 13 are .*; go back"):
        Evaluator(client()).evaluate(find.resolve(client(), original), "test")
    assert "test/accuracy" not in client().get_run(original).data.metrics


def test_a_run_of_a_gpu_is_scored_on_the_cpu_where_there_is_none(
    original: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    config = yaml.safe_load(Path(client().download_artifacts(original, "config.yaml")).read_text())
    config["trainer"] |= {"device": "cuda", "precision": "16-mixed"}
    client().log_text(original, yaml.safe_dump(config), "config.yaml")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    with caplog.at_level(logging.INFO, "ferlab"):
        found = Evaluator(client()).evaluate(find.resolve(client(), original), "test")
    assert found.is_new
    assert client().get_run(original).data.metrics["test/accuracy"] == pytest.approx(found.accuracy)
    assert f"cpu: torch sees no GPU, on which run {original} was trained" in caplog.text


def test_a_password_of_digits_is_no_part_of_a_number(
    original: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", "0.14")
    Evaluator(client()).evaluate(find.resolve(client(), original), "test")
    table = Path(client().download_artifacts(original, "predictions/test.csv")).read_text()
    assert "0.14" in table
    run = client().get_run(original)
    assert Predictions.read(table).digest == run.data.tags["ferlab.test.predictions.digest"]


def test_what_several_runs_share_is_read_once_and_none_is_asked_what_it_has_said(
    original: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts: Counter[str] = Counter()

    def counted(name: str) -> None:
        real = getattr(recorded_model, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            counts[name] += 1
            return real(*args, **kwargs)

        monkeypatch.setattr(recorded_model, name, call)

    counted("prepare")
    counted("predict")
    entry = find.resolve(client(), original)
    unscored = {key: tag for key, tag in entry.tags.items() if not key.startswith("ferlab.test.")}
    evaluator, entry = Evaluator(client()), replace(entry, tags=unscored)
    first, second = (evaluator.evaluate(entry, "test") for _ in range(2))
    assert first.is_new
    assert second.is_new
    assert counts == {"prepare": 1, "predict": 2}


def test_the_calibration_error_of_the_test_is_told_raw_and_at_the_temperature_of_validation(
    original: str,
) -> None:
    """Once scored, the numbers on the run are those of its recorded predictions."""
    first, again = (
        Evaluator(client()).evaluate(find.resolve(client(), original), "test") for _ in range(2)
    )
    metrics = client().get_run(original).data.metrics
    table = Path(client().download_artifacts(original, "predictions/test.csv")).read_text()
    tested = Predictions.read(table)
    mended = tempered(tested.probabilities, metrics["best/temperature"])
    for name, probabilities in (
        ("calibration_error", tested.probabilities),
        ("calibration_error/tempered", mended),
    ):
        error = reliability(probabilities, tested.labels).calibration_error
        assert first.more[name] == pytest.approx(error)
        assert again.more[name] == metrics[f"test/{name}"] == pytest.approx(error)
    on_val = Evaluator(client()).evaluate(find.resolve(client(), original), "val")
    assert on_val.more == {"calibration_error": metrics["best/calibration_error"]}


def test_images_that_training_could_have_had_are_left_out_of_a_score_of_its_own() -> None:
    """Of four, the first equals a training image and the third one that was dropped as a leak."""
    split = np.array([0, 3, 2, 2, 2, 2], np.uint8)
    pixels = np.arange(6, dtype=np.uint8)[:, None, None].repeat(48, 1).repeat(48, 2)
    pixels[[2, 4]] = pixels[[0, 1]]
    names = [str(i) for i in range(6)]
    images = ImageSet.of(pixels, np.zeros(6), split, names, ("happy", "sad"))
    sure = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], np.float64)  # right, right, wrong, wrong
    predictions = Predictions(images.names[2:], images.labels[2:], sure)
    found = evaluating._unshared(predictions, images, Split.TEST)
    assert found == {"unshared/accuracy": 0.5, "unshared/images": 2.0}
    alone = images.with_split(np.array([1, 1, 2, 2, 2, 2], np.uint8))
    assert evaluating._unshared(predictions, alone, Split.TEST) == {}
