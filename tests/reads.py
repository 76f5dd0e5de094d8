"""Which runs are read of a tracking store: that they are few is what makes large stores usable."""

from collections.abc import Iterator
from typing import Any

import pytest
from mlflow.entities import Run

from ferlab.tracking import store


def noted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A list to which the id of each run is added that is read from now on."""
    read: list[str] = []
    once = store.runs_with

    def runs_with(*args: Any, **given: Any) -> Iterator[Run]:
        for run in once(*args, **given):
            read.append(run.info.run_id)
            yield run

    monkeypatch.setattr(store, "runs_with", runs_with)
    return read
