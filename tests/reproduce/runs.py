"""Runs of the tests, and those that reproduce them."""

from pathlib import Path

import numpy as np
import pytest
from mlflow.entities import Run
from mlflow.tracking import MlflowClient
from PIL import Image

from ferlab.data.imageset import EXPRESSIONS
from ferlab.tracking import store

Out = pytest.CaptureFixture[str]


def client() -> MlflowClient:
    return store.connect(None)


def reruns(run_id: str) -> list[Run]:
    where = f"tags.`ferlab.reproduces` = '{run_id}'"
    return list(client().search_runs(["1"], where, order_by=["start_time DESC"]))


def write_tree(folder: Path) -> None:
    """FER2013 as a folder of 28 images: of each class two to train, one to select, one to test."""
    rng = np.random.default_rng(0)
    for usage, tree in (("A_Training", "train"), ("B_Training", "train"),
                        ("PublicTest", "test"), ("PrivateTest", "test")):  # fmt: skip
        for number, expression in enumerate(EXPRESSIONS):
            path = folder / tree / expression / f"{usage.removeprefix('A_').removeprefix('B_')}"
            path = path.with_name(f"{path.name}_{number + 10 * (usage[0] == 'B')}.png")
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(rng.integers(0, 256, (48, 48), np.uint8)).save(path)
