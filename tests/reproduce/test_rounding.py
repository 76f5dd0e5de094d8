"""Another order of sums, and a learning rate that hides behind it, from outside."""

from pathlib import Path

import pytest

from ferlab import cli as command_line
from ferlab.config.compose import compose
from ferlab.training.run import train
from tests.conftest import Cli
from tests.reproduce.conftest import FAST
from tests.reproduce.runs import Out, reruns

pytestmark = pytest.mark.slow

SCHEDULE = """
from pathlib import Path
from torch.optim.lr_scheduler import LambdaLR

def make(optimizer, steps):
    factor = float((Path(__file__).parent / "factor.txt").read_text())
    return LambdaLR(optimizer, lambda step: factor)
"""
"""A user's own part that reads what no run records."""


@pytest.mark.parametrize(
    ("name", "value"), [("ONEDNN_MAX_CPU_ISA", "AVX2"), ("ATEN_CPU_CAPABILITY", "default")]
)
def test_another_instruction_set_is_named_and_never_different(
    name: str, value: str, original: str, cli: Cli
) -> None:
    done = cli("reproduce", original, "--margin", "40", **{name: value})
    told = " ".join(done.stdout.split())
    assert f"environment {name}: (none) -> {value} may change last bits" in told, done.stderr
    assert "verdict different" not in told
    assert done.returncode == ("verdict undetermined" in told)


def test_a_hidden_learning_rate_is_not_taken_for_rounding(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: Out
) -> None:
    del home
    (tmp_path / "hidden_rate.py").write_text(SCHEDULE)
    (tmp_path / "factor.txt").write_text("1")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("FERLAB_ALLOW", "hidden_rate")
    own = ("scheduler=constant", "scheduler._target_=hidden_rate.make")
    run_id = train(compose([*FAST, *own])).run_id
    for factor in ("1.001", "2", "0.3"):
        (tmp_path / "factor.txt").write_text(factor)
        capsys.readouterr()
        assert command_line.main(["reproduce", run_id, "trainer.threads=2", "--margin", "40"]) == 1
        out = capsys.readouterr().out
        assert "threads  trainer.threads: 1 -> 2  may change last bits" in out
        assert "verdict  different: parted at epoch 1" in out
        rate = f"lr 0.1 -> {0.1 * float(factor):.6g}"
        assert f"1 -> 2 cannot explain that the learning rate parted at epoch 1, {rate}" in out
        assert command_line.main(["show", reruns(run_id)[0].info.run_id]) == 0
        assert f"reproduces  {run_id}: different: parted at epoch 1" in capsys.readouterr().out
        assert command_line.main(["diff", run_id, reruns(run_id)[0].info.run_id]) == 0
        assert f"  the learning rate parted at epoch 1, {rate}\n" in capsys.readouterr().out


def test_a_margin_that_is_none_is_refused_in_a_line(capsys: Out) -> None:
    for margin in ("0", "-1", "nan", "101", "one"):
        with pytest.raises(SystemExit) as ended:
            command_line.main(["reproduce", "best", f"--margin={margin}"])
        assert ended.value.code == 2
        error = capsys.readouterr().err.splitlines()[-1]
        assert f"'{margin}' is no number of points from above 0 to 100" in error
