"""Runs found by what a user types: an id, its beginning, the best; and what scores they have."""

import statistics
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from mlflow.tracking import MlflowClient

from ferlab import cli as command_line
from ferlab.errors import TrackingError
from ferlab.tracking import find, store
from ferlab.tracking.entry import SeedScore
from ferlab.tracking.study_runs import StudyKey
from tests import reads
from tests.processes import run


def record(
    client: MlflowClient,
    status: str = "FINISHED",
    tags: Mapping[str, str] | None = None,
    experiment: str = "ferlab",
    **metrics: float,
) -> str:
    """A run as training leaves it, with metrics ``accuracy=`` and so on of its best epoch."""
    made = client.create_run(
        store.experiment_id(client, experiment), tags={"mlflow.runName": "a name", **(tags or {})}
    )
    run_id = str(made.info.run_id)
    for name, value in metrics.items():
        client.log_metric(run_id, f"best/{name}", value)
    if status != "RUNNING":
        client.set_terminated(run_id, status)
    return run_id


def study(
    client: MlflowClient, name: str, objectives: str = "val/accuracy", identity: str = "1"
) -> str:
    tags = {"ferlab.kind": "study", "ferlab.objectives": objectives}
    return record(client, tags={**tags, **StudyKey(name, identity).tags})


def trial(
    client: MlflowClient, study: str, number: int, identity: str = "1", **metrics: float
) -> str:
    tags = {"ferlab.trial": str(number), "ferlab.attempt": "0"}
    return record(client, tags={**tags, **StudyKey(study, identity).tags}, **metrics)


def seeds(client: MlflowClient, study: str, accuracies: list[float], started: int = 0) -> str:
    tags = {"ferlab.trial": str(started), **StudyKey(study, "1").tags}
    mean = statistics.fmean(accuracies)
    group = record(client, tags={**tags, "ferlab.kind": "trial"}, accuracy=mean)
    for index, accuracy in enumerate(accuracies):
        mine = {"ferlab.replicate": str(index), "mlflow.parentRunId": group, **tags}
        record(client, tags=mine, accuracy=accuracy)
    return group


def test_the_beginning_of_an_id_is_enough_where_no_other_run_has_it(client: MlflowClient) -> None:
    ids = [record(client) for _ in range(17)]  # of 17 ids two begin with the same of 16 digits
    for run_id in ids:
        assert find.resolve(client, run_id).run_id == run_id
        assert find.resolve(client, run_id[:20]).run_id == run_id
    shared = next(d for d in "0123456789abcdef" if sum(i.startswith(d) for i in ids) > 1)
    with pytest.raises(TrackingError, match=f"'{shared}' may be any of") as caught:
        find.resolve(client, shared)
    assert any(run_id in str(caught.value) for run_id in ids)


@pytest.mark.parametrize("name", ["nope", "0" * 32, "", "%", "best of all"])
def test_an_unknown_run_is_said_to_be_unknown(client: MlflowClient, name: str) -> None:
    with pytest.raises(TrackingError, match=rf"there is no run '{name}' in .*; ferlab runs lists"):
        find.resolve(client, name)


def test_a_studys_name_is_no_run_and_the_hint_says_which_it_has(client: MlflowClient) -> None:
    study(client, "mine")
    with pytest.raises(TrackingError, match=r"'mine' .*; of the study, take best:mine$"):
        find.resolve(client, "mine")


def test_a_deleted_run_is_said_to_be_deleted(client: MlflowClient) -> None:
    run_id = record(client)
    client.delete_run(run_id)
    with pytest.raises(TrackingError, match=f"run {run_id} is deleted; mlflow runs restore"):
        find.resolve(client, run_id[:12])
    assert find.list_entries(client) == []


def test_the_best_is_of_the_newest_study_by_its_objective(client: MlflowClient) -> None:
    lone = record(client, accuracy=0.99, f1=0.99, loss=0.01)
    assert find.resolve(client, "best").run_id == lone  # as long as there is no study
    study(client, "old")
    old = trial(client, "old", 0, accuracy=0.9, f1=0.2, loss=0.5)
    study(client, "new", "val/f1,val/loss")
    first = trial(client, "new", 0, accuracy=0.3, f1=0.6, loss=0.7)
    trial(client, "new", 1, accuracy=0.4, f1=0.6, loss=0.8)  # equal by F1, and dearer
    third = trial(client, "new", 2, accuracy=0.5, f1=0.1, loss=0.4)
    assert find.resolve(client, "best").run_id == first
    assert find.resolve(client, "best:new:val/accuracy").run_id == third
    assert find.resolve(client, "best:new:val/loss").run_id == third
    assert find.resolve(client, "best:old").run_id == old


