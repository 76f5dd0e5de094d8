"""Several runs made one: what it says, what is recorded of it, and what cannot be made."""

import csv
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
import torch

from ferlab import cli as command_line
from ferlab.analysis.predictions import Predictions
from ferlab.config.compose import compose
from ferlab.data.imageset import Split
from ferlab.data.prepare import prepare
from ferlab.ensemble import record
from ferlab.ensemble.combine import combine
from ferlab.errors import DataError
from ferlab.models.classifier import Classifier
from ferlab.models.views import VIEWS
from ferlab.recording.artifacts import ARTIFACTS, OF_TRAINING
from ferlab.reproduce import ledger
from ferlab.reproduce.recorded_model import Loader, RecordedModel
from ferlab.tracking import artifacts, find
from ferlab.tracking.entry import Entry
from ferlab.training import scoring
from ferlab.use.model import load_named
from tests.conftest import run_id_of
from tests.ensemble.conftest import Lab
from tests.reproduce.conftest import FAST
from tests.reproduce.runs import Out, client


def read(run_id: str, path: str) -> str:
    return artifacts.read_files(client(), run_id, [path], [path])[path].decode()


def predictions(run_id: str, split: str = "val") -> Predictions:
    return Predictions.read(read(run_id, f"predictions/{split}.csv"))


def make(capsys: Out, *arguments: str) -> str:
    capsys.readouterr()
    assert command_line.main(["ensemble", *arguments]) == 0
    return run_id_of(capsys.readouterr().out)


def accuracy(predicted: Predictions) -> float:
    return float((predicted.predicted == predicted.labels).mean())


# --- the mean of probabilities ------------------------------------------------------------


def test_the_mean_of_the_members_probabilities_is_scored_and_recorded(runs: Lab) -> None:
    made = runs.made
    members, mine = [predictions(run) for run in (runs.first, runs.second)], predictions(made)
    by_hand = (members[0].probabilities + members[1].probabilities) / 2
    np.testing.assert_allclose(mine.probabilities, by_hand, atol=1e-6)
    assert not np.allclose(mine.probabilities, members[0].probabilities, atol=1e-3)
    assert mine.names.tolist() == members[0].names.tolist()

    entry = find.resolve(client(), made)
    assert (entry.kind, entry.status) == ("ensemble", "finished")
    assert entry.experiment == "ferlab"
    assert entry.members == (runs.first, runs.second)
    assert entry.tags["ferlab.predictions.digest"] == mine.digest
    assert entry.metrics["best/accuracy"] == pytest.approx(accuracy(mine))
    likelihood = by_hand[np.arange(len(by_hand)), mine.labels]
    assert entry.metrics["best/loss"] == pytest.approx(-np.log(likelihood).mean(), rel=1e-4)
    before = [find.resolve(client(), run).metrics for run in (runs.first, runs.second)]
    assert set(entry.metrics) >= {k for k in before[0] if k[:5] == "best/"} - {"best/epoch"}
    for name, sign in (("accuracy", 1), ("f1", 1), ("loss", -1)):
        values = [metrics[f"best/{name}"] for metrics in before]
        best, mean = sign * max(sign * value for value in values), sum(values) / 2
        over = [sign * (entry.metrics[f"best/{name}"] - value) for value in (best, mean)]
        assert entry.metrics[f"gain_over_best/{name}"] == pytest.approx(over[0], abs=1e-6)
        assert entry.metrics[f"gain_over_mean/{name}"] == pytest.approx(over[1], abs=1e-6)
    for name in ("parameters", "multiply_adds"):
        assert entry.metrics[name] == sum(metrics[name] for metrics in before)

    rows = list(csv.DictReader(io.StringIO(read(made, "members.csv"))))
    assert [(row["run_id"], row["seed"]) for row in rows] == [(runs.first, "0"), (runs.second, "1")]
    for row, metrics in zip(rows, before, strict=True):
        assert float(row["accuracy"]) == pytest.approx(metrics["best/accuracy"])
        assert float(row["loss"]) == pytest.approx(metrics["best/loss"], rel=1e-4)
    files = set(artifacts.list_files(client(), made))
    texts = {name for name in ARTIFACTS if not name.endswith(".png")}
    assert files >= {*texts, "members.yaml", "environment/sources.json"}
    assert not files & {*OF_TRAINING, "config.yaml"}
    assert "seed" not in entry.params
    assert entry.params["model.name"] == "compact"


