"""Who else was judged by the same test images: counted over the whole store."""

from datetime import UTC, datetime, timedelta

import pytest
from mlflow.tracking import MlflowClient

from ferlab.reproduce.ledger import (
    IMAGES,
    SCORED_AT,
    SCORED_BY,
    OtherLooks,
    data_of,
    is_used,
    other_looks,
    scored_runs,
    twins,
)
from ferlab.tracking import find, store
from ferlab.tracking.entry import Entry
from tests import reads

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def client(made_store: None) -> MlflowClient:
    del made_store
    return store.connect(None)


def run(client: MlflowClient, experiment: str = "ferlab", **tags: str) -> Entry:
    plain = {f"ferlab.{key.replace('_', '.')}": value for key, value in tags.items()}
    made = client.create_run(store.experiment_id(client, experiment), tags=plain)
    return find.resolve(client, made.info.run_id)


def judged(
    client: MlflowClient,
    hours: int,
    images: str = "a",
    study: str = "",
    by: str = "",
    ident: str = "",
) -> Entry:
    entry = run(client, **({"study": study, "study_id": ident or study} if study else {}))
    tags = {IMAGES: images, SCORED_AT: (START + timedelta(hours=hours)).isoformat()}
    for key, value in {**tags, **({SCORED_BY: by} if by else {})}.items():
        client.set_tag(entry.run_id, key, value)
    return find.resolve(client, entry.run_id)


def test_looks_at_the_same_images_are_counted_once_for_each_confirmation(
    client: MlflowClient,
) -> None:
    for hours in (1, 2):
        judged(client, hours, study="x-confirm", by="x-confirm")
    judged(client, 1, study="x-confirm", by="x-confirm", ident="another of this name")
    judged(client, 3, study="x-confirm", by="another command")
    judged(client, 3)
    judged(client, 3, images="b")
    judged(client, 9, study="z-confirm", by="z-confirm")
    judged(client, 9)  # later, and no confirmation
    mine = [judged(client, hours, study="y-confirm", by="y-confirm") for hours in (5, 10)]
    found = other_looks(client, mine)
    assert found == OtherLooks(("x-confirm", "x-confirm"), 2, ("z-confirm",))
    assert found.told() == (
        "had judged 2 earlier confirmations (x-confirm, x-confirm) and 2 other models, and have "
        "judged 1 confirmation since (z-confirm)"
    )


def test_who_looks_first_is_told_nothing(client: MlflowClient) -> None:
    assert other_looks(client, [judged(client, 1)]).told() == ""


def test_a_run_that_is_an_older_one_again_is_found_wherever_that_is(client: MlflowClient) -> None:
    run(client, "elsewhere", data_digest="d", predictions_digest="p")
    run(client, data_digest="of other data", predictions_digest="q")
    mine = [run(client, data_digest="d", predictions_digest=digest) for digest in "pq"]
    run(client, data_digest="d", predictions_digest="q")  # younger
    assert twins(client, mine) == mine[:1]


def test_what_a_run_was_trained_on_may_differ_from_the_others(client: MlflowClient) -> None:
    run(client, seed="7", data_digest="soft", predictions_digest="p")
    mine = [run(client, data_digest="d"), run(client, data_digest="soft", predictions_digest="p")]
    assert twins(client, mine) == mine[1:]
    both = data_of(client, [entry.run_id for entry in mine])
    assert both == {"d", "soft"}
    assert is_used(client, both, 7)
    assert not is_used(client, {"d"}, 7)


def test_no_more_of_a_store_is_read_than_is_asked_about(
    client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store may have tens of thousands of runs on the same data."""
    mine = run(client, study="s", seed="3", data_digest="d", predictions_digest="p")
    run(client, seed="4", data_digest="of other data")
    tested = run(client, study="s", seed="5", data_digest="d", test_data_digest="d")
    again = run(client, seed="6", data_digest="d", predictions_digest="p")
    for number in range(20):
        run(client, study="s", seed="7", data_digest="d", predictions_digest=f"{number}")
    read = reads.noted(monkeypatch)
    assert [is_used(client, {"d"}, seed) for seed in range(3, 9)] == [1, 0, 1, 1, 1, 0]
    assert scored_runs(client, {"ferlab.study": "s"}) == [tested.run_id]
    assert twins(client, [again]) == [again]
    assert twins(client, [mine]) == []
    assert len(read) <= 9
