"""``ferlab label`` from outside: what one network says of its images, another is trained on."""

from pathlib import Path

import numpy as np
import pytest

from ferlab import cli as command_line
from ferlab.analysis.predictions import Predictions
from ferlab.config.compose import compose
from ferlab.data.imageset import Split
from ferlab.data.prepare import prepare
from ferlab.use.model import load_named
from tests.conftest import run_id_of
from tests.use.one_run import FAST, lab

__all__ = ["lab"]

Out = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def teacher(
    lab: tuple[Path, str], home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    """The id of a recorded run; files are written to an empty folder."""
    assert home
    monkeypatch.setenv("FERLAB_HOME", str(lab[0]))
    (tmp_path / "files").mkdir()
    monkeypatch.chdir(tmp_path / "files")
    return lab[1]


def test_a_network_is_trained_on_what_another_says_and_reproduced_where_that_lies_elsewhere(
    teacher: str, capsys: Out, caplog: pytest.LogCaptureFixture
) -> None:
    assert command_line.main(["label", teacher[:9], "soft (1).csv"]) == 0
    told = capsys.readouterr().out
    assert "labels   soft (1).csv: a probability of each class for " in told

    images, _ = prepare(compose(FAST).data)
    at = images.indices(Split.TRAIN)
    table = Path("soft (1).csv").read_text()
    written = Predictions.read(table)
    assert written.names.tolist() == images.names[at].tolist()
    calibrated = load_named(teacher).model.probabilities(images.images[at])
    np.testing.assert_allclose(written.probabilities, calibrated, atol=1e-6)

    assert command_line.main(["train", *FAST, "data.soft_labels=soft (1).csv"]) == 0
    assert "trained on soft labels (1), which say the label of " in caplog.text
    student = run_id_of(capsys.readouterr().out)
    Path("soft (1).csv").rename("moved.csv")
    assert command_line.main(["reproduce", student, "data.soft_labels=moved.csv"]) == 0
    assert "identical" in capsys.readouterr().out

    assert command_line.main(["ensemble", teacher, student]) == 1  # its file is not where it was
    assert "soft (1).csv cannot be read" in capsys.readouterr().err
    Path("soft (1).csv").write_text(table)
    assert command_line.main(["ensemble", teacher, student]) == 0
    assert "ensemble accuracy" in capsys.readouterr().out

    other = table.splitlines()
    other[1] = ",".join([*other[1].split(",")[:3], "1", *"000000"])
    Path("moved.csv").write_text("\n".join(other))
    assert command_line.main(["reproduce", student, "data.soft_labels=moved.csv", "--dry-run"]) == 0
    assert "under other class names or soft labels" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["soft.txt"], "must end in .csv"),
        (["there.csv"], "there.csv is there already"),
        (["no/soft.csv"], "there is no folder no"),
        (["soft.csv", "seed=1"], "a recorded network labels its own data; of 'seed=1' only"),
    ],
)
def test_what_cannot_be_written_is_refused_before_a_model_is_read(
    arguments: list[str], message: str, teacher: str, capsys: Out
) -> None:
    Path("there.csv").touch()
    assert command_line.main(["label", teacher, *arguments]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert sorted(path.name for path in Path().glob("*.csv")) == ["there.csv"]
