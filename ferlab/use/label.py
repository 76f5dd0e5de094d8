"""What a network says of its training images: soft labels, for another one to be trained on."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ferlab.analysis.calibration import tempered
from ferlab.data.imageset import Split
from ferlab.reproduce.recorded_model import Loader
from ferlab.tracking.entry import Entry
from ferlab.tracking.store import Client
from ferlab.use.saved import require_new, write_new


@dataclass(frozen=True)
class Labelled:
    """What was written of a network's training images.

    Attributes:
        images: their number.
        agreement: share of them for which the likeliest class is the image's own label.
        sureness: mean probability of the likeliest class.
    """

    images: int
    agreement: float
    sureness: float


def label_training(client: Client, entry: Entry, path: Path, files: Mapping[str, str]) -> Labelled:
    """Write the probabilities that a recorded model gives its training images, to a CSV.

    They are those it is used with: over its views, at the temperature that was fitted on the
    validation images. The table is that of a run's ``predictions/``.

    Args:
        client: of the tracking store.
        entry: the run; its data's images are labelled.
        path: of the CSV, which must be new.
        files: where its data lies now, by keys of `ferlab.config.parts.data.FILES`.

    Raises:
        FerlabError: the model or its data is gone or has changed, or the file cannot be written.
    """
    require_new(path, ".csv")
    model = Loader(client).load(entry, files)
    raw = model.predict(Split.TRAIN)
    calibrated = tempered(raw.probabilities, model.temperature or 1.0).astype(np.float32)
    labels = replace(raw, probabilities=calibrated)
    write_new(path, labels.table(model.images.classes).encode())
    return Labelled(
        images=len(labels.labels),
        agreement=float((labels.predicted == labels.labels).mean()),
        sureness=float(calibrated.max(axis=1).mean()),
    )
