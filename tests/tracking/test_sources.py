"""The source files of a run: a changed line is seen, whoever wrote it and wherever it stands."""

import subprocess
from pathlib import Path

import pytest

from ferlab import paths
from ferlab.tracking import sources, store
from ferlab.tracking.run import Run


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's folder, a repository, with a part of his own in it."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "my_sourced_parts.py").write_text("def net(): ...\n")
    identity = ("-c", "user.name=x", "-c", "user.email=x@x", "-c", "commit.gpgsign=false")
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "mine"]):
        subprocess.run(["git", *identity, *command], cwd=folder, check=True, capture_output=True)
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    return folder


def test_every_module_and_default_counts() -> None:
    found = sources.sources()
    root = paths.shipped()
    modules = {str(path.relative_to(root)) for path in (root / "ferlab").rglob("*.py")}
    defaults = {str(path.relative_to(root)) for path in (root / "conf").rglob("*.yaml")}
    assert modules | defaults <= set(found)
    assert "ferlab/models/cnn.py" in found
    assert len(sources.digest_of(found)) == 32


def test_a_changed_line_changes_one_digest(tmp_path: Path) -> None:
    for copy in ("a", "b"):
        (tmp_path / copy / "ferlab").mkdir(parents=True)
        (tmp_path / copy / "conf").mkdir()
        (tmp_path / copy / "ferlab" / "x.py").write_text("x = 1\n")
        (tmp_path / copy / "ferlab" / "y.py").write_text(f"y = '{copy}'\n")
    a, b = (
        sources.sources(root=tmp_path / copy / "ferlab", conf=tmp_path / copy / "conf")
        for copy in ("a", "b")
    )
    assert a["ferlab/x.py"] == b["ferlab/x.py"]
    assert a["ferlab/y.py"] != b["ferlab/y.py"]
    assert sources.digest_of(a) != sources.digest_of(b)


def test_a_users_own_parts_are_recorded_with_their_checkout(own: Path, home: Path) -> None:
    import my_sourced_parts  # type: ignore[import-not-found]

    targets = [my_sourced_parts.__name__ + ".net", "torch.optim.SGD"]
    assert sources.are_own(targets)
    assert not sources.are_own(targets[1:])
    assert "own/my_sourced_parts" in sources.sources(targets)
    (own / "my_sourced_parts.py").write_text("def net(): return 1\n")

    client = store.connect(None)
    run = Run(client, client.create_run("0").info.run_id)
    run.log_environment(targets)
    tags = client.get_run(run.id).data.tags
    head = subprocess.run(["git", "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    assert tags["ferlab.own.git.commit"] == head.stdout.strip()
    assert tags["ferlab.own.git.dirty"] == "True"
    diff = Path(client.download_artifacts(run.id, "environment/own.diff")).read_text()
    assert "+def net(): return 1" in diff