def test_a_trial_of_several_seeds_counts_by_their_mean(client: MlflowClient) -> None:
    study(client, "s")
    lucky = seeds(client, "s", [0.9, 0.1])
    steady = seeds(client, "s", [0.5, 0.6, 0.7], started=1)
    found = find.resolve(client, "best:s")
    assert found.run_id == steady
    assert len(found.seeds) == 3
    score = found.score("val/accuracy")
    assert score is not None
    # Student's t with 2 degrees of freedom: 4.302653 * 0.1 / sqrt(3)
    assert (score.mean, score.half, score.seeds) == (
        pytest.approx(0.6),
        pytest.approx(0.2484138),
        3,
    )
    assert str(score) == "0.6000 ± 0.2484"
    listed = find.list_entries(client, study="s", sort="val/accuracy")
    assert [entry.run_id for entry in listed] == [steady, lucky]


def test_a_trial_of_several_seeds_has_their_commits(
    client: MlflowClient, capsys: pytest.CaptureFixture[str]
) -> None:
    trial = seeds(client, "s", [0.5, 0.6, 0.7])
    for seed, commit in zip(find.resolve(client, trial).seeds, "aab", strict=True):
        client.set_tag(seed.run_id, "mlflow.source.git.commit", 40 * commit)
    assert find.resolve(client, trial).commit == "aaaaaaa, bbbbbbb"
    assert command_line.main(["runs"]) == 0
    assert "±: the 95 % interval of the mean over the seeds" in capsys.readouterr().out


def test_a_single_run_has_no_interval() -> None:
    assert SeedScore.of([0.25]) == (0.25, None, 1)
    assert str(SeedScore.of([0.25])) == "0.2500"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("best:nwe", "there is no study 'nwe'; did you mean 'new'?"),
        ("best:new", "the study 'new' has no finished trial yet, so there is no best one"),
        ("best:new:test/accuracy", "by the data that is to judge it"),
    ],
)
def test_what_has_no_best_says_why(client: MlflowClient, name: str, message: str) -> None:
    study(client, "new")
    record(client, "RUNNING", {"ferlab.study": "new", "ferlab.trial": "0"}, accuracy=0.5)
    with pytest.raises(TrackingError) as caught:
        find.resolve(client, name)
    assert message in str(caught.value)


def test_an_unknown_metric_names_the_likeliest(client: MlflowClient) -> None:
    record(client, accuracy=0.5)
    with pytest.raises(TrackingError, match=r"no run has the metric 'accuracy'; did you mean"):
        find.list_entries(client, sort="accuracy")


def test_runs_are_listed_by_what_they_are(client: MlflowClient) -> None:
    ended = {"ferlab.ended": "pruned", "ferlab.why": "at epoch 2"}
    pruned = record(client, "KILLED", ended)
    failed = record(client, "FAILED", {"ferlab.ended": "diverged"})
    running = record(client, "RUNNING")
    other = record(client, experiment="other", loss=0.1)
    best = record(client, loss=0.05)
    assert [e.run_id for e in find.list_entries(client, status="pruned")] == [pruned]
    assert [e.run_id for e in find.list_entries(client, status="failed")] == [failed]
    assert [e.run_id for e in find.list_entries(client, status="running")] == [running]
    assert [e.run_id for e in find.list_entries(client, experiment="other")] == [other]
    by_loss = [e.run_id for e in find.list_entries(client, sort="val/loss")]
    assert by_loss[:2] == [best, other]
    assert len(by_loss) == 5
    with pytest.raises(TrackingError, match="no experiment 'othr'; did you mean 'other'"):
        find.list_entries(client, experiment="othr")
    with pytest.raises(TrackingError, match="there is no study 'x'"):
        find.list_entries(client, study="x")


def test_a_store_that_is_not_there_is_not_made_to_read_it(home: Path) -> None:
    with pytest.raises(TrackingError, match=r"there are no runs here: .*mlflow\.db does not exist"):
        store.connect(None, make=False)
    assert not home.exists()


