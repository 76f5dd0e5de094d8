"""The table for a paper: what stands in it, and that LaTeX can read it."""

import pytest

from ferlab.analysis.comparison.verdict import points
from ferlab.report.latex import confirmation_table, search_table
from tests.confirmed_study import GAIN, SAME, Lab
from tests.fake_studies import row, table
from tests.report.words import seeds


def rows(text: str) -> dict[str, list[str]]:
    """The cells of each row by its first one."""
    lines = [line.strip().removesuffix(" \\\\") for line in text.splitlines() if " & " in line]
    return {first: rest for first, *rest in (line.split(" & ") for line in lines)}


@pytest.mark.slow
def test_what_was_called_has_a_star_which_is_explained(there: Lab) -> None:
    text = confirmation_table(there.evidence)
    assert text.count("{") == text.count("}")
    gain, found = there.evidence.rulings[GAIN][1], rows(text)
    assert found[GAIN][-1].startswith(f"{points(gain.estimate.value)}$^{{*}}$ (")
    assert found[GAIN][0] == "5"
    assert "*" not in found[SAME][-1]
    assert "at 5 \\% for all looks and comparisons together" in text
    assert "$^{*}$ Called better or worse." in text


def test_a_search_is_told_as_what_it_is() -> None:
    one, other = (row(i, **seeds(0.5 + i / 10, 0.01), name=f"a_b & {i}%") for i in (1, 2))
    text = search_table(table(one, other, row(3), replicates=3, images=1000))
    assert rows(text.replace("\\&", "+")) == {
        "Configuration": ["val/accuracy"],
        "a\\_b + 2\\%": ["70.00 \\% $\\pm$ 1.00 \\%"],
        "a\\_b + 1\\%": ["60.00 \\% $\\pm$ 1.00 \\%"],
    }
    assert "The best 2 of 2 complete trials of a search, mean of 3 seeds" in text
    assert "no test was made" in text
    assert "\\label{tab:fake-study}" in text
