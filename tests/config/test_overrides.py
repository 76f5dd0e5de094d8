"""Values as a shell's users type them, whatever is in them; and what is no value at all."""

import shlex
from pathlib import Path

import pytest

from ferlab import cli as command_line
from ferlab.config.compose import compose
from ferlab.config.overrides.grammar import as_choice, quoted, read_override, typed_text
from ferlab.errors import ConfigError
from ferlab.sweep.plan import shown

PATHS = [
    *("archive (1).zip", "lr=1/archive.zip", "~/fer 2013/a.zip", "Émotions/données.zip"),
    *("Bob's/a.zip", "R&D/a.zip", "a#1/b.zip", "a;b/c!.zip", "50%/ö.zip", "wow?!/表情.zip"),
    *("(1)/a.zip", "a@b, c's.zip", "x^y`z.zip", 'the "best" (2).zip', "a:b/ß.zip", "<a>/b.zip"),
]


def told(*overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        compose(overrides)
    return str(caught.value)


@pytest.mark.parametrize("path", PATHS)
def test_a_path_is_taken_as_it_is_typed(path: str) -> None:
    typed = compose(["data=fer2013", f"data.path={path}"]).data.source()["path"]
    assert typed == str(Path(path).expanduser().absolute())


@pytest.mark.parametrize("path", [*PATHS, "a,b.zip", "[1]/a.zip", "{x}", "a(1)", "'q'"])
def test_any_text_has_quotes_in_which_it_is_one_value(path: str) -> None:
    for text in (path, f"{path}\\", f"\\{path}", f"'{path}", f'{path}"'):
        (typed,) = shlex.split(typed_text("data.path", text))
        assert read_override(typed).value() == text


def test_an_interpolation_in_quotes_is_a_text() -> None:
    (typed,) = shlex.split(typed_text("data.path", "/x/${seed}"))
    assert compose(["data=fer2013", typed]).data.source()["path"] == "/x/${seed}"


@pytest.mark.parametrize("name", ["a,b.zip", "[1].zip", "{x: 1}", "a(1).zip", "choice(1,2)"])
def test_what_is_there_under_a_name_is_meant_by_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).touch()
    config = compose(["data=fer2013", f"data.path={name}"])
    assert config.data.source()["path"] == str(tmp_path / name)


@pytest.mark.parametrize(
    ("typed", "right"),
    [
        ("data.path=a,b.zip", "'data.path=\"a,b.zip\"'"),
        ("data.path=archive(1).zip", "'data.path=\"archive(1).zip\"'"),
        ("data.path=[1", "'data.path=\"[1\"'"),
        ("data.path=2013", "'data.path=\"2013\"'"),
    ],
)
def test_what_may_mean_two_things_is_told_how_to_be_quoted(typed: str, right: str) -> None:
    message = told("data=fer2013", typed)
    assert "\n" not in message  # nor is the path said to be missing
    assert right in message
    assert compose(["data=fer2013", *shlex.split(right)]).data.name == "fer2013"


@pytest.mark.parametrize(
    ("typed", "right"),
    [
        (["optimizer.lr=0.1,", "0.2"], "optimizer.lr=0.1,0.2"),
        (["model.attention.reduction=2,", "4,", "8"], "model.attention.reduction=2,4,8"),
        (["optimizer.lr=choice(0.1,", "0.2)"], "'optimizer.lr=choice(0.1,0.2)'"),
        (["optimizer.lr", "=", "0.1"], "optimizer.lr=0.1"),
        (["optimizer.lr=", "0.1"], "optimizer.lr=0.1"),
        (["optimizer.lr", "=0.1"], "optimizer.lr=0.1"),
        (["model.attention.stages=[1,", "3]"], "'model.attention.stages=[1,3]'"),
        (
            ["optimizer.lr=tag(log,", "interval(0.1,", "1))"],
            "'optimizer.lr=tag(log,interval(0.1,1))'",
        ),
    ],
)
def test_a_value_that_the_shell_cut_is_told_in_one_piece(typed: list[str], right: str) -> None:
    message = told("seed=1", *typed, "trainer.max_epochs=2")
    assert "\n" not in message
    assert message.endswith(f"is in pieces; type it in one: {right}")


def test_a_word_that_belongs_nowhere_is_told_to_whom_it_may_belong() -> None:
    message = told("data=fer2013", "data.path=my", "old", "archive.zip", "seed=1")
    assert message == (
        "config: 'old archive.zip' is not an override; write key=value, or in quotes what is one: "
        "'data.path=my old archive.zip'"
    )
    assert told("quickstart") == "config: 'quickstart' is not an override; write key=value"


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("model.attention.reduction=2,4,8", "ferlab train -m model.attention.reduction=2,4,8"),
        ("model.attention.stages=2,3", "for a list model.attention.stages=[2,3]"),
        ("model.stages.0.widths=8,16", "for a list model.stages.0.widths=[8,16]"),
        ("optimizer.lr=choice(0.1,0.2)", "ferlab train -m 'optimizer.lr=choice(0.1,0.2)'"),
        ("seed=range(1,4)", "ferlab train -m 'seed=range(1,4)'"),
    ],
)
def test_several_values_of_one_run_are_told_how_to_be_a_sweep(typed: str, words: str) -> None:
    assert words in told(typed)


def test_what_is_typed_beside_several_values_is_in_the_command_that_sweeps() -> None:
    assert "ferlab train -m seed=1,2 model=tiny" in told("seed=1,2", "model=tiny")


@pytest.mark.parametrize("key", ["study.question", "study.name", "tracking.experiment"])
def test_what_a_sweep_has_once_is_not_swept(
    key: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command_line.main(["train", "-m", "seed=1,2", f"{key}=Is it so, or not?"]) == 1
    error = capsys.readouterr().err
    assert f"{key}: has one value for the whole sweep; as one text" in error
    assert f"'{key}=\"Is it so, or not?\"'" in error
    assert error.count("\n") == 1
    assert not home.exists()


def test_an_interpolation_is_still_one() -> None:
    assert compose(["seed=${trainer.max_epochs}"]).seed == 12
    assert read_override(f"data.path={quoted('${x}')}").value() == r"\${x}"


def test_a_choice_of_a_list_in_yaml_is_one_whatever_is_in_it() -> None:
    assert [as_choice(text) for text in ("se", "[1,2]", "0.1")] == ["se", "[1,2]", "0.1"]
    for text in ("a (1).zip", "a,b", "é.zip", "it's"):
        assert read_override(f"key={as_choice(text)}").value() == text


@pytest.mark.parametrize("path", ["/x/Bob's (1).zip", "/x/a, b.zip", "/x/é=1.zip"])
def test_what_goes_on_with_a_study_can_be_typed(path: str) -> None:
    (typed,) = shlex.split(shlex.quote(shown(f"data.path={quoted(path)}", here=False)))
    assert read_override(typed).value() == Path(path).name
