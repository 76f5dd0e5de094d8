"""Names that files, studies and MLflow cannot have, and lists in which something stands twice."""

from pathlib import Path

import pytest

from ferlab import cli as command_line

LONG = "x" * 300
OF_A_STUDY = "should be of letters, digits and . @ + - _, and begin with none of . @ + -, not "
SHOWN = "should be of characters that can be shown, not "


Out = pytest.CaptureFixture[str]


def refused(capsys: Out, *arguments: str) -> str:
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
    override: str, told: str, home: Path, capsys: Out
) -> None:
    assert refused(capsys, "train", "-m", "seed=0,1", override).startswith(f"config: {told}")
    assert not home.exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["my exp", "bob's"])
def test_an_experiment_that_is_called_as_no_study_can_be_wants_another_name(
    name: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Out
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("experiments").mkdir()
    swept = '# @package _global_\nhydra: {sweeper: {params: {optimizer.lr: "choice(0.1,0.2)"}}}\n'
    Path("experiments", f"{name}.yaml").write_text(swept)
    told = refused(capsys, "sweep", name, "data.images=140")
    assert told == f"config: study.name: {OF_A_STUDY}{name!a}"
    assert not list(home.glob("*.db"))


@pytest.mark.parametrize(
    "arguments",
    [
        *(("confirm", name) for name in ("..", "../x", LONG, "\x1b[2J", "a\0b", "")),
        *(("report", LONG), ("dashboard", LONG), ("sweep", "quickstart", "--from", LONG)),
    ],
    ids=ascii,
)
def test_there_is_no_study_of_a_name_that_none_can_have(
    arguments: tuple[str, ...], home: Path, capsys: Out
) -> None:
    assert refused(capsys, *arguments).startswith("there is no study '")
    assert not home.exists()


@pytest.mark.parametrize("name", ["..", "a/b", "", LONG])
def test_there_is_no_experiment_of_a_name_that_no_file_can_have(
    name: str, home: Path, capsys: Out
) -> None:
    for command in ("sweep", "plan"):
        assert "; known are " in refused(capsys, command, name)
    assert "; known are " in refused(capsys, "train", f"model={name or 'nope'}")
    assert not home.exists()


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("study:\n  trials: 2\n  trials: 3\n", "line 4: the key trials stands here twice"),
        (
            "study: {constraints: {parameters: 5,\n  parameters: 6}}\n",
            "line 3: the key parameters stands here twice",
        ),
        (
            "hydra: {sweeper: {params: {seed: 'choice(0, 1)',\n  seed: 'choice(0, 2)'}}}\n",
            "line 3: the key seed stands here twice",
        ),
        ("seed: 1\nseed: 2\n", "line 3: the key seed stands here twice"),
        (
            "hydra: {sweeper: {params: {optimizer.lr: 'choice(0.1, 0.2)', "
            "optimizer: {lr: 'choice(1, 2)'}}}}\n",
            "hydra.sweeper.params.optimizer.lr: stands here twice, with dots and within",
        ),
        (
            "study: {baseline: {optimizer.lr: 0.1, optimizer: {lr: 0.2}}}\n",
            "study.baseline: optimizer.lr stands here twice, with dots and within",
        ),
        (
            "study: {enqueue: [{optimizer.lr: 0.1, optimizer: {lr: 0.2}}]}\n",
            "study.enqueue: optimizer.lr stands here twice, with dots and within",
        ),
        (f"study: {{name: {LONG}}}\n", "study.name: has 300 characters; the name of a study has "),
    ],
    ids=lambda text: text[:40],
)
def test_what_a_file_says_twice_or_at_too_great_length_is_told_with_its_place(
    body: str,
    told: str,
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Out,
) -> None:
    file = tmp_path / "experiments" / "mine.yaml"
    file.parent.mkdir()
    file.write_text(f"# @package _global_\n{body}")
    monkeypatch.chdir(tmp_path)
    swept = [] if "sweeper" in body else ["optimizer.lr=0.1,0.2"]
    where = f"{file}, " if told.startswith("line ") else ""
    assert refused(capsys, "sweep", "mine", *swept).startswith(f"config: {where}{told}")
    assert sorted(tmp_path.rglob("*")) == [file.parent, file]
    assert not home.exists()
