"""A study as a table: what pictures, texts and the live display are made of."""

from optuna.trial import FrozenTrial, TrialState

from ferlab.config import Config
from ferlab.sweep.rows import Row, State, Table
from ferlab.sweep.study import SharedStudy

_STATES: dict[TrialState, State] = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
}


def view(study: SharedStudy, budget: int, config: Config) -> Table:
    """The study as it stands.

    Args:
        study: to look at.
        budget: how many trials are to count.
        config: of any of its trials.
    """
    settings = study.config
    return Table(
        study=study.name,
        question=settings.question,
        objectives=settings.objectives,
        minimised=settings.minimised,
        budget=budget,
        epochs=config.trainer.max_epochs,
        replicates=settings.replicates,
        images=study.optuna.user_attrs.get("images"),
        rows=tuple(_row(trial) for trial in study.trials() if "point" in trial.user_attrs),
    )


def _row(trial: FrozenTrial) -> Row:
    attrs = trial.user_attrs
    started, ended = trial.datetime_start, trial.datetime_complete
    return Row(
        number=trial.number,
        state=_STATES[trial.state],
        point=attrs["point"],
        name=attrs.get("name", ""),
        values=tuple(trial.values) if trial.state == TrialState.COMPLETE else None,
        replicates=tuple(attrs.get("scores", ())),
        epochs=trial.intermediate_values,
        why=attrs.get("why", ""),
        run_id=attrs.get("run_id"),
        started=started.timestamp() if started else 0.0,
        ended=ended.timestamp() if ended else None,
    )
