"""What every run leaves behind: ferlab's table of files, and a user's own functions."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ferlab import paths
from ferlab.recording.artifacts import ARTIFACTS, OF_TRAINING
from ferlab.tracking import artifacts, origin, sources, store
from tests.conftest import TINY, Cli, run_id_of

pytestmark = pytest.mark.slow

OWN = """\
def count(classifier, images, predictions, folder):
    assert not classifier.training
    assert predictions.probabilities.shape == (len(predictions.labels), len(images.classes))
    (folder / "images.txt").write_text(str(len(predictions.labels)))

def fail(classifier, images, predictions, folder):
    raise RuntimeError("no pen")
"""
FAST = [*TINY, "data.images=140", "trainer.max_epochs=1"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the command line is run, with a module of the user's own."""
    path = tmp_path / "elsewhere"
    path.mkdir()
    (path / "my_pictures.py").write_text(OWN)
    return path


@pytest.mark.usefixtures("made_store")
def test_a_users_function_leaves_its_files_on_the_run(cli: Cli, folder: Path) -> None:
    done = cli("train", *FAST, "tracking.artifacts=[my_pictures.count]")
    assert done.returncode == 0, done.stderr
    run, client = run_id_of(done.stdout), store.connect(None)
    name = "my_pictures.count/images.txt"
    assert int(artifacts.read_files(client, run, [name], [name])[name]) > 0
    assert {*ARTIFACTS, *OF_TRAINING} <= set(artifacts.list_files(client, run))


@pytest.mark.usefixtures("made_store")
def test_a_function_that_fails_loses_nothing(cli: Cli, folder: Path) -> None:
    done = cli("train", *FAST, "tracking.artifacts=[my_pictures.fail,my_pictures.count]")
    assert done.returncode == 0
    assert "artifact my_pictures.fail failed, RuntimeError: no pen" in done.stderr
    files = artifacts.list_files(store.connect(None), run_id_of(done.stdout))
    assert {"my_pictures.fail/error.txt", "my_pictures.count/images.txt"} <= set(files)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("my_pictures.missing", "'my_pictures.missing' cannot be imported"),
        ("nowhere.draw", "'nowhere.draw' cannot be imported"),
        ("draw", "tracking.artifacts"),
    ],
)
def test_a_function_that_is_not_there_is_found_before_a_run_is(
    cli: Cli, folder: Path, home: Path, name: str, message: str
) -> None:
    done = cli("train", *FAST, f"tracking.artifacts=[{name}]")
    assert done.returncode == 1
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (home / "mlflow.db").exists()


@pytest.mark.usefixtures("made_store")
def test_a_recorded_function_is_called_again_only_if_it_is_vouched_for(
    cli: Cli, folder: Path
) -> None:
    run = run_id_of(cli("train", *FAST, "tracking.artifacts=[my_pictures.count]").stdout)
    refused = cli("reproduce", run)
    assert refused.returncode == 1
    assert "'my_pictures.count', which is not part of ferlab" in refused.stderr
    assert "FERLAB_ALLOW=my_pictures" in refused.stderr
    again = cli("reproduce", run, FERLAB_ALLOW="my_pictures")
    assert "identical" in again.stdout, again.stderr


@pytest.mark.usefixtures("made_store")
def test_no_number_comes_from_what_draws_and_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    """A changed picture neither keeps a run from being resumed, nor changes the numbers."""
    run, client = run_id_of(cli("train", *FAST).stdout), store.connect(None)
    recorded = json.loads(
        artifacts.read_files(client, run, [origin.SOURCES], [origin.SOURCES])[origin.SOURCES]
    )
    changed: Callable[[str], dict[str, str]] = lambda room: {  # noqa: E731
        name: "changed" if name.startswith(room) else digest for name, digest in recorded.items()
    }
    for room in ("ferlab/recording/", "ferlab/analysis/", "ferlab/report/", "ferlab/figure_style"):
        assert any(name.startswith(room) for name in recorded)
        monkeypatch.setattr(origin, "sources", lambda _, room=room: changed(room))
        assert origin.changed(client, run, []) == []
    monkeypatch.setattr(origin, "sources", lambda _: changed("ferlab/training/"))
    assert origin.changed(client, run, [])
    assert sources.sources().keys() == recorded.keys()
    assert (paths.shipped() / "ferlab" / "recording").is_dir()
