"""A study's bundle that others wrote is refused soon, in a line, and leaves nothing; or is tame."""

import json
import resource
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from ferlab import cli as command_line
from ferlab.tracking import store
from tests.carry.made import PLAIN, RUN, TRIAL, made
from tests.processes import run
from tests.reproduce.test_hostile import MEMORY, SECONDS, SPELL

Change = Callable[[Any], object]


def put(*path: Any, to: Any) -> Change:
    """A change of one value, by the keys that lead to it."""

    def change(plain: Any) -> None:
        *way, last = path
        for key in way:
            plain = plain[key]
        plain[last] = to

    return change


ODD: Mapping[str, tuple[Change, str]] = {
    "name": (put("study", "name", to="../s"), "studies.json is damaged: studies.0.name"),
    "state": (put("study", "trials", 0, "state", to="RUNNING"), "studies.0.trials.0.state"),
    "distribution": (
        put("study", "trials", 0, "distributions", to={"optimizer.lr": "{}"}),
        "its study 'made' is damaged",
    ),
    "digits": (put("study", "trials", 0, "values", to=[10**4000]), "is damaged"),
    "time": (put("study", "trials", 0, "started", to="\x1b[2J"), "its study 'made' is damaged"),
    "frame": (put("study", "user_attrs", "frame", to=[]), "studies.json is damaged"),
    "about": (put("study", "user_attrs", "about", to="x"), "studies.json is damaged"),
    "deep": (put("study", "user_attrs", "x", to=json.loads("[" * 300 + "]" * 300)), "is damaged"),
    "id": (put("run", "run_id", to="x"), "runs/0.json is damaged: run_id"),
    "number": (put("run", "tags", "ferlab.trial", to="one"), "ferlab.trial is no number"),
    "parent": (put("run", "tags", "mlflow.parentRunId", to="d" * 32), "not one of its studies"),
    "stranger": (put("run", "tags", "ferlab.study.id", to="d" * 32), "not one of its studies"),
    "key": (put("run", "tags", "a'b", to="x"), "runs/0.json is damaged"),
    "outside": (put("files", "../../evil.yaml", to="x"), "leads elsewhere"),
    "absolute": (put("files", "/etc/evil.yaml", to="x"), "leads elsewhere"),
    "control": (put("files", "a\x1b[2J", to="x"), "is no path of an artifact"),
    "folder": (put("files", "config.yaml/x", to="y"), "is a file and a folder"),
    "aliases": (put("files", "config.yaml", to="a: &a [1]\nb: *a\n"), "no YAML aliases"),
    "pickled": (put("more", to={"files/x.pkl": b"\x80\x04."}), "does not belong in the bundle"),
    "missing": (put("run", "artifacts", to={"a.txt": "e" * 32}), "'a.txt' of its run"),
}
"""A small change each, and a part of what is said to it."""


def bombs(folder: Path) -> Mapping[Path, str]:
    """Hostile files, and what is said to each."""
    points = ("[0,1,0.5]," * 90_000)[:-1]
    whole = {**run_of(), "metrics": {}}
    many = json.dumps(whole).replace('"metrics": {}', f'"metrics": {{"a": [{points}]}}')
    wrong = json.dumps(whole).replace('"metrics": {}', '"metrics": {' + '"?":0,' * 10**5 + '"?":0}')
    trials = '{"studies": [{"trials": [' + "{}," * 700_000 + "{}]}]}"
    endless, alone = folder / "members.zip", folder / "runs.zip"
    with zipfile.ZipFile(endless, "w") as archive:
        for i in range(100_000):
            archive.writestr(f"{i}", b"")
    with zipfile.ZipFile(alone, "w") as archive:
        archive.writestr("manifest.json", b'{"format": 1, "runs": 1, "files": {}}')
        archive.writestr("0/config.yaml", b"")
    (folder / "text.zip").write_bytes(b"no zip")
    odd = {made(folder / f"{name}.zip", change): said for name, (change, said) in ODD.items()}
    zeros = {f"files/{i:032x}": bytes(2**24) for i in range(9)}
    return {
        **odd,
        made(folder / "points.zip", run=many): "not one of its studies",
        made(folder / "wrong.zip", run=wrong): "runs/0.json is damaged",
        made(folder / "parts.zip", run=wrong.replace("0,", "0,0,", 1) * 9): "values of JSON",
        made(folder / "trials.zip", studies=trials): "studies.json is damaged",
        made(folder / "more.zip", studies=trials.replace("{},", "{},{},")): "values of JSON",
        made(folder / "zeros.zip", put("more", to=zeros)): "it unpacks to more than",
        made(folder / "format.zip", manifest={"format": 9}): "it has format 9",
        made(folder / "count.zip", manifest={"runs": 10**9}): "it can have 10,000",
        made(folder / "commit.zip", manifest={"commit": "\x1b[2J"}): "is no commit",
        endless: "its list of members has more than 4,194,304 bytes",
        alone: "ferlab reproduce takes it",
        folder / "text.zip": "is truncated or no zip file",
        folder / "absent.zip": "cannot be read: No such file",
    }


def run_of() -> dict[str, Any]:
    return {**PLAIN["run"], "artifacts": {}, "tags": {"ferlab.study": "x"}}


def test_hostile_bundles_are_refused_in_a_line_soon_and_leave_nothing(
    tmp_path: Path, home: Path
) -> None:
    files = bombs(tmp_path)
    done = run(
        [sys.executable, "-c", SPELL, "import", "ferlab.carry.arrival", *map(str, files)],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)),
    )
    assert done.returncode == 0, done.stderr
    errors = done.stderr.splitlines()
    assert len(errors) == len(files), done.stderr
    for (path, message), error in zip(files.items(), errors, strict=True):
        assert error.startswith("ferlab: "), error
        assert message in error, (path, error)
        assert "unexpected" not in error
        assert error.isprintable()
        assert len(error) < 500
    for line in done.stdout.splitlines():
        _, seconds, memory = line.rsplit(maxsplit=2)
        assert float(seconds) < SECONDS, line
        assert int(memory) < MEMORY, line
    assert not home.exists()


@pytest.mark.usefixtures("made_store")
def test_what_may_be_imported_calls_nothing_that_is_not_allowed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config = f"model: {{_target_: os.system, command: touch {tmp_path}/evil}}\nseed: 3\n"
    predictions = "name,label,predicted,p_x\na,x,x,1\n"

    def change(plain: Any) -> None:
        plain["files"] |= {"config.yaml": config, "predictions/val.csv": predictions}
        plain["run"]["tags"] = {}
        plain["run"]["name"] = "\x1b[2J"
        plain["study"]["trials"] = [{**TRIAL, "user_attrs": {**TRIAL["user_attrs"], "why": "\x1b"}}]

    assert command_line.main(["import", str(made(tmp_path / "tame.zip", change))]) == 0
    (found,) = store.runs_with(store.connect(None), {})
    assert found.info.run_id != RUN
    for command in (["show", found.info.run_id], ["runs"], ["report", "made"]):
        assert command_line.main(command) == 0
    told = capsys.readouterr().out
    assert all(line.isprintable() for line in told.splitlines())
    assert command_line.main(["reproduce", found.info.run_id]) == 1
    assert "\x1b" not in capsys.readouterr().err
    assert not (tmp_path / "evil").exists()
