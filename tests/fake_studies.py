"""Studies that were never run: tables of trials with drawn scores, for what shows a study."""

import math
import random
import statistics
from typing import Any

from ferlab.study.params import Choices, Domain, Params, Range
from ferlab.study.table import State, StudyTable, TrialRow

STAGES = ("[1]", "[2]", "[3]", "[1,2]", "[1,3]", "[2,3]", "all")
POSITIONS = ("conv", "pool", "dropout")


def row(number: int, value: float | None = None, **given: Any) -> TrialRow:
    """A trial; complete if it has a value."""
    state: State = "running" if value is None else "complete"
    start = 1.7e9 + 100 * number
    known: dict[str, Any] = {
        "state": state,
        "params": {"optimizer.lr": 0.1},
        "name": f"trial {number}",
        "values": None if value is None else (value,),
        "replicates": () if value is None else (value,),
        "epochs": {},
        "why": "",
        "run_id": f"{number:032x}",
        "started": start,
        "ended": None if value is None else start + 90,
    }
    return TrialRow(number=number, **{**known, **given})


def table(*rows: TrialRow, **given: Any) -> StudyTable:
    """A study of one objective, with as much budget as it has trials."""
    known: dict[str, Any] = {
        "study": "fake_study",
        "question": "Does it help?",
        "objectives": ("val/accuracy",),
        "minimised": (False,),
        "budget": len(rows),
        "epochs": 10,
        "replicates": 1,
        "images": 3589,
    }
    return StudyTable(rows=rows, **{**known, **given})


def study(
    trials: int, replicates: int = 1, objectives: int = 1, positions: bool = True, seed: int = 0
) -> StudyTable:
    """A search over the placement of attention, with pruned, failed and running trials."""
    rng = random.Random(seed)
    rows = [_drawn(i, trials, replicates, objectives, positions, rng) for i in range(trials)]
    return table(
        *rows,
        study="se_placement",
        objectives=("val/accuracy", "parameters", "latency")[:objectives],
        minimised=(False, True, True)[:objectives],
        budget=trials + 6,
        replicates=replicates,
        domains=_placed(positions),
    )


def _placed(positions: bool) -> dict[str, Domain]:
    domains: dict[str, Domain] = {
        "model.attention.kind": Choices(("none", "se")),
        "model.attention.reduction": Choices((2, 4, 8, 16, 32)),
        "model.attention.stages": Choices(STAGES),
    }
    if positions:
        domains["model.attention.position"] = Choices(POSITIONS)
    return {**domains, "optimizer.lr": Range(0.01, 0.32, log=True, continuous=True)}


def learning_rates(trials: int, replicates: int = 1) -> StudyTable:
    """A search over one number on a logarithmic scale."""
    rng = random.Random(trials)
    rates = [round(10 ** rng.uniform(-4, -0.5), 6) for _ in range(trials)]
    rows = [
        _scored(i, 0.62 - 0.03 * (math.log10(lr) + 1.5) ** 2, replicates, rng, {"optimizer.lr": lr})
        for i, lr in enumerate(rates)
    ]
    domains = {"optimizer.lr": Range(1e-4, 0.32, log=True, continuous=True)}
    return table(*rows, study="learning_rate", replicates=replicates, domains=domains)


def recipes(trials: int, replicates: int = 1) -> StudyTable:
    """A search over choices and numbers, one of which only some trials have."""
    rng = random.Random(trials + 1)
    rows = []
    for i in range(trials):
        params: Params = {
            "optimizer": rng.choice(("sgd", "adamw")),
            "trainer.batch_size": rng.choice((32, 64, 128, 256)),
            "model.dropout": round(rng.uniform(0, 0.5), 3),
            "trainer.max_epochs": rng.randint(3, 12),
        }
        if params["optimizer"] == "sgd":
            params["optimizer.momentum"] = round(rng.uniform(0.5, 0.99), 3)
        level = 0.62 - 0.05 * abs(float(params["model.dropout"] or 0) - 0.2)
        rows.append(_scored(i, level, replicates, rng, params))
    domains: dict[str, Domain] = {
        "optimizer": Choices(("sgd", "adamw")),
        "trainer.batch_size": Choices((32, 64, 128, 256)),
        "model.dropout": Range(0, 0.5, log=False, continuous=True),
        "trainer.max_epochs": Range(3, 12, log=False, continuous=False),
        "optimizer.momentum": Range(0.5, 0.99, log=False, continuous=True),
    }
    return table(*rows, study="recipes", replicates=replicates, domains=domains)


