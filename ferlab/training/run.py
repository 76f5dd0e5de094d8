"""One run, read top to bottom: compose, read, train, judge, record."""

import gc
import logging
import shutil
import traceback
from collections.abc import Collection, Mapping
from typing import NoReturn

import torch

from ferlab import paths, secrets
from ferlab.analysis.history import History
from ferlab.config import Config, check
from ferlab.config.naming import run_name
from ferlab.data.imageset import ImageSet, Split
from ferlab.data.prepare import prepare
from ferlab.errors import FerlabError, RunEnded, TrackingError
from ferlab.outage import is_outage
from ferlab.recording.artifacts import FinishedRun, OwnArtifact, own_artifacts
from ferlab.recording.record import record
from ferlab.recording.work import locked
from ferlab.text import pluralize
from ferlab.tracking import origin, store
from ferlab.tracking.entry import MADE_OF, recorded_config, recorded_status
from ferlab.tracking.memory import PeakMemory
from ferlab.tracking.run import Run
from ferlab.training import checkpoint, stop
from ferlab.training.assemble import (
    fit_classes,
    make_module,
    normalisation,
    on_this_machine,
    set_up_torch,
    train_epochs,
)
from ferlab.training.epochs import Epochs, Report, is_complete
from ferlab.training.module import ExpressionModule
from ferlab.training.result import RunResult
from ferlab.training.scoring import predict

_log = logging.getLogger("ferlab")

_SHOWN = 5
"""Largest number of changed files and libraries in a message."""


def train(
    config: Config,
    report: Report | None = None,
    tags: Mapping[str, str] | None = None,
    allow: Collection[str] | None = None,
) -> RunResult:
    """Train one run from its config and record it.

    Args:
        config: config of the run.
        report: see `ferlab.training.epochs.Report`.
        tags: tags of the MLflow run; ``mlflow.runName`` names it.
        allow: see `ferlab.instantiate.require_allowed`; None for a config that the user composed,
            and so vouches for the targets it names.

    Raises:
        FerlabError: the data, the store or the config cannot be used; no run was begun.
        RunEnded: the run ended before its last epoch, and is recorded as what it was.
    """
    config = on_this_machine(config)
    allow = config.names() if allow is None else allow
    own = own_artifacts(config.tracking.artifacts, allow)
    images, leaks = prepare(config.data, allow)
    config = fit_classes(config, images)
    scale = normalisation(images, config.data.normalize)
    module = make_module(config, images, scale, allow)
    client = store.connect(config.tracking.uri)
    tags = {"ferlab.data.leaks_dropped": str(leaks), **(tags or {})}
    run = Run.start(client, config, images, tags)
    try:
        run.log_environment(config.targets())
        _announce(config, images, leaks, run)
    except BaseException as error:
        _end(run, config, error)
    return _complete(config, images, run, module, scale, own, report)


def resume(
    run_id: str,
    uri: str | None = None,
    report: Report | None = None,
    allow: Collection[str] = (),
) -> RunResult:
    """Resume a run that ended early, from its last epoch, in the same MLflow run.

    The result is the same to the last bit as if it had never been interrupted.

    Args:
        run_id: id of the MLflow run.
        uri: the tracking store; None for `ferlab.tracking.place.where.default_uri`.
        report: see `train`; called again for the earlier epochs.
        allow: see `ferlab.instantiate.require_allowed`.

    Raises:
        FerlabError: there is nothing to resume, or the data or the code has changed.
        RunEnded: it ended early again.
    """
    client = store.connect(uri, make=False)
    status, tags = recorded_status(client, run_id)
    if MADE_OF in tags:
        raise TrackingError(
            f"run {run_id} was not trained but made of others, so there is nothing to resume; "
            "ferlab ensemble makes it again"
        )
    if status == "FINISHED":
        raise TrackingError(f"run {run_id} is finished; there is nothing to resume")
    config = on_this_machine(check(recorded_config(client, run_id)))
    # This config comes from a run: what it may call is ferlab's own, and what is allowed by name.
    own = own_artifacts(config.tracking.artifacts, allow)
    images, leaks = prepare(config.data, allow)
    if images.digest != tags.get("ferlab.data.digest"):
        raise TrackingError(
            f"the data of run {run_id} has changed: its digest was "
            f"{tags.get('ferlab.data.digest')}, and is {images.digest} now"
        )
    with locked(run_id):
        pass  # no other process trains it, so its status may be changed
    scale = normalisation(images, config.data.normalize)
    module = make_module(config, images, scale, allow)
    if different := origin.changed(client, run_id, config.targets()):
        raise TrackingError(
            f"run {run_id} was begun with other code ({', '.join(different[:_SHOWN])}); to come to "
            "the same bits, go back to that, or train it anew"
        )
    run = Run.reopen(client, run_id)
    _announce(config, images, leaks, run)
    if not (paths.work(run_id) / checkpoint.LAST).exists():
        _log.info("from     the beginning: there is no checkpoint in %s", paths.work(run_id))
    return _complete(config, images, run, module, scale, own, report)


