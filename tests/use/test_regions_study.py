"""``ferlab explain --regions``: over all networks of a confirmation, whose truth is known here."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ferlab import cli as command_line
from ferlab.analysis.regions.compare import compare_regions
from ferlab.analysis.regions.measured import MeasuredRegions
from ferlab.analysis.regions.seeded import REGIONS
from ferlab.config.compose import compose
from ferlab.confirm import evidence
from ferlab.data import faces
from ferlab.data.imageset import Split
from ferlab.models.classifier import build
from ferlab.report.regions import files, text
from ferlab.report.regions.text import NUMBERS, PICTURES, TEXT
from ferlab.reproduce.recorded_model import RecordedModel
from ferlab.tracking import artifacts, store
from ferlab.use.explain.regions import study
from ferlab.use.explain.regions.landmarks import Landmarks, find_landmarks
from tests.analysis.test_regions import AREAS, arm
from tests.confirmed_study import BASE, GAIN, IMAGES, LOOKS, SAME, Lab
from tests.sweep.test_sweep import runs

FOLDER = "regions-apart"

ASKED = ("explain", "--regions", "oracles", "--method", "saliency")


@pytest.fixture
def apart(there: Lab, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """What is kept with the confirmation is kept where no other test of it looks."""
    for module, name in ((files, "FOLDER"), (text, "FOLDER"), (evidence, "REGIONS")):
        monkeypatch.setattr(module, name, FOLDER)
    return there


def test_all_networks_are_measured_and_what_is_found_is_kept_and_reported(
    apart: Lab, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """No pixel counts for an oracle, and with anything covered it answers angry, the first class.

    So its attribution is spread evenly, and what it loses is what it reads less what is angry.
    """
    assert command_line.main([*ASKED, "--images", "9999", "--save", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    told = json.loads((tmp_path / NUMBERS).read_text())
    rows = [line for line in printed.splitlines() if line.startswith((BASE, GAIN, SAME))]
    assert len(rows) == (3 + 2) * len(REGIONS)
    for sentence in told["told"]:
        assert sentence in printed
    drawn = faces.draw(IMAGES)
    labels = drawn.labels[drawn.indices(Split.VAL)]
    assert told["images"] == len(labels)
    assert told["without_landmarks"] == 0
    assert next(iter(told["configurations"])) == told["baseline"] == BASE
    networks = [len(found["seeds"]) for found in told["configurations"].values()]
    assert sorted(networks) == [min(LOOKS), max(LOOKS), max(LOOKS)]
    assert told["flat_maps"] == sum(networks) * len(labels)
    for found in told["configurations"].values():
        for region in REGIONS:
            use = found["regions"][region]
            assert use["attribution"]["mean"] == pytest.approx(told["area"][region])
            assert use["attribution_less_area"]["low"] == pytest.approx(0, abs=1e-12)
    known = apart.evidence
    for name in (GAIN, SAME):
        gained = known.on("validation", name).accuracy.estimate
        for region in REGIONS:
            difference = told["differences"][name][region]
            assert difference["accuracy_lost"]["mean"] == pytest.approx(gained.value)
            assert difference["attribution"]["came_to"] == "no difference of 8 points"
    angry = (labels == 0).mean()
    read = np.mean([entry.metrics["best/accuracy"] for entry in known.runs[SAME]])
    lost = told["configurations"][SAME]["regions"]["nose"]["accuracy_lost"]["mean"]
    assert lost == pytest.approx(read - angry)

    kept = {TEXT, NUMBERS, *PICTURES}
    assert {path.name for path in tmp_path.iterdir()} == kept
    client = store.connect(None)
    (run,) = runs(kind="study", study="oracles-confirm")
    paths = artifacts.list_files(client, run.info.run_id, FOLDER)
    assert {Path(path).name for path in paths} == kept
    assert command_line.main(["report", "oracles", "--to", str(tmp_path / "report")]) == 0
    report = (tmp_path / "report" / "RESULTS.md").read_text()
    assert "## What the networks go by" in report
    for sentence in told["told"]:
        assert sentence in report
    assert {path.name for path in (tmp_path / "report" / FOLDER).iterdir()} == kept


@pytest.mark.usefixtures("apart")
def test_numbers_can_be_printed_alone(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    compared = compare_regions([arm("none"), arm("se", eyes=0.01)], AREAS, worth=0.01)
    how = ("oracles", "saliency", "validation", 500, 400, 0, "known", 0)
    monkeypatch.setattr(study, "measure_study", lambda *_: MeasuredRegions(*how, compared))
    assert command_line.main([*ASKED, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["differences"]["se"]["eyes"]["attribution"]["came_to"] == "more"


def test_images_without_landmarks_are_left_out_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    def every_third_is_unknown(*asked: Any) -> Landmarks:
        found = find_landmarks(*asked)
        found[::3] = np.nan
        return found

    config, drawn = compose(["data.images=280"]), faces.draw(280)
    model = RecordedModel(config, drawn, build(config.model.network(), 0, 1), {}, None)
    every = study._faces(model, 21)
    assert every.without == 0
    assert (study._faces(model, 21).images == every.images).all()
    assert len({image.tobytes() for image in every.images}) == 21
    monkeypatch.setattr(study, "find_landmarks", every_third_is_unknown)
    some, kept = study._faces(model, 21), np.arange(21) % 3 > 0
    assert some.without == 7
    assert (some.images == every.images[kept]).all()
    assert (some.labels == every.labels[kept]).all()
    assert (some.masks == every.masks[kept]).all()
    assert np.allclose(some.areas.sum(axis=1), 1)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (("nothing",), "no study 'nothing'"),
        (("oracles-confirm",), "'oracles-confirm' is itself the confirmation of 'oracles'"),
        (("oracles", "--images", "1"), "--images 1: there must be 2 at least"),
        (("oracles", "--method", "guess"), "there is no method 'guess'"),
        (("oracles", "face.jpg"), "'face.jpg' cannot be among them"),
    ],
)
def test_what_cannot_be_measured_is_refused_in_one_line(
    there: Lab, capsys: pytest.CaptureFixture[str], asked: tuple[str, ...], told: str
) -> None:
    assert command_line.main(["explain", "--regions", *asked]) != 0
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1


def test_a_study_without_a_confirmation_that_is_over_is_told_what_to_do(
    there: Lab, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = ["explain", "--regions", "oracles"]
    monkeypatch.setattr(study.evidence, "looks_taken", lambda *_: there.evidence.looks[:1])
    assert command_line.main(ask) != 0
    assert "1 of 2 looks taken; ferlab confirm oracles goes on" in capsys.readouterr().err
    monkeypatch.setattr(study, "begun", lambda *_: None)
    assert command_line.main(ask) != 0
    assert "ferlab confirm oracles makes one" in capsys.readouterr().err
