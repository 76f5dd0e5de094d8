"""A model that is made of several runs, made of them again and compared with what was recorded."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from ferlab.analysis.equivalence import paired_interval
from ferlab.analysis.predictions import Predictions
from ferlab.ensemble.combine import Way, combine
from ferlab.ensemble.members import VIEWS
from ferlab.errors import TrackingError
from ferlab.reproduce.conditions import MARGIN, accuracy_inside
from ferlab.reproduce.judgement import Judgement, Level
from ferlab.reproduce.recorded import PREDICTIONS
from ferlab.reproduce.resolve import resolve_finished
from ferlab.text import pluralize
from ferlab.tracking import artifacts, find, store
from ferlab.tracking.entry import Entry
from ferlab.tracking.store import Client


class Made(NamedTuple):
    """A recorded model that is made of several runs.

    Attributes:
        client: of the store that has it.
        entry: its run.
    """

    client: Client
    entry: Entry


def find_made(name: str) -> Made | None:
    """The finished run that a user means by a name, if it was made of others; else None."""
    if Path(name).suffix.lower() in (".zip", ".yaml", ".yml"):
        return None
    client = store.connect(None, make=False)
    if not find.resolve(client, name).members:
        return None
    return Made(client, resolve_finished(client, name))


def recompute(made: Made, margin: float = MARGIN) -> Judgement:
    """Make a model of its members again and judge it; nothing is recorded.

    Args:
        made: the recorded model.
        margin: see `judge_predictions`.

    Raises:
        FerlabError: a member, its model or the data is gone or has changed.
    """
    client, entry = made
    way: Way = "soup" if entry.kind == "soup" else "ensemble"
    members = [find.resolve(client, run_id) for run_id in entry.members]
    now = combine(client, members, way, entry.params.get(VIEWS)).predictions
    return judge_predictions(_recorded(client, entry), now, margin)


def _recorded(client: Client, entry: Entry) -> Predictions:
    files = artifacts.read_files(client, entry.run_id, [PREDICTIONS], [PREDICTIONS])
    before = Predictions.read(files[PREDICTIONS].decode())
    if before.digest != entry.tags.get("ferlab.predictions.digest"):
        raise TrackingError(f"{PREDICTIONS} of run {entry.run_id} is not what it predicted")
    return before


def judge_predictions(before: Predictions, now: Predictions, margin: float) -> Judgement:
    """The verdict on predictions that were made again.

    They are ``identical`` if every bit is the same; ``equivalent`` if the interval of the
    difference in accuracy is inside the margin, ``different`` if it is outside, and else
    ``undetermined``.

    Args:
        before, now: predictions of the same images.
        margin: see `ferlab.reproduce.judgement.judge_rerun`.
    """
    images = len(now.labels)
    if before.digest == now.digest:
        text = f"identical: all {pluralize(images, 'image')} are the same to the last bit"
        return Judgement("identical", text)
    was_right, is_right = (each.predicted == each.labels for each in (before, now))
    gained, lost = int((is_right & ~was_right).sum()), int((was_right & ~is_right).sum())
    interval = paired_interval(gained, lost, images)
    inside = accuracy_inside((gained - lost) / images, interval, margin)
    apart = float(np.abs(before.probabilities - now.probabilities).max())
    changed = int((before.predicted != now.predicted).sum())
    text = (
        f"{changed} of {pluralize(images, 'image')} read otherwise, probabilities differ by up to "
        f"{apart:.2g}; {inside.text}"
    )
    level: Level = "equivalent" if inside.holds else "undetermined"
    if interval[0] > margin or interval[1] < -margin:
        level = "different"
    return Judgement(level, f"{level}: {text}")
