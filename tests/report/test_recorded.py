"""A recorded study, whose result and figures are the same to the last bit as when it was swept."""

import hashlib
import json
import shutil
from pathlib import Path

from ferlab.report import search_files
from ferlab.sweep import studies

HERE = Path(__file__).parent


def test_result_and_figures_of_a_recorded_study_are_the_same_bytes(
    home: Path, tmp_path: Path
) -> None:
    (home / "studies").mkdir(parents=True)
    shutil.copy(HERE / "recorded.log", home / "studies")
    study = studies.open_study("recorded", None)
    table, command = studies.view(study), studies.resume_command(study)
    search_files.write_search(table, command, None, tmp_path / "to")
    written = (tmp_path / "to" / "RESULTS.md").read_bytes()
    assert written == (HERE / "recorded.md").read_bytes()
    expected = json.loads((HERE / "recorded.json").read_text())["figures"]
    assert {path.stem: _digest(path) for path in (tmp_path / "to").glob("*.svg")} == expected

    noted = "## In my words\n\nIt is luck."
    (tmp_path / "to" / "NOTES.md").write_text(f"{noted}\n")
    search_files.write_search(table, command, None, tmp_path / "to")
    again = (tmp_path / "to" / "RESULTS.md").read_text()
    assert again.replace(f"{noted}\n\n", "") == written.decode()
    assert again.index("## The best") < again.index(noted) < again.index("## How much of it")


def _digest(path: Path) -> str:
    return hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()
