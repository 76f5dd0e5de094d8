"""What a run comes of, as MLflow keeps it: params of a config, and a data set."""

import json
from collections.abc import Mapping
from typing import Any

from mlflow.entities import Dataset, DatasetInput, InputTag, Param

from ferlab.config.parts.data import Data
from ferlab.data.imageset import ImageSet, Split

_PARAM_LENGTH = 6000
"""Longest value of a param that MLflow accepts, in characters."""


def params_of(flat: Mapping[str, Any]) -> list[Param]:
    """MLflow params of flat config values, cut to the length that MLflow accepts."""
    return [Param(key, str(value)[:_PARAM_LENGTH]) for key, value in flat.items()]


def dataset_of(data: Data, images: ImageSet) -> DatasetInput:
    """The data as MLflow's UI shows it on a run."""
    counts = {
        split.name.lower(): images.counts(split) for split in (Split.TRAIN, Split.VAL, Split.TEST)
    }
    totals = {f"{split}_images": sum(per_class.values()) for split, per_class in counts.items()}
    dataset = Dataset(
        name=data.name,
        digest=images.digest,
        source_type="local",
        source=json.dumps(data.source()),
        schema=json.dumps({"image": "uint8 (48, 48)", "label": list(images.classes)}),
        profile=json.dumps({**totals, "split": data.split, "per_class": counts}),
    )
    return DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])