def test_its_served_model_says_what_was_recorded_and_has_nothing_pickled(
    runs: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = runs.made
    images, _ = prepare(compose(FAST).data)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", client().tracking_uri)
    model = mlflow.pyfunc.load_model(f"models:/{artifacts.model_id(client(), made)}")
    table = model.predict(images.images[images.indices(Split.VAL)])
    said = table[list(images.classes)].to_numpy()
    np.testing.assert_allclose(said, predictions(made).probabilities, atol=1e-6)
    with artifacts.model(client(), made) as folder:
        kept = {path.name for path in (folder / "data").rglob("*") if path.is_file()}
    assert kept == {"weights.safetensors", "model.json"}


def test_it_is_told_from_runs_that_were_trained(runs: Lab, capsys: Out) -> None:
    made, score = runs.made, find.resolve(client(), runs.made).metrics["best/accuracy"]
    client().log_metric(made, "best/accuracy", 2.0)
    assert find.resolve(client(), "best").run_id != made
    assert command_line.main(["runs", "--sort", "val/accuracy"]) == 0
    client().log_metric(made, "best/accuracy", score)
    line = capsys.readouterr().out.splitlines()[1]
    assert line.split()[:2] == [made[:8], "ensemble"]
    assert "ensemble of 2: compact, faces" in line
    assert command_line.main(["show", made]) == 0
    out = capsys.readouterr().out
    assert "(made of 2 runs)" in out
    assert f"made of     {runs.first} {runs.second}\n" in out
    for arguments in (["train", "--resume", made], ["diff", runs.first, made], ["export", made]):
        more = ["x.zip"] if arguments[0] == "export" else []
        assert "was not trained but made of others" in refused(capsys, *arguments, *more)
    assert not Path("x.zip").exists()


def test_it_may_score_over_other_views_than_its_members_and_be_of_one_run(
    runs: Lab, capsys: Out
) -> None:
    images, _ = prepare(compose(FAST).data)
    for members in ([runs.first, runs.second], [runs.wider]):
        made = make(capsys, "--views", "zooms", *members)
        networks = [
            Loader(client()).load(find.resolve(client(), run)).classifier for run in members
        ]
        for network in networks:
            assert isinstance(network, Classifier)
            network.views = VIEWS["zooms"]
        by_hand = [scoring.predict(n, images, 64).probabilities for n in networks]
        mine = predictions(made).probabilities
        np.testing.assert_allclose(mine, np.mean(by_hand, axis=0), atol=1e-6)
        alone = np.mean([predictions(run).probabilities for run in members], axis=0)
        assert not np.allclose(mine, alone, atol=1e-4)

        entry = find.resolve(client(), made)
        assert entry.name.endswith(", zooms")
        assert entry.params["trainer.views"] == "zooms"
        each = [find.resolve(client(), run).metrics["multiply_adds"] for run in members]
        assert entry.metrics["multiply_adds"] == len(VIEWS["zooms"]) * sum(each)
        served = load_named(made)
        assert served.model.probabilities(images.images[:4]).shape == (4, 7)
        assert command_line.main(["reproduce", "--strict", made]) == 0
        assert "identical" in capsys.readouterr().out
    assert "there are no views 'two'" in refused(capsys, "ensemble", "--views", "two", runs.first)
    for alone in ([], ["--views", "one"], ["--views", "zooms", "--soup"]):
        assert "or other --views of it" in refused(capsys, "ensemble", *alone, runs.first)


def test_it_is_made_again_to_the_last_bit(runs: Lab, capsys: Out) -> None:
    made, before = runs.made, len(client().search_runs(["1"]))
    assert command_line.main(["reproduce", "--strict", made]) == 0
    out = capsys.readouterr().out
    assert f"members  {runs.first} {runs.second}, as they are recorded\n" in out
    assert "verdict  identical: all 13 images are the same to the last bit" in out
    assert len(client().search_runs(["1"])) == before
    told = refused(capsys, "reproduce", made, "trainer.threads=2", "--at-commit")
    assert "leave out trainer.threads=2 --at-commit" in told


def test_a_look_at_the_test_images_is_taken_by_evaluate_alone_and_counted(
    runs: Lab, capsys: Out
) -> None:
    made = runs.made
    tags = find.resolve(client(), made).tags
    assert ledger.IMAGES not in tags
    assert not [file for file in artifacts.list_files(client(), made) if "test" in file]
    for run in (runs.first, made):
        capsys.readouterr()
        assert command_line.main(["evaluate", run]) == 0
    first = capsys.readouterr().out
    assert "looks    these test images had judged 1 other model\n" in first
    assert "score    made of 2 runs; others may score otherwise" in first
    assert command_line.main(["evaluate", made]) == 0
    assert capsys.readouterr().out.replace(" (as recorded before)", "") == first
    assert command_line.main(["evaluate", runs.second]) == 0
    assert "had judged 2 other models" in capsys.readouterr().out
    members = [predictions(run, "test") for run in (runs.first, runs.second)]
    by_hand = (members[0].probabilities + members[1].probabilities) / 2
    np.testing.assert_allclose(predictions(made, "test").probabilities, by_hand, atol=1e-6)
    score = accuracy(predictions(made, "test"))
    assert client().get_run(made).data.metrics["test/accuracy"] == pytest.approx(score)


# --- the mean of weights ------------------------------------------------------------------


def state_of(run_id: str) -> dict[str, torch.Tensor]:
    network = Loader(client()).load(find.resolve(client(), run_id)).classifier
    assert isinstance(network, Classifier)
    return network.state_dict()


def test_a_soup_is_one_network_of_mean_weights(runs: Lab, capsys: Out) -> None:
    made = make(capsys, "--soup", runs.first[:12], runs.second)
    entry, first = (find.resolve(client(), run) for run in (made, runs.first))
    assert (entry.kind, entry.name) == ("soup", "soup of 2: compact, faces")
    for name in ("parameters", "multiply_adds"):
        assert entry.metrics[name] == first.metrics[name]
    states = [state_of(run) for run in (runs.first, runs.second, made)]
    weights = [name for name, tensor in states[0].items() if tensor.dim() == 4]
    for name in weights:
        torch.testing.assert_close(states[2][name], (states[0][name] + states[1][name]) / 2)
    assert command_line.main(["reproduce", "--strict", made]) == 0
    assert "verdict  identical" in capsys.readouterr().out
    assert command_line.main(["evaluate", made]) == 0
    assert "on 13 test images" in capsys.readouterr().out


def test_a_soup_of_one_run_alone_is_that_run_but_for_its_statistics(runs: Lab) -> None:
    """Which are those of its first convolution on the training images, in parts of 64."""
    entry = find.resolve(client(), runs.first)
    made = combine(client(), [entry, entry, entry], "soup").model
    assert isinstance(made.classifier, Classifier)
    before, now = state_of(runs.first), made.classifier.state_dict()
    statistics = {name for name in before if "running_" in name or "num_batches" in name}
    assert statistics
    assert all(torch.equal(before[name], now[name]) for name in before.keys() - statistics)
    layers = [*made.classifier.network.modules()]
    convolution = next(layer for layer in layers if isinstance(layer, torch.nn.Conv2d))
    norm = next(layer for layer in layers if isinstance(layer, torch.nn.BatchNorm2d))
    images = torch.from_numpy(made.images.images[made.images.indices(Split.TRAIN)])
    with torch.no_grad():
        normal = (images.unsqueeze(1) / 255 - made.classifier.mean) / made.classifier.std
        maps = convolution(normal)
    torch.testing.assert_close(norm.running_mean, maps.mean(dim=(0, 2, 3)), rtol=0.02, atol=0.02)


# --- what is refused ----------------------------------------------------------------------


def refused(capsys: Out, *arguments: str) -> str:
    """The one line that a command ends with; it has made no run."""
    capsys.readouterr()
    before = len(client().search_runs(["1"]))
    assert command_line.main([*arguments]) == 1
    error = capsys.readouterr().err
    assert error.startswith("ferlab: ")
    assert error.count("\n") == 1
    assert len(client().search_runs(["1"])) == before
    return error


def test_runs_that_are_not_several_of_the_same_data_are_refused_in_a_line(
    runs: Lab, capsys: Out
) -> None:
    first, second = runs.first, runs.second
    assert f"run {first} is one alone; name two runs" in refused(capsys, "ensemble", first)
    told = refused(capsys, "ensemble", first, second, first[:16])
    assert f"run {first} is named twice" in told
    fold = client().create_run("1", tags={"ferlab.data.digest": "0" * 32}).info.run_id
    client().log_param(fold, "data.split", "kfold")
    client().set_terminated(fold, "FINISHED")
    told = refused(capsys, "ensemble", first, second, fold)
    assert f"runs {first} and {fold} are not of the same images, classes and split (" in told
    assert "data.split: official and kfold" in told
    assert "name runs of the tracking store" in refused(capsys, "ensemble", first, "a.zip")
    told = refused(capsys, "ensemble", "--soup", first, runs.wider)
    assert "have not the same network, of which alone weights can be averaged (network.st" in told
    begun = client().create_run("1").info.run_id
    told = refused(capsys, "ensemble", first, begun)
    assert f"run {begun} has no result, for it is not finished but running" in told
    client().delete_run(begun)
    assert f"run {begun} is deleted" in refused(capsys, "ensemble", first, begun)
    told = refused(capsys, "ensemble", first, runs.made)
    assert f"was made of other runs itself; name those: {first} {second}" in told


def test_runs_whose_data_is_elsewhere_and_not_the_same_are_refused(
    runs: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Soft labels make digests differ; whether the same images validate is seen from the images."""
    entries = [find.resolve(client(), run) for run in (runs.first, runs.second)]
    images, _ = prepare(compose(FAST).data)
    val = images.indices(Split.VAL)
    labels = images.labels.copy()
    labels[val[0]] = (labels[val[0]] + 1) % 7
    soft = np.eye(7, dtype=np.float32)[images.labels]
    read = {runs.first: images, runs.second: replace(images, targets=soft)}
    load = Loader.load

    def loaded(self: Loader, entry: Entry, files: Any = None) -> RecordedModel:
        return replace(load(self, entry, files), images=read[entry.run_id])

    monkeypatch.setattr(Loader, "load", loaded)
    assert combine(client(), entries, "ensemble")
    read[runs.second] = replace(images, labels=labels)
    with pytest.raises(DataError, match="are not scored on the same images"):
        combine(client(), entries, "ensemble")


def test_networks_may_differ_where_their_weights_stay_apart(runs: Lab, capsys: Out) -> None:
    made = find.resolve(client(), make(capsys, runs.first, runs.wider))
    sizes = [find.resolve(client(), run).metrics["parameters"] for run in (runs.first, runs.wider)]
    assert made.metrics["parameters"] == sum(sizes)
    assert sizes[0] != sizes[1]
    assert "model.stages" not in made.params


def test_a_run_that_was_trained_again_is_no_second_member(runs: Lab, capsys: Out) -> None:
    digest = find.resolve(client(), runs.first).tags["ferlab.predictions.digest"]
    own = find.resolve(client(), runs.wider).tags["ferlab.predictions.digest"]
    client().set_tag(runs.wider, "ferlab.predictions.digest", digest)
    told = refused(capsys, "ensemble", runs.first, runs.wider)
    client().set_tag(runs.wider, "ferlab.predictions.digest", own)
    assert f"run {runs.wider} is run {runs.first} once more" in told


@pytest.mark.parametrize(
    ("error", "status", "code", "why"),
    [
        (RuntimeError("no ink"), "failed", 1, "RuntimeError: no ink"),
        (KeyboardInterrupt(), "interrupted", 130, "stopped by a signal"),
    ],
)
def test_what_is_not_recorded_as_a_whole_is_not_finished(
    runs: Lab,
    error: BaseException,
    status: str,
    code: int,
    why: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Out,
) -> None:
    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr(record, "record_model", fail)
    assert command_line.main(["ensemble", runs.first, runs.second]) == code
    assert why in capsys.readouterr().err
    entry = find.list_entries(client())[0]
    assert (entry.kind, entry.status, entry.why) == ("ensemble", status, why)
    assert "best/accuracy" not in entry.metrics
    told = refused(capsys, "evaluate", entry.run_id)
    assert "make it again with ferlab ensemble" in told
    assert not list((runs.home / "work").glob(entry.run_id))