def optimizers(replicates: int = 1) -> StudyTable:
    """A choice of optimizer and schedule, with a baseline; every point is tried once."""
    rng = random.Random(replicates)
    kinds, schedules = ("sgd", "adamw"), ("constant", "cosine", "one_cycle", "plateau")
    points: list[Params] = [{"optimizer": k, "scheduler": s} for k in kinds for s in schedules]
    rows = [
        _scored(i, 0.6 + 0.012 * (point["scheduler"] == "one_cycle"), replicates, rng, point)
        for i, point in enumerate(points)
    ]
    return table(
        *rows,
        study="optimizers",
        replicates=replicates,
        domains={"optimizer": Choices(kinds), "scheduler": Choices(schedules)},
        baseline=points[0],
    )


def _scored(i: int, level: float, replicates: int, rng: random.Random, params: Params) -> TrialRow:
    """A trial that reaches about this level; one of five is pruned."""
    name = ", ".join(f"{key.rpartition('.')[2]} {value}" for key, value in params.items())
    epochs = {e: level * (1 - 0.6 * 0.6**e) + rng.gauss(0, 0.006) for e in range(1, 11)}
    if i > 2 and rng.random() < 0.2:
        cut = dict(list(epochs.items())[: rng.randint(1, 5)])
        return row(i, state="pruned", params=params, name=name, epochs=cut)
    scores = tuple(level + rng.gauss(0, 0.006) for _ in range(replicates))
    value = statistics.mean(scores)
    return row(i, value, params=params, name=name, epochs=epochs, replicates=scores)


def _drawn(
    i: int, trials: int, replicates: int, objectives: int, positions: bool, rng: random.Random
) -> TrialRow:
    params: Params = {"model.attention.kind": "none" if rng.random() < 0.12 else "se"}
    name = "compact"
    level = 0.6
    if params["model.attention.kind"] == "se":
        reduction, stages = rng.choice((2, 4, 8, 16, 32)), rng.choice(STAGES)
        params |= {"model.attention.reduction": reduction, "model.attention.stages": stages}
        name += f" se r{reduction} @{stages.strip('[]').replace(',', '+')}"
        position = rng.choice(POSITIONS)
        if positions:
            params["model.attention.position"] = position
            name += f" {position}"
        level += 0.012 * (position == "pool") + 0.004 * stages.count(",")
    params["optimizer.lr"] = round(10 ** rng.uniform(-2, -0.5), 4)
    level -= 0.03 * abs(float(params["optimizer.lr"] or 0) - 0.1) / 0.1
    epochs = {e: level * (1 - 0.6 * 0.6**e) + rng.gauss(0, 0.008) for e in range(1, 11)}
    scores = tuple(level + rng.gauss(0, 0.006) for _ in range(replicates))
    chance = rng.random()
    state: State = "complete"
    if i >= trials - 2 and trials > 6:
        state, epochs, scores = "running", dict(list(epochs.items())[:4]), ()
    elif chance < 0.25:
        state, scores = "pruned", ()
        epochs = dict(list(epochs.items())[: rng.randint(1, 8)])
    elif chance < 0.3:
        state, epochs, scores = "failed", {}, ()
    values = None
    if state == "complete":
        values = (statistics.mean(scores), rng.randint(530, 620) * 1000, rng.uniform(1, 3))
    return row(
        i,
        state=state,
        params=params,
        name=name,
        values=values and values[:objectives],
        replicates=scores,
        epochs=epochs,
        why="at epoch 4: val/accuracy 0.4121; median 0.5012" if state == "pruned" else "",
        ended=None if state == "running" else 1.7e9 + 100 * i + rng.uniform(40, 90),
    )
