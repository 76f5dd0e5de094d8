"""What came from elsewhere is shown, and does nothing to the terminal."""

import json
import sys
from pathlib import Path

import pytest
import yaml

from ferlab import cli as command_line
from ferlab.reproduce import bundle
from ferlab.text import guarded, unguarded
from ferlab.tracking import store
from tests.reproduce.test_bundle import FILES, RUN, pack

BAD = "a\x1b[31mred\x1b]0;title\x07\rb\x9b2J\u202egnp.\u2066\x08\x7f"
SHOWN = r"a\x1b[31mred\x1b]0;title\x07\rb\x9b2J\u202egnp.\u2066\x08\x7f"


def test_controls_are_spelt_out_and_the_rest_is_as_it_was(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with guarded(), guarded():
        sys.stdout.write(f"ü 顔 😀\t{BAD}\nnext\n")
        sys.stderr.write(f"{BAD}\n")
        unguarded(sys.stderr).write("\x1b[2K")
    out, err = capsys.readouterr()
    assert out == f"ü 顔 😀\t{SHOWN}\nnext\n"
    assert err == f"{SHOWN}\n\x1b[2K"


def told(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 1) -> str:
    """What a command writes."""
    assert command_line.main(arguments) == code
    text = "".join(capsys.readouterr())
    assert not [c for c in text if c != "\n" and not c.isprintable()], repr(text)
    return text


def test_nothing_from_a_file_reaches_the_terminal_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert r"\u202egnp" in told(capsys, "train", f"seed='{BAD}'")
    config = yaml.safe_dump({"seed": BAD, BAD: 1})
    Path("config.yaml").write_text(config)
    assert r"\x1b[31mred" in told(capsys, "reproduce", "config.yaml")
    changed = {"name": BAD, "run_id": BAD, "tags": {"ferlab.data.digest": BAD, BAD: BAD}}
    run = json.dumps({**RUN, **changed}).encode()
    bundle.write_bundle(Path("a.zip"), [{**FILES, "run.json": run}])
    assert r"\x1b[31mred" in told(capsys, "reproduce", "a.zip")
    pack(Path("b.zip"), {f"0/{BAD}": b"", "manifest.json": b"{}"})
    told(capsys, "reproduce", "b.zip")
    pack(Path("../c.zip"), {f"../{BAD}/happy/1.png": b""})
    told(capsys, "data", "audit", "data=folder", "data.path=../c.zip")
    for split in ("train", "test"):
        for name in (f"{BAD}one", f"{BAD}two"):
            folder = Path("set", split, name)
            folder.mkdir(parents=True)
            (folder / f"{BAD}.png").write_bytes(b"no picture")
    assert r"\x1b[31mred" in told(capsys, "data", "audit", "data=folder", "data.path=set")


@pytest.mark.usefixtures("made_store")
def test_nothing_from_a_store_does(capsys: pytest.CaptureFixture[str]) -> None:
    client = store.connect(None)
    tags = {"ferlab.why": BAD, "ferlab.ended": BAD}
    name = f"{BAD}\nverdict  identical"
    made = client.create_run(store.experiment_id(client, "x"), run_name=name, tags=tags)
    client.log_param(made.info.run_id, "seed", BAD)
    client.set_terminated(made.info.run_id, "FAILED")
    for command in (["runs"], ["show", made.info.run_id]):
        text = told(capsys, *command, code=0)
        assert SHOWN in text
        assert r"\nverdict  identical" in text
    assert SHOWN in told(capsys, "show", BAD)
