"""Learning rates over a run."""

import pytest
import torch

from ferlab.training import schedule


def rates(make: str, steps: int, **arguments: float) -> list[float]:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=2.0)
    scheduler = getattr(schedule, make)(optimizer, steps, **arguments)
    seen = []
    for _ in range(steps):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return seen


def test_one_cycle_rises_linearly_and_falls_to_its_end() -> None:
    seen = rates("one_cycle", 100, warmup=0.25, start=0.1, end=0.01)
    assert seen[0] == pytest.approx(0.2)
    assert seen[25] == pytest.approx(2.0)
    assert max(seen) == seen[25]
    assert seen[12] - seen[11] == pytest.approx(seen[1] - seen[0])
    assert seen[-1] == pytest.approx(0.02)


def test_cosine_is_half_way_in_the_middle() -> None:
    seen = rates("cosine", 101, end=0.0)
    assert (seen[0], seen[50]) == (2.0, pytest.approx(1.0))
    assert seen[-1] == pytest.approx(0.0, abs=1e-9)


def test_linear_rises_and_falls_in_straight_lines() -> None:
    seen = rates("linear", 101, warmup=0.2, start=0.1, end=0.5)
    assert seen[0] == pytest.approx(0.2)
    assert seen[10] == pytest.approx((0.2 + 2.0) / 2)
    assert seen[20] == pytest.approx(2.0)
    assert seen[60] == pytest.approx(1.5)
    assert seen[-1] == pytest.approx(1.0)


def test_one_cycle_is_also_a_warm_up_with_a_cosine_to_nothing() -> None:
    seen = rates("one_cycle", 120, warmup=20 / 120, start=0.1, end=0.0)
    assert seen[20:] == pytest.approx(rates("cosine", 100, end=0.0))


def test_constant_stays() -> None:
    assert set(rates("constant", 5)) == {2.0}


def test_plateau_decays_when_the_loss_stalls() -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=2.0)
    scheduler = schedule.plateau(optimizer, 10, factor=0.5, patience=1)
    for loss in (1.0, 1.0, 1.0):
        scheduler.step(loss)
    assert optimizer.param_groups[0]["lr"] == 1.0
