"""The result of a finished run, for the caller and for a person to read."""

from dataclasses import dataclass

from ferlab.analysis.predictions import Predictions


@dataclass(frozen=True)
class RunResult:
    """The result of a finished run.

    Attributes:
        run_id: id of its MLflow run.
        objective: the monitored metric at its best epoch.
        metrics: all metrics of its best epoch.
        epoch: number of its best epoch, from 1.
        look: directions to its page in the MLflow UI.
        model: URI of the best epoch's model, for ``mlflow.pyfunc.load_model``.
        store: URI of the tracking store that has them, without a password.
        predictions: on the validation split, by the best epoch's weights.
        recorded: its summary metrics in MLflow: ``best/...``, speeds and costs.
    """

    run_id: str
    objective: float
    metrics: dict[str, float]
    epoch: int
    look: str
    model: str
    store: str
    predictions: Predictions
    recorded: dict[str, float]

    def summary(self) -> str:
        """The result and where to look, for a person to read."""
        scores = {key.removeprefix("val/"): value for key, value in self.metrics.items()}
        alone = ""
        if "one_view/accuracy" in scores:
            alone = "one view accuracy {:.4f}, F1 {:.4f} without the others\n".format(
                scores["one_view/accuracy"], scores["one_view/f1"]
            )
        return (
            f"accuracy {scores['accuracy']:.4f}, F1 {scores['f1']:.4f} "
            f"on {len(self.predictions.labels):,} validation images, "
            f"at epoch {self.epoch} (a single run)\n{alone}"
            f"run      {self.run_id}\n"
            f"look     {self.look}\n"
            f'model    mlflow.set_tracking_uri("{self.store}"); '
            f'mlflow.pyfunc.load_model("{self.model}")'
        )
