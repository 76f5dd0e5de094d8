"""A store for what is written into one and read from it."""

import pytest
from mlflow.tracking import MlflowClient

from ferlab.tracking import store


@pytest.fixture
def client(made_store: None) -> MlflowClient:
    """Of a store with nothing in it."""
    return store.connect(None)
