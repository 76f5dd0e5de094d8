"""The README is true: its commands compose, its numbers are the golden ones, its links lead on."""

import re
import shlex
from pathlib import Path

import pytest

from ferlab.cli import _parser
from ferlab.config.compose import compose

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
COMMANDS = re.findall(r"(?:^    |`)(ferlab [a-z][^#`\n]*)", README, re.MULTILINE)


def test_it_is_short() -> None:
    assert len(README.splitlines()) < 200


@pytest.mark.parametrize("command", [c for c in COMMANDS if "..." not in c and "--help" not in c])
def test_commands_are_understood(command: str) -> None:
    args = _parser().parse_args(shlex.split(command)[1:])
    overrides = list(getattr(args, "overrides", []))
    if "experiment" in args:
        overrides.append(f"experiments={args.experiment}")
    if getattr(args, "multirun", False):
        overrides = [text for text in overrides if "," not in text]
    if "overrides" in args and "name" not in args and "model=mine" not in overrides:
        compose(overrides)


def test_there_are_commands() -> None:
    assert len(COMMANDS) > 8


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    named = set(re.findall(r"\bmake ([a-z]+)", README))
    assert {"demo", "test"} <= named
    for target in named:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_the_table_of_networks_is_golden() -> None:
    golden = (ROOT / "tests" / "models" / "golden.csv").read_text().splitlines()[1:]
    for preset, attention, parameters, multiply_adds in (row.split(",") for row in golden):
        if attention != compose([f"model={preset}"]).model.attention.kind:  # type: ignore[union-attr]
            continue
        row = next(line for line in README.splitlines() if line.startswith(f"| `{preset}` |"))
        assert f"{int(parameters):,}" in row
        assert f"{round(int(multiply_adds) / 1e6)} M" in row


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)]+)\)", README))))
def test_links_and_pictures_are_there(target: str) -> None:
    assert (ROOT / target).exists()


def test_the_continuous_check_runs_the_readmes_test_command() -> None:
    assert "make test" in (ROOT / ".ci" / "run").read_text()