def test_runs_are_looked_for_without_torch() -> None:
    done = run(
        [sys.executable, "-c", f"import {find.__name__}, sys; sys.exit('torch' in sys.modules)"]
    )
    assert done.returncode == 0, done.stderr


def test_a_class_is_scored_at_the_best_epoch_as_all_is(client: MlflowClient) -> None:
    """Its last epoch is another one, and a class may have a slash in its name."""
    study(client, "s")
    for name in ("f1/happy", "f1/sad/angry"):
        good, poor = (trial(client, "s", i, **{name: 0.8 - 0.3 * i}) for i in (0, 1))
        for run_id, last in ((good, 0.1), (poor, 0.9)):
            client.log_metric(run_id, f"val/{name}", last)
        assert find.best(client, "s", f"val/{name}").run_id == good
        assert find.list_entries(client, study="s", sort=f"val/{name}")[0].run_id == good
        assert str(find.resolve(client, good).score(f"val/{name}")) == "0.8000"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("bset", "did you mean 'best'?"),
        ("bst:one", "did you mean 'best:one'?"),
        ("Best", "did you mean 'best'?"),
        ("quickstart", "of the study, take best:quickstart"),
        ("quickstrat", "of the study, take best:quickstart"),
        ("nothing", "ferlab runs lists them"),
    ],
)
def test_a_name_that_is_nearly_right_is_told_the_right_one(
    name: str, hint: str, client: MlflowClient
) -> None:
    study(client, "quickstart")
    with pytest.raises(TrackingError) as error:
        find.resolve(client, name)
    assert str(error.value).endswith(hint)


@pytest.mark.parametrize("metric", ["accuracy", "f1"])
def test_a_metric_without_its_split_is_told_with_it(metric: str, client: MlflowClient) -> None:
    trial(client, "one", 0, accuracy=0.5, f1=0.4)
    with pytest.raises(TrackingError, match=f"did you mean 'val/{metric}'"):
        find.list_entries(client, sort=metric)


@pytest.mark.parametrize(
    "command", [["evaluate"], ["evaluate", "--split=val"], ["export", "--onnx=x.onnx"]]
)
def test_a_study_is_not_one_run(
    command: list[str], client: MlflowClient, capsys: pytest.CaptureFixture[str]
) -> None:
    run_id = study(client, "one")
    trial(client, "one", 0, accuracy=0.5)
    assert command_line.main([*command, run_id]) == 1
    assert capsys.readouterr().err == (
        f"ferlab: '{run_id}' is the study 'one', of which one run must be named; its best is "
        "best:one\n"
    )


def test_two_studies_of_one_name_are_told_apart(client: MlflowClient) -> None:
    """Two machines may have begun them at the very same moment."""
    ids = [study(client, "s", identity=identity) for identity in ("1", "2")]
    trials = [trial(client, "s", 0, identity=i, accuracy=0.5 + int(i) / 10) for i in ("1", "2")]
    for run_id, mine in zip(ids, trials, strict=True):
        assert find.resolve(client, f"best:{run_id}").run_id == mine
        assert [e.run_id for e in find.list_entries(client, study=run_id)] == [mine]
    for ask in (lambda: find.best(client, "s"), lambda: find.list_entries(client, study="s")):
        with pytest.raises(TrackingError, match="2 studies here are called 's'") as caught:
            ask()
        assert all(run_id in str(caught.value) for run_id in ids)
    client.delete_run(ids[1])
    assert find.resolve(client, "best:s").run_id == trials[0]
    assert [e.run_id for e in find.list_entries(client, study="s")] == [trials[0]]


@pytest.mark.parametrize("gone", ["the trial", "a seed"])
def test_a_trial_with_a_deleted_run_is_not_the_best(client: MlflowClient, gone: str) -> None:
    study(client, "s")
    best, other = (seeds(client, "s", [score, score], i) for i, score in enumerate((0.9, 0.5)))
    for group in (best, other):
        client.log_metric(group, "seeds", 2)
    assert find.resolve(client, "best:s").run_id == best
    tags = StudyKey("s", "1").tags
    assert find.whole_trials(client, tags) == {best, other}
    client.delete_run(best if gone == "the trial" else find.resolve(client, best).seeds[0].run_id)
    assert find.resolve(client, "best:s").run_id == other
    assert find.whole_trials(client, tags) == {other}
    assert find.deleted_trials(client, tags) == {best}


