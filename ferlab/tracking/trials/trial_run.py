"""The run in MLflow of a trial of several seeds."""

import statistics
from collections.abc import Mapping, Sequence

from mlflow.tracking import MlflowClient

from ferlab.config.problems import flatten
from ferlab.config.schema import Config
from ferlab.tracking import store
from ferlab.tracking.inputs import params_of
from ferlab.tracking.run import Run
from ferlab.tracking.store import reported
from ferlab.tracking.study_runs import StudyKey, bring_back, find_run


class TrialRun(Run):
    """The MLflow run of a trial of several seeds, parent of its seeds' runs."""

    @classmethod
    def open(
        cls,
        client: MlflowClient,
        config: Config,
        study: StudyKey,
        trial: int,
        parent: str,
        name: str,
    ) -> "TrialRun":
        """Create or reopen the trial's run, or restore it where it was deleted."""
        tags = {**study.tags, "ferlab.trial": str(trial), "ferlab.kind": "trial"}
        found = find_run(client, tags, deleted=True)
        if found is not None:
            if found.is_deleted:
                bring_back(client, found.run_id, f"the run of trial {trial}")
            cls.reopen(client, found.run_id)
            opened = cls(client, found.run_id)
            if not found.params:  # whoever created it was killed before it had said what it is
                opened.describe(config)
            return opened
        with reported(client.tracking_uri):
            made = client.create_run(
                store.experiment_of(client, parent),
                run_name=name,
                tags={
                    "mlflow.parentRunId": parent,
                    "mlflow.source.name": "ferlab sweep",
                    "mlflow.source.type": "LOCAL",
                    **tags,
                },
            )
        opened = cls(client, made.info.run_id)
        opened.describe(config)
        return opened

    def describe(self, config: Config) -> None:
        """Say what the trial's seeds share."""
        flat = {key: v for key, v in flatten(config.plain()).items() if key != "seed"}
        with reported(self._client.tracking_uri):
            self._client.log_batch(self.id, params=params_of(flat))

    def tell(self, seeds: Sequence[Mapping[str, float]]) -> None:
        """Record the means and the standard deviations over the seeds that have finished.

        Args:
            seeds: the metrics of each seed's run.
        """
        metrics = {"seeds": float(len(seeds)), "train_seconds": 0.0}
        shared = set.intersection(*(set(seed) for seed in seeds))
        for name in sorted(name for name in shared if name.startswith("best/")):
            scores = [seed[name] for seed in seeds]
            metrics[name] = statistics.fmean(scores)
            if len(scores) > 1:
                metrics[name.replace("best/", "spread/", 1)] = statistics.stdev(scores)
        for key in ("parameters", "multiply_adds"):
            metrics[key] = seeds[0][key]
        metrics["train_seconds"] = sum(seed["train_seconds"] for seed in seeds)
        self.log_summary(metrics, {})
