"""Data of other classes, from the files to the recorded model: trained, swept, scored."""

from pathlib import Path

import pytest
from PIL import Image

from ferlab import cli
from ferlab.data import faces
from tests.conftest import run_id_of
from tests.sweep.test_sweep import HERE
from tests.training.runs import artifact, client

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("made_store", "no_pictures")]

QUICK = ("model=tiny", "trainer.max_epochs=1", "trainer.batch_size=16", "trainer.threads=1")


def export(folder: Path) -> Path:
    """Drawn faces of 64x64 pixels in colour, a folder per class, without splits."""
    drawn = faces.draw(140)
    for i, (grey, label) in enumerate(zip(drawn.images, drawn.labels, strict=True)):
        path = folder / drawn.classes[label] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(grey).resize((64, 64)).convert("RGB").save(path)
    return folder


def test_pictures_by_class_are_trained_swept_and_scored(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = (f"data.path={export(tmp_path / 'set')}", "data.folds=5", "data.classes={fear: null}")
    assert cli.main(["train", "-m", "data=folder", *data, *QUICK, "seed=1,2", HERE]) == 0
    run_id = run_id_of(capsys.readouterr().out)
    params = client().get_run(run_id).data.params
    assert params["model.classes"] == "6"
    header = artifact(run_id, "predictions/val.csv").read_text().splitlines()[0]
    assert header.endswith("p_angry,p_disgust,p_happy,p_neutral,p_sad,p_surprise")
    assert cli.main(["evaluate", run_id]) == 0
    assert cli.main(["reproduce", run_id]) == 0
    assert "verdict  identical" in capsys.readouterr().out
