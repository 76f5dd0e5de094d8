"""One study that was swept and confirmed, for all tests of what came of it."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import optuna
import pytest
from filelock import FileLock
from optuna.trial import TrialState

from ferlab import cli as command_line
from ferlab import paths
from ferlab.confirm import evidence
from ferlab.confirm.choice import begun
from ferlab.confirm.evidence import Evidence
from ferlab.tracking import store
from tests import quick, warm
from tests.sweep.test_sweep import HERE, trials

IMAGES = 2800
LOOKS = (5, 6)
PLANNED = ("--best", "2", "--looks", "5,6", "--worth", "8")
"""What differs by 15 points is called at the first look, what is the same not before the last."""

BASE, SAME, GAIN = "right 0.6, spare 0", "right 0.6, spare 3", "right 0.75"
"""The arms: two read 60 % of the faces correctly, one reads 75 %."""

NETWORK = f"""\
_target_: tests.oracle.Oracle
name: oracle
classes: 7
images: {IMAGES}
right: 0.6
spare: 0
"""
EXPERIMENT = f"""\
# @package _global_
defaults:
  - override /model: oracle
study:
  question: Does it read more when it knows more?
  baseline: {{model.right: 0.6, model.spare: 0}}
  pruner: null
data: {{images: {IMAGES}, normalize: unit}}
trainer: {{max_epochs: 1, batch_size: 512, threads: 1}}
hydra:
  sweeper:
    params: {{model.right: 'choice(0.6, 0.75)', model.spare: 'choice(0, 3)'}}
    when: {{model.spare: {{model.right: 0.6}}}}
"""


@dataclass(frozen=True)
class Lab:
    home: Path
    folder: Path
    printed: str
    evidence: Evidence


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Lab:
    """A study that was swept and confirmed; the confirmation was killed within and between looks.

    It is made once, also where several processes share the tests.
    """
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "oracles"
    folder.mkdir(exist_ok=True)
    home, printed = folder / "home", folder / "printed.txt"
    with pytest.MonkeyPatch.context() as patch, FileLock(folder / "lock"):
        _at(patch, home, folder, cache)
        if not printed.exists():
            patch.setenv(quick.VARIABLE, quick.PICTURES)
            quick.without_pictures(patch.setattr)
            printed.write_text(_confirmed(home, folder))
        choice = begun("oracles", None)
        assert choice is not None
        client = store.connect(None)
        found = evidence.gather(client, choice, evidence.looks_taken(client, choice, None), None)
    return Lab(home, folder, printed.read_text(), found)


def _confirmed(home: Path, folder: Path) -> str:
    """Sweep, confirm, kill, confirm, kill, confirm again; what the last command printed."""
    for name, text in (
        ("conf/model/oracle.yaml", NETWORK),
        ("experiments/oracles.yaml", EXPERIMENT),
    ):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text(text)
    assert command_line.main(["sweep", "oracles", HERE]) == 0
    command = ["confirm", "oracles", *PLANNED, HERE]
    with warm.started(command) as first:
        first.until(lambda: _is_under_way(home, 2))
    with warm.started(command) as second:
        second.until(lambda: "judged   " in second.told())
    again = warm.run(command)
    assert again.returncode == 0, again.stderr
    return again.stdout


@pytest.fixture
def there(lab: Lab, home: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """Where the study is."""
    _at(monkeypatch, lab.home, lab.folder, cache)
    return lab


def _at(patch: pytest.MonkeyPatch, home: Path, folder: Path, cache: Path) -> None:
    patch.delenv("MLFLOW_TRACKING_URI", raising=False)
    patch.setenv("FERLAB_HOME", str(home))
    patch.setenv("FERLAB_CACHE", str(cache))
    patch.setenv("FERLAB_ALLOW", "tests.oracle")
    patch.setenv("PYTHONPATH", str(paths.shipped()))
    patch.chdir(folder)


def _is_under_way(home: Path, count: int) -> bool:
    """Whether so many runs are complete and another one has begun."""
    if not (home / "studies" / "oracles-confirm.log").exists():
        return False
    states = Counter(trial.state for trial in _trials(home))
    return states[TrialState.COMPLETE] >= count and states[TrialState.RUNNING] > 0


def _trials(home: Path) -> Sequence[optuna.trial.FrozenTrial]:
    try:
        return trials(home, "oracles-confirm")
    except KeyError:  # the study is not in it yet
        return []
