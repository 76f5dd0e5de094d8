"""The README and its pages are true: commands compose, files load, links lead on."""

import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from omegaconf import DictConfig

from ferlab.cli import _parse
from ferlab.config.attention import KINDS
from ferlab.config.compose import compose, multirun
from ferlab.config.parts.data import FILES as DATA_FILES
from ferlab.config.study import Objective, StudyConfig, check_study
from ferlab.confirm.confirm import is_launchers
from ferlab.data import faces
from ferlab.reproduce.rerun import MAY_CHANGE
from ferlab.sweep import plan, sweeper
from ferlab.sweep.question import How
from ferlab.sweep.search.point_check import PointConfigs, check_points
from ferlab.sweep.workers import liveness
from ferlab.tracking import artifacts, store
from tests.conftest import Cli, run_id_of
from tests.documents import PAGES, README, ROOT, TEXTS, blocks, commands

PAGE = {page.stem: page.read_text() for page in PAGES}
SHOWN = sorted({shlex.join(c) for page in (README, *PAGES) for c in commands(page.read_text())})
FILES = [block for page in PAGES for block in blocks(page.read_text())]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where somebody has done all that the pages tell."""
    place = tmp_path / "elsewhere"
    place.mkdir()
    for block in FILES:
        block.apply(place)
    monkeypatch.chdir(place)
    return place


def read_sweep(
    context: Any,
    config: DictConfig,
    params: Mapping[str, Any],
    when: Mapping[str, Any],
    arguments: Sequence[str],
    how: How,
) -> None:
    """All that a sweep reads before it looks at data: its space, study, points, baseline."""
    del context, how
    settings = check_study(plan.section_of(config))
    pinned, shared = plan.read_space(config, params, when, arguments)
    check_points(pinned.space, PointConfigs(shared), plan.enqueued(settings, pinned))
    baseline = pinned.baseline(settings.baseline)
    if baseline is not None:
        pinned.space.params_of(baseline)


@pytest.mark.parametrize("command", SHOWN)
def test_commands_are_understood(
    command: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeper, "sweep", read_sweep)
    name, *_ = arguments = shlex.split(command)
    args = _parse(arguments)
    if name == "sweep":
        multirun([f"experiments={args.experiment}", *args.overrides], args.confirm)
    elif name == "plan":
        multirun([f"experiments={args.experiment}"])
    elif name == "train" and args.multirun:
        multirun(args.overrides)
    elif name in ("train", "data"):
        compose(args.overrides)
    elif name == "confirm":
        assert all(map(is_launchers, args.overrides))
    elif name == "reproduce":
        assert {text.partition("=")[0] for text in args.overrides} <= set(MAY_CHANGE)
    elif name in ("import", "label"):
        assert {text.partition("=")[0] for text in args.overrides} <= set(DATA_FILES)
    else:
        assert "overrides" not in args


def test_every_file_of_the_pages_is_used_by_a_command_there() -> None:
    for path in (Path(block.path) for block in FILES):
        if path.suffix == ".yaml":
            typed = {f"{path.parent.name}={path.stem}", f"sweep {path.stem}"}
            assert any(text in command for command in SHOWN for text in typed), path
    assert sum(block.path.endswith(".yaml") for block in FILES) >= 5


@pytest.mark.slow
@pytest.mark.usefixtures("made_store")
def test_own_parts_do_what_their_page_tells(folder: Path, cli: Cli) -> None:
    drawn = faces.draw(140)
    np.savez("faces.npz", images=drawn.images, labels=drawn.labels, split=drawn.split)
    mine = ["model=mine", "data=mine", "data.path=faces.npz", "trainer.max_epochs=1"]
    mine += [
        "optimizer=rmsprop",
        "scheduler=polynomial",
        "loss=patient",
        "tracking.artifacts=[my_pictures.doubts]",
    ]
    done = cli("train", *mine, "trainer.threads=1")
    assert done.returncode == 0, done.stderr
    file = "my_pictures.doubts/least_sure.txt"
    files = artifacts.read_files(store.connect(None), run_id_of(done.stdout), [file], [file])
    assert len(files[file].decode().splitlines()) > 10
    (refused,) = re.findall(r"^    ferlab: (.*my_data.*)", PAGE["your-own-parts"], re.MULTILINE)
    again = cli("reproduce", "best")
    assert again.stderr.strip() == f"ferlab: {refused}"


def test_the_pages_name_all_that_there_is() -> None:
    sweeps, machines = PAGE["sweeps"], PAGE["many-machines"]
    for key in StudyConfig.model_fields:
        assert f"`{key}`" in sweeps
    for objective in Objective.__args__:  # type: ignore[attr-defined]
        assert f"`{objective}`" in sweeps
    for kind in KINDS:
        assert f"`{kind}`" in README.read_text()
    for key in MAY_CHANGE:
        assert f"`{key}`" in PAGE["reproduction"]
    assert f"every {liveness.INTERVAL:g} seconds" in machines
    assert f"after {liveness.TIMEOUT:g} seconds" in " ".join(machines.split())


def test_the_experiment_that_the_readme_shows_is_the_one_that_comes_with_ferlab() -> None:
    (shown,) = re.findall(r"```yaml\n(.*?)```", README.read_text(), re.DOTALL)
    assert shown == (ROOT / "experiments" / "quickstart.yaml").read_text()


def test_it_is_short() -> None:
    assert len(README.read_text().splitlines()) < 200
    assert all(len(text.splitlines()) < 200 for text in PAGE.values())


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    named = {
        target
        for text in TEXTS
        for target in re.findall(r"(?:`|^    )make ([a-z]+)", text.read_text(), re.MULTILINE)
    }
    assert {"demo", "test", "check"} <= named
    for target in named:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_the_table_of_networks_is_golden() -> None:
    lines = (ROOT / "tests" / "models" / "golden.csv").read_text().splitlines()[1:]
    golden = {(row[0], row[1]): row[2:] for row in (line.split(",") for line in lines)}
    for preset in {preset for preset, _ in golden}:
        kind = compose([f"model={preset}"]).model.attention.kind  # type: ignore[union-attr]
        parameters, multiply_adds = map(int, golden[preset, kind])
        table = README.read_text().splitlines()
        row = next(line for line in table if line.startswith(f"| `{preset}` |"))
        assert f"{parameters:,}" in row
        assert f"{round(multiply_adds / 1e6)} M" in row


def test_links_and_pictures_are_there() -> None:
    found = {
        text.parent / target
        for text in TEXTS
        for target in re.findall(r"\]\(([^)#]+)\)", text.read_text())
    }
    assert len(found) > 20
    assert [target for target in found if not target.exists()] == []


def test_the_continuous_check_runs_the_readmes_test_command() -> None:
    assert "make test" in (ROOT / ".ci" / "run").read_text()