def test_a_seed_that_was_trained_again_leaves_its_trial_whole(client: MlflowClient) -> None:
    study(client, "s")
    group = seeds(client, "s", [0.9, 0.8])
    client.log_metric(group, "seeds", 2)
    tags = {"ferlab.trial": "0", "ferlab.replicate": "1", **StudyKey("s", "1").tags}
    client.delete_run(record(client, "KILLED", {**tags, "mlflow.parentRunId": group}))
    assert find.deleted_trials(client, StudyKey("s", "1").tags) == set()
    assert find.best(client, "s").run_id == group


def test_no_more_are_listed_and_read_than_are_asked_for(
    client: MlflowClient, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    study(client, "s")
    ids = [trial(client, "s", i, accuracy=i / 10) for i in (3, 5, 1, 4, 2)]
    monkeypatch.setattr(store, "_PAGE", 1)
    pages = []
    search = MlflowClient.search_runs

    def counted(*args: Any, **how: Any) -> Any:
        pages.append(how["order_by"])
        return search(*args, **how)

    monkeypatch.setattr(MlflowClient, "search_runs", counted)
    assert find.best(client, "s").run_id == ids[1]
    assert len(pages) <= 4  # the studies; of the trials, the best and the second
    best = find.list_entries(client, sort="val/accuracy", limit=2)
    assert [entry.run_id for entry in best] == [ids[1], ids[3]]
    assert len(pages) <= 6
    assert command_line.main(["runs", "--study", "s", "--limit", "2"]) == 0
    *_, last, more = capsys.readouterr().out.splitlines()
    assert last.startswith(ids[3][:8])
    assert more == "there are more: ferlab runs --study s --limit 0 lists all"
    assert command_line.main(["runs", "--study", "s", "--limit", "5"]) == 0
    assert "there are more" not in capsys.readouterr().out


def test_a_study_whose_run_is_deleted_says_so(client: MlflowClient) -> None:
    run_id = study(client, "s")
    mine = trial(client, "s", 0, accuracy=0.5)
    client.delete_run(run_id)
    with pytest.raises(TrackingError, match=f"'s' is deleted; .* --run-id {run_id} brings it"):
        find.resolve(client, "best:s")
    assert [e.run_id for e in find.list_entries(client, study="s")] == [mine]


def test_runs_beyond_a_page_and_in_every_experiment_are_found(
    client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "_PAGE", 2)
    ids = {record(client, experiment=f"e{i % 2}") for i in range(5)}
    assert {entry.run_id for entry in find.every(client)} == ids


def test_a_mistyped_study_or_the_beginning_of_an_id_reads_few_runs(
    client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    study(client, "faces")
    ids = {trial(client, "faces", number) for number in range(16)}
    read = reads.noted(monkeypatch)
    for ask in (find.best, lambda c, name: find.list_entries(c, study=name)):
        with pytest.raises(TrackingError, match="did you mean 'faces'"):
            ask(client, "facse")
    first = min(ids)[:1]
    assert set(find.ids_with(client, first)) >= {run for run in ids if run.startswith(first)}
    assert not ids & set(read)


def test_the_seeds_of_many_trials_are_read_together(
    client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One request a trial goes through the tags of all runs each time."""
    study(client, "s")
    ids = [seeds(client, "s", [0.4, 0.5 + i / 100], i) for i in range(8)]
    for run_id in ids:
        client.log_metric(run_id, "seeds", 2)
    lost = find.resolve(client, ids[2]).seeds[0].run_id
    client.delete_run(lost)
    asked = []
    once = store.runs_with

    def counted(*args: Any, **how: Any) -> Any:
        asked.append(args)
        return once(*args, **how)

    monkeypatch.setattr(store, "runs_with", counted)
    listed = find.list_entries(client, study="s")
    assert [len(entry.seeds) for entry in listed] == [2, 2, 2, 2, 2, 1, 2, 2]
    assert [entry.run_id for entry in listed] == ids[::-1]
    # The study, its trials, their seeds; and those of the trial that lacks some, and of the last,
    # whose seeds here begin when it has ended.
    assert len(asked) <= 5
