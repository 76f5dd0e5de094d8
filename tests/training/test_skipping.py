"""InfoBatch: which images an epoch skips, and how the others count for them."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from ferlab.config.compose import compose
from ferlab.errors import ConfigError
from ferlab.training.recipe.skipping import SkipEasy, skipped_after
from ferlab.training.run import train
from tests.conftest import TINY
from tests.training.runs import client

EASY, HARD, NEW = range(60), range(60, 90), range(90, 100)


def skipping(probability: float, epochs: int = 800) -> SkipEasy:
    """Of 100 images: 60 easy, 30 hard, 10 that have not been trained."""
    skip = SkipEasy(100, probability, epochs)
    skip.losses[EASY] = 0.5
    skip.losses[HARD] = 2.0
    return skip


def test_easy_images_are_left_out_by_chance_and_others_never() -> None:
    skip, order = skipping(0.3), torch.arange(100).flip(0)
    kept = [skip.kept(order, seed=1, epoch=epoch) for epoch in range(400)]
    often = torch.bincount(torch.cat(kept), minlength=100) / 400
    assert (often[60:] == 1).all()
    assert often[:60].mean().item() == pytest.approx(0.7, abs=0.01)
    assert (often[:60] - 0.7).abs().max() < 0.1
    assert all((one.diff() < 0).all() for one in kept), "the order stays"


def test_an_epochs_choice_depends_on_seed_and_epoch_alone() -> None:
    order = torch.arange(100)
    first = skipping(0.5).kept(order, seed=1, epoch=3)
    torch.manual_seed(9)
    assert torch.equal(skipping(0.5).kept(order, seed=1, epoch=3), first)
    assert not torch.equal(skipping(0.5).kept(order, seed=1, epoch=4), first)
    assert not torch.equal(skipping(0.5).kept(order, seed=2, epoch=3), first)


def test_the_first_epoch_and_the_last_eighth_see_all_images() -> None:
    order, fresh = torch.arange(100), SkipEasy(100, 0.9, epochs=16)
    assert torch.equal(fresh.kept(order, seed=0, epoch=0), order)
    skip = skipping(0.9, epochs=16)
    counts = [len(skip.kept(order, seed=0, epoch=epoch)) for epoch in (13, 14, 15)]
    assert counts[0] < 60
    assert counts[1:] == [100, 100]
    logits = torch.zeros(100, 7, requires_grad=True)
    skip.weigh(logits, torch.zeros(100, dtype=torch.int64), order)
    logits.sum().backward()
    assert logits.grad is not None
    assert (logits.grad == 1).all(), "and none counts for others"


@pytest.mark.parametrize("soft", [False, True])
def test_kept_easy_images_count_for_those_that_are_left_out(soft: bool) -> None:
    skip = skipping(0.75)
    images = torch.tensor([3, 70, 95])  # easy, hard, new
    skip.kept(images, seed=0, epoch=0)
    logits, targets = torch.randn(3, 7, requires_grad=True), torch.tensor([0, 1, 2])
    given = torch.eye(7)[targets] if soft else targets
    plain = torch.autograd.grad(cross_entropy(logits, given), logits)[0]
    skip.weigh(logits, given, images)
    weighed = torch.autograd.grad(cross_entropy(logits, given), logits)[0]
    torch.testing.assert_close(weighed, plain * torch.tensor([4.0, 1.0, 1.0])[:, None])
    expected = -logits.detach().log_softmax(dim=1)[range(3), targets]
    torch.testing.assert_close(skip.losses[images], expected)
    assert skip.easy[3], "what is easy is decided as the epoch begins"


def test_an_epochs_gradient_is_that_of_all_images_in_expectation() -> None:
    skip, order = skipping(0.5), torch.arange(100)
    shares = []
    for epoch in range(600):
        kept = skip.kept(order, seed=0, epoch=epoch)
        shares.append(torch.where(skip.easy[kept], 2.0, 1.0).sum())
    assert torch.stack(shares).mean().item() == pytest.approx(100, abs=1)


@pytest.mark.parametrize(("taken", "due"), [(1, 5), (3, 7), (4, 4), (5, 6)])
def test_skipped_steps_are_spread_over_those_that_are_taken(taken: int, due: int) -> None:
    after = [skipped_after(step, taken, due) for step in range(taken)]
    assert sum(after) + taken == due
    assert max(after) - min(after) <= 1


@pytest.mark.slow
@pytest.mark.usefixtures("made_store", "no_pictures")
@pytest.mark.parametrize("schedule", ["one_cycle", "cosine", "plateau"])
def test_a_schedule_comes_to_its_end_whatever_is_skipped(schedule: str) -> None:
    config = [*TINY, f"scheduler={schedule}", "trainer.max_epochs=5", "trainer.batch_size=16"]
    plain = train(compose(config))
    skipped = train(compose([*config, "trainer.skip_easy=0.8"]))

    def told(run_id: str, name: str) -> list[float]:
        return [metric.value for metric in client().get_metric_history(run_id, name)]

    assert told(skipped.run_id, "lr") == told(plain.run_id, "lr")
    first, *middle, last = told(skipped.run_id, "skipped")
    assert (first, last) == (0, 0)
    assert all(0.2 < share < 0.7 for share in middle)
    assert not told(plain.run_id, "skipped")


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        (["trainer.skip_easy=1.0"], "trainer.skip_easy: should be less than 1, not 1.0"),
        (
            ["trainer.skip_easy=0.5", "augmentation.mixup=0.2"],
            "trainer.skip_easy: a mixed image has no loss of its own; "
            "leave out augmentation.mixup and cutmix",
        ),
    ],
)
def test_what_cannot_be_is_refused(overrides: list[str], line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        compose(overrides)
    assert str(caught.value) == f"config: {line}"
