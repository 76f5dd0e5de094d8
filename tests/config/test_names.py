"""Names that files, studies and MLflow cannot have, and lists in which something stands twice."""

from pathlib import Path

import pytest

from ferlab import cli as command_line

LONG = "x" * 300
OF_A_STUDY = "should be of letters, digits and . @ + - _, and begin with none of . @ + -, not "
SHOWN = "should be of characters that can be shown, not "


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line that a command ends with."""
    assert command_line.main(arguments) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("ferlab: ")
    assert told.err.count("\n") == 1
    return told.err.removeprefix("ferlab: ").rstrip("\n")


@pytest.mark.parametrize(
    ("override", "told"),
    [
        *(
            (f"study.name={typed}", f"study.name: {OF_A_STUDY}'{name or typed}'")
            for typed, name in (
                *(("..", ""), (".", ""), ("a/b", ""), ("../x", ""), ("/x", ""), ("-x", "")),
                *(("'a b'", "a b"), ("'a\nb'", r"a\nb"), ("'\x1b[2J'", r"\x1b[2J"), ("", "")),
            )
        ),
        (f"study.name={LONG}", "study.name: has 300 characters; the name of a study has at most "),
        ("study.objective=[val/f1,val/f1]", "study.objective: has val/f1 twice; name each once"),
        ("tracking.artifacts=[a.b,c.d,a.b]", "tracking.artifacts: has a.b twice; name each once"),
        ("tracking.experiment='a\nb'", rf"tracking.experiment: {SHOWN}'a\nb'"),
        ("tracking.run_name='\x1b[2J'", rf"tracking.run_name: {SHOWN}'\x1b[2J'"),
        ("tracking.experiment=", "tracking.experiment: String should have at least 1 character"),
        (f"tracking.experiment={LONG}", "tracking.experiment: String should have at most 250 char"),
        (f"tracking.run_name={LONG}", "tracking.run_name: String should have at most 250 charac"),
    ],
    ids=ascii,
)
def test_a_name_is_refused_in_a_line_before_anything_is_created(
    override: str, told: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refused(capsys, "train", "-m", "seed=0,1", override).startswith(f"config: {told}")
    assert not home.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        *(("confirm", name) for name in ("..", "../x", LONG, "\x1b[2J", "a\0b", "")),
        *(("report", LONG), ("dashboard", LONG), ("sweep", "quickstart", "--from", LONG)),
    ],
    ids=ascii,
)
def test_there_is_no_study_of_a_name_that_none_can_have(
    arguments: tuple[str, ...], home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refused(capsys, *arguments).startswith("there is no study '")
    assert not home.exists()


@pytest.mark.parametrize("name", ["..", "a/b", "", LONG])
def test_there_is_no_experiment_of_a_name_that_no_file_can_have(
    name: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in ("sweep", "plan"):
        assert "; known are " in refused(capsys, command, name)
    assert "; known are " in refused(capsys, "train", f"model={name or 'nope'}")
    assert not home.exists()
