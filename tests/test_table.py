"""Tables on terminals of any width."""

import sys

import pytest

from ferlab.cli.table import fit, table

HEADER = ("run", "name", "accuracy", "status", "study")
ROWS = (
    ("51a24e99", "se r8 @[2,3] pool lr=0.123456, and more", "0.7201 ± 0.0123", "FINISHED", "demo"),
    ("7c0ffee1", "tiny", "0.6914", "KILLED", ""),
)


@pytest.mark.parametrize("width", [50, 60, 80, 120])
def test_it_is_as_wide_as_the_terminal_and_loses_what_may_be_left_out_first(width: int) -> None:
    lines = fit(HEADER, ROWS, width, optional=2).splitlines()
    assert max(map(len, lines)) <= width
    written = " ".join(" ".join(lines).split())
    assert written.count("0.7201 ± 0.0123") == 1
    assert "@[2,3]" in written  # a bracket is no markup
    kept = [name for name in HEADER if name in lines[0].split()]
    assert kept == list(HEADER[: len(kept)])
    assert len(kept) == {50: 3, 60: 4, 80: 5, 120: 5}[width]


def test_a_long_text_is_folded_not_cut() -> None:
    folded = fit(HEADER, ROWS, 50, optional=2)
    assert "…" not in folded
    for word in ROWS[0][1].split():
        assert word in folded


def test_what_is_piped_elsewhere_is_a_line_per_row() -> None:
    assert not sys.stdout.isatty()
    long = ("x" * 500, "y" * 500)
    head, line = table(("a", "b"), [long], optional=1).splitlines()
    assert line == "  ".join(long)
    assert head == f"a{' ' * 501}b"


def test_a_column_without_a_text_is_left_out() -> None:
    assert table(("a", "b", "c"), [("1", "", "3"), ("22", "", "4")]) == "a   c\n1   3\n22  4"
