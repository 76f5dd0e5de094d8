"""Settings and runs as they are read from a store, made up."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ferlab.analysis.predictions import Predictions
from ferlab.data import fingerprint
from ferlab.data.imageset import ImageSet
from ferlab.reproduce.recorded import Recorded, Setting


def images(n: int = 6, seed: int = 0) -> ImageSet:
    rng = np.random.default_rng(seed)
    grey = rng.integers(0, 256, (n, 48, 48), np.uint8)
    return ImageSet.of(grey, np.zeros(n), np.zeros(n), [f"i{i}" for i in range(n)])


def setting(**changes: Any) -> Setting:
    same: dict[str, Any] = {
        "config": {"seed": 0, "trainer": {"threads": 1, "device": "cpu"}, "data": {"path": "a"}},
        "commit": "a" * 40,
        "diff": "",
        "own_commit": None,
        "own_diff": "",
        "sources": {"ferlab/models/cnn.py": "1", "ferlab/cli/data.py": "2", "conf/a.yaml": "3"},
        "machine": {
            "cpu": "x",
            "memory": 1,
            "python": "3.12",
            "threads": 2,
            "libraries": {},
            "variables": {},
        },
        "packages": {"torch": "2.13", "left-pad": "1"},
        "data": images().digest,
        "images": fingerprint.fingerprint(images()),
    }
    return Setting(**{**same, **changes})


def run(
    wrong: Sequence[int] = range(4),
    loss: Sequence[float] = (1.0, 0.5),
    sure: float = 0.9,
    rate: float = 0.1,
    steps: Sequence[float] = (2.0, 1.9, 1.8),
    n: int = 40,
    schedule: str = "ferlab.training.schedule.cosine",
) -> Recorded:
    """A run of two epochs, the first of three steps.

    Args:
        wrong: numbers of the images that it misreads.
        loss: of each epoch.
        sure: the probability of each predicted class.
        rate: learning rate of each epoch.
        steps: losses of the first steps; none for a run of an older ferlab.
        n: number of images.
        schedule: where the rates come from.
    """
    labels = np.arange(n, dtype=np.uint8) % 2
    predicted = np.where(np.isin(np.arange(n), wrong), 1 - labels, labels)
    probabilities = np.where(predicted[:, None] == np.arange(2), sure, 1 - sure)
    history = [{"train/loss": value, "val/accuracy": 0.9, "lr": rate} for value in loss]
    for number, value in enumerate(steps, start=1):
        history[0] |= {f"train/loss/step_{number}": value, f"lr/step_{number}": rate}
    names = np.array([f"image {i}" for i in range(n)])
    return Recorded(
        run_id="x",
        name="x",
        setting=setting(config={"scheduler": {"_target_": schedule}}),
        metrics={},
        history=tuple(history),
        predictions=Predictions(names, labels, probabilities.astype(np.float32)),
    )
