"""Optuna's own plots of a study, as a page."""

import re

import optuna
import pytest

from ferlab.sweep import interactive
from ferlab.sweep.interactive import interactive_page


def study(objectives: int, trials: int = 6) -> optuna.Study:
    made = optuna.create_study(directions=["maximize"] * objectives)

    def objective(trial: optuna.Trial) -> list[float]:
        rate = trial.suggest_float("optimizer.lr", 0.01, 1.0, log=True)
        kind = trial.suggest_categorical("model.attention.kind", ["none", "se"])
        if objectives == 1:
            for epoch in range(3):
                trial.report(rate * epoch, epoch)
        return [rate + (kind == "se")] * objectives

    made.optimize(objective, n_trials=trials)
    return made


@pytest.mark.parametrize(("objectives", "plots"), [(1, 4), (2, 1), (3, 1)])
def test_the_page_has_optunas_plots_and_asks_nobody_for_anything(
    objectives: int, plots: int
) -> None:
    page = interactive_page(study(objectives), ())
    assert page is not None
    assert not re.search(r"<(?:script|link)[^>]+(?:src|href)=", page)
    body = page.rpartition("</head>")[2]
    assert body.count("Plotly.newPlot(") == plots
    if objectives == 1:
        assert "optimizer.lr" in body
        assert "model.attention.kind" in body


@pytest.mark.parametrize(("objectives", "trials"), [(4, 2), (1, 0)])
def test_where_optuna_draws_nothing_there_is_no_page(objectives: int, trials: int) -> None:
    assert interactive_page(study(objectives, trials), ()) is None


def test_of_very_many_trials_some_are_drawn_and_the_best(monkeypatch: pytest.MonkeyPatch) -> None:
    made = study(1, 31)
    monkeypatch.setattr(interactive, "_DRAWN", 10)
    few, step = interactive._thinned(made, {made.best_trial.number})
    assert step == 4
    assert 8 <= len(few.trials) <= 9
    assert few.best_value == made.best_value
    assert "One of 4 trials is drawn" in str(interactive_page(made, ()))
    assert len(made.trials) == 31
