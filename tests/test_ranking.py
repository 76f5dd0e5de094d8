"""How a sweep ends on the terminal."""

from ferlab.cli.ranking import ranking
from tests.fake_studies import row, table


def test_the_best_stand_first_and_the_baseline_is_not_left_out() -> None:
    base = {"optimizer.lr": 0.9}
    rows = [row(0, 0.1, params=base), *(row(i, 0.5 + i / 100) for i in range(1, 9)), row(9)]
    lines = ranking(table(*rows, baseline=base)).splitlines()
    assert lines[0].split() == ["trial", "what", "val/accuracy"]
    assert [line.split()[:2] for line in lines[1:]] == [
        ["1.", "8"],
        ["2.", "7"],
        ["3.", "6"],
        ["4.", "5"],
        ["5.", "4"],
        ["9.", "0"],
    ]
    assert "trial 0 (baseline)" in lines[-1]
    assert lines[1].endswith("58.00 %")


def test_each_objective_has_its_column() -> None:
    two = table(
        row(0, values=(0.5, 1200.0), state="complete"),
        objectives=("val/accuracy", "parameters"),
        minimised=(False, True),
    )
    assert ranking(two).splitlines()[0].split()[-2:] == ["val/accuracy", "parameters"]
    assert "1,200" in ranking(two)


def test_without_a_complete_trial_there_is_no_table() -> None:
    assert ranking(table(row(0), row(1, state="failed"))) == ""
