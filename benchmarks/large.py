"""What looks at a study takes at 10,000 trials, in a store of 30,000 runs.

Nothing is trained for them: two small sweeps are, and the rows of their runs are copied.
"""

import random
import sqlite3
import subprocess
import sys
import uuid
from datetime import timedelta

from optuna.distributions import distribution_to_json
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState

from ferlab import paths
from ferlab.sweep.studies import open_study

TRIALS = 10_000
RUNS = 30_000
MOST = 5.0
"""Seconds that each may take."""

SMALL = ("data.images=140", "trainer.max_epochs=2", "hydra/launcher=basic", "study.trials=3")
SPACE = ("optimizer.lr=tag(log, interval(0.01,0.3))", "optimizer.momentum=interval(0.5,0.95)")
_CREATE_TRIAL = 4


def fill() -> None:
    """Make two studies, ``large`` and ``seeds``, in ferlab's home; its store has `RUNS` runs."""
    more = (RUNS - TRIALS) // 3
    for name, trials, seeds in (("large", TRIALS, 1), ("seeds", more, 2)):
        command = [sys.executable, "-m", "ferlab", "train", "-m", f"study.name={name}", *SMALL]
        subprocess.run([*command, f"study.replicates={seeds}", *SPACE], check=True)
        copy_study(name, trials)


def copy_study(name: str, count: int) -> None:
    """Give a study so many trials, by copies of its complete ones with other scores."""
    study = open_study(name, None)
    patterns = study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])
    draw, logs = random.Random(0), []  # noqa: S311  no secret
    connection = sqlite3.connect(paths.home() / "mlflow.db")
    connection.execute("pragma synchronous=off")
    connection.execute("pragma cache_size=-1000000")  # KiB: the indices are written all over
    connection.execute("create temp table copies (old, new, parent, number, by_chance)")
    for number in range(len(study.get_trials(deepcopy=False)), count):
        pattern = patterns[number % len(patterns)]
        run_id, by_chance = uuid.uuid4().hex, draw.gauss(0, 0.02)
        logs.append(_created(pattern, run_id, number, by_chance, draw))
        _note_copies(connection, pattern.user_attrs["run_id"], run_id, number, by_chance)
    _copy_rows(connection)
    connection.commit()
    connection.close()
    JournalFileBackend(str(paths.home() / "studies" / f"{name}.log")).append_logs(logs)


def _created(
    pattern: FrozenTrial, run_id: str, number: int, by_chance: float, draw: random.Random
) -> dict[str, object]:
    """The line of the journal that adds a copy of a trial."""
    start = pattern.datetime_start
    end = pattern.datetime_complete
    assert start is not None and end is not None and pattern.value is not None  # noqa: S101  for the types
    params = {
        key: draw.uniform(d.low, d.high)  # type: ignore[attr-defined]
        for key, d in pattern.distributions.items()
    }
    later = timedelta(seconds=90 * number)
    return {
        "op_code": _CREATE_TRIAL,
        "worker_id": "copies",
        "study_id": 0,
        "state": TrialState.COMPLETE,
        "value": pattern.value + by_chance,
        "values": None,
        "datetime_start": (start + later).astimezone().isoformat(),
        "datetime_complete": (end + later).astimezone().isoformat(),
        "distributions": {k: distribution_to_json(d) for k, d in pattern.distributions.items()},
        "params": params,
        "user_attrs": {**pattern.user_attrs, "params": params, "run_id": run_id},
        "system_attrs": pattern.system_attrs,
        "intermediate_values": pattern.intermediate_values,
    }


def _note_copies(
    connection: sqlite3.Connection, old: str, new: str, number: int, by_chance: float
) -> None:
    """Note which run is to be copied as which, and so the runs of its seeds."""
    insert = "insert into copies values (?, ?, ?, ?, ?)"
    connection.execute(insert, (old, new, None, str(number), by_chance))
    seeds = "select run_uuid from tags where key = 'mlflow.parentRunId' and value = ?"
    for (seed,) in connection.execute(seeds, (old,)).fetchall():
        connection.execute(insert, (seed, uuid.uuid4().hex, new, str(number), by_chance))


def _copy_rows(connection: sqlite3.Connection) -> None:
    changed = {
        "value": "case key when 'ferlab.trial' then number"
        " when 'mlflow.parentRunId' then coalesce(parent, value) else value end",
        "scored": "case when key like 'best/%' then value + by_chance else value end",
    }
    for table in ("runs", "params", "tags", "latest_metrics", "metrics"):
        columns = [row[1] for row in connection.execute(f"pragma table_info({table})")]
        chosen = {"run_uuid": "new"}
        if table == "tags":
            chosen["value"] = changed["value"]
        elif "metrics" in table:
            chosen["value"] = changed["scored"]
        elif table == "runs":
            chosen |= {key: f"{key} + 90000 * number" for key in ("start_time", "end_time")}
        values = ", ".join(chosen.get(column, column) for column in columns)
        connection.execute(
            f"insert into {table} ({', '.join(columns)}) "  # noqa: S608  its own names
            f"select {values} from copies cross join {table} on run_uuid = old"
        )


if __name__ == "__main__":
    fill()