def _complete(
    config: Config,
    images: ImageSet,
    run: Run,
    module: ExpressionModule,
    scale: tuple[float, float],
    own: Mapping[str, OwnArtifact],
    report: Report | None,
) -> RunResult:
    """Train the epochs that are left and record the run, or record why it ended."""
    gc.collect()  # an earlier run's memory must not count as this one's
    with stop.on_signals() as check_signals, locked(run.id) as folder, PeakMemory() as memory:
        try:
            set_up_torch(config)
            if config.trainer.device == "cuda":
                torch.cuda.reset_peak_memory_stats()
            history = History([], 0.0)
            if (folder / checkpoint.LAST).exists():
                state = checkpoint.load_state(folder / checkpoint.LAST)
                history = History(state["epochs"], state["seconds"])
                module.resume(state, first_epoch=len(history.epochs))
                _log.info(
                    "from     the checkpoint after epoch %d of %d",
                    len(history.epochs),
                    config.trainer.max_epochs,
                )
                for epoch in range(run.logged_epochs(), len(history.epochs)):  # missed in a crash
                    run.log_epoch(epoch + 1, history.epochs[epoch])
                if report is not None:
                    for epoch, metrics in enumerate(history.epochs, start=1):
                        report(epoch, metrics)
            if not is_complete(history, config.trainer):
                epochs = Epochs(
                    config.trainer,
                    images.classes,
                    len(module.pixels.train),
                    folder,
                    run,
                    history,
                    check_signals,
                    report,
                )
                left = config.trainer.max_epochs - len(history.epochs)
                train_epochs(module, config, left, epochs)
                history = epochs.history

            best = checkpoint.load_weights(folder / checkpoint.BEST)
            module.classifier.load_state_dict(best)
            module.classifier.to(str(config.trainer.device))  # Lightning leaves it on the CPU
            predictions = predict(module.classifier, images, config.trainer.batch_size)
            recorded = record(
                run,
                FinishedRun(images, module.classifier, predictions, config, scale, history),
                own,
                folder / checkpoint.LAST,
                memory,
            )
            run.end("FINISHED")
        except BaseException as error:
            _end(run, config, stop.ended_by(error, check_signals))
    shutil.rmtree(folder, ignore_errors=True)
    try:
        check_signals()
    except stop.Interrupted as error:  # while it was recorded
        raise RunEnded(f"run {run.id} is finished; {error}", run.id, "interrupted") from error
    monitor = config.trainer.monitor
    metrics = history.best(monitor)
    return RunResult(
        run.id,
        metrics[monitor],
        metrics,
        history.best_epoch(monitor),
        run.look,
        f"models:/{recorded.model_id}",
        run.store,
        predictions,
        recorded.metrics,
    )


def _end(run: Run, config: Config, error: BaseException) -> NoReturn:
    """Record that the run ended early; the error that is raised says how to resume it.

    An end that could not be recorded is none: who waits until the store is back comes to it again.
    """
    reason, what = stop.reason_of(error)
    try:
        _record_end(run, error, reason, what)
    except TrackingError as away:
        if reason != "interrupted" and is_outage(away):
            error, reason, what = away, "outage", str(away)
    if reason in ("diverged", "out-of-memory"):  # the same config would come to the same end
        raise RunEnded(what, run.id, reason) from error
    again = _resume_command(run, config)
    raise RunEnded(f"{what}; go on with: {again}", run.id, reason) from error


def _record_end(run: Run, error: BaseException, reason: str, what: str) -> None:
    if reason == "outage" and isinstance(error, TrackingError):  # there is nowhere to tell it
        return
    if reason == "error" and not isinstance(error, FerlabError):
        run.log_text("".join(traceback.format_exception(error)), "traceback.txt")
    killed = reason in ("interrupted", "outage", "pruned")
    word = "interrupted" if reason == "outage" else reason
    run.end("KILLED" if killed else "FAILED", word, what)


def _resume_command(run: Run, config: Config) -> str:
    """The command that resumes a run, with the settings that its config cannot bring along."""
    own = sorted({target.partition(".")[0] for target in config.names()} - {"ferlab", "torch"})
    needs = [f"FERLAB_ALLOW={','.join(own)}"] if own else []
    if config.tracking.uri is not None:
        needs.append(f"MLFLOW_TRACKING_URI={secrets.seal(config.tracking.uri)}")
    return " ".join([*needs, f"ferlab train --resume {run.id}"])


def _announce(config: Config, images: ImageSet, leaks: int, run: Run) -> None:
    trainer = config.trainer
    counts = {split: len(images.indices(split)) for split in (Split.TRAIN, Split.VAL)}
    dropped = f"; dropped {leaks} training images identical to held-out ones" if leaks else ""
    _log.info(
        "data     %s: %s training, %s validation images%s",
        config.data.name,
        f"{counts[Split.TRAIN]:,}",
        f"{counts[Split.VAL]:,}",
        dropped,
    )
    for note in images.notes:
        _log.info("         %s", note)
    _log.info("run      %s: %s", run.id, run_name(config))
    _log.info("on       %s, %s", trainer.device, pluralize(int(trainer.threads), "thread"))
