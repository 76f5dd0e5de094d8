"""Parts of a recipe in whole runs: each changes a run, and with each a run resumes."""

from collections.abc import Mapping

import pytest
import torch

from ferlab.config.compose import compose
from ferlab.data import faces
from ferlab.errors import ConfigError, RunEnded
from ferlab.training.assemble import make_module
from ferlab.training.run import resume, train
from tests.conftest import TINY
from tests.training.runs import client

PARTS = (
    ["trainer.resolutions=[24,32,48]"],
    ["augmentation.mixup=0.4", "augmentation.cutmix=1.0"],
    ["augmentation.crop=4", "augmentation.erase=0.5"],
    ["trainer.skip_easy=0.6"],
    ["trainer.skip_easy=0.6", "trainer.sampling=balanced", "trainer.ema=0.9"],
)


@pytest.mark.slow
@pytest.mark.usefixtures("made_store", "no_pictures")
@pytest.mark.parametrize("part", PARTS, ids=" ".join)
def test_a_run_resumes_to_the_same_bits(part: list[str]) -> None:
    config = compose([*TINY, *part])
    whole = train(config)

    def end(epoch: int, metrics: Mapping[str, float]) -> None:
        del metrics
        raise RuntimeError(f"after epoch {epoch}")

    with pytest.raises(RunEnded, match="after epoch 1") as ended:
        train(config, report=end)
    assert resume(ended.value.run_id).predictions.digest == whole.predictions.digest
    assert train(compose(TINY)).predictions.digest != whole.predictions.digest


@pytest.mark.slow
@pytest.mark.usefixtures("made_store", "no_pictures")
def test_a_run_tells_the_size_of_its_images_where_it_changes() -> None:
    told = [
        [metric.value for metric in client().get_metric_history(train(config).run_id, "resolution")]
        for config in (compose([*TINY, "trainer.resolutions=[24,32,48]"]), compose(TINY))
    ]
    assert told == [[24, 32, 48], []]


def test_a_mixed_step_trains_on_both_targets_and_counts_the_larger() -> None:
    config = compose([*TINY, "augmentation=none", "augmentation.mixup=1.0"])
    module = make_module(config, faces.draw(280), (0.5, 0.25), ())
    module.configure_optimizers()
    module.eval()
    pixels, labels = next(iter(module.train_dataloader()))
    torch.manual_seed(1)
    loss = module.training_step((pixels, labels), 9)
    torch.manual_seed(1)
    views, targets = module.mix(pixels[:, None] / 255, labels)
    logits = module.classifier.score(views).detach()
    by_hand = -(targets * logits.log_softmax(dim=1)).sum(dim=1).mean()
    assert loss.item() == pytest.approx(by_hand.item())
    right = (logits.argmax(dim=1) == targets.argmax(dim=1)).float().mean()
    assert module.train_metrics["accuracy"].compute().item() == pytest.approx(right.item())


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("augmentation.mixup=-1", "augmentation.mixup: should be greater than or equal to 0"),
        ("augmentation.cutmix=1e9", "augmentation.cutmix: should be less than or equal to 100"),
        ("augmentation.crop=0.1", "augmentation.crop: should be a valid integer, not 0.1"),
        ("augmentation.crop=40", "augmentation.crop: should be less than or equal to 24"),
    ],
)
def test_a_value_that_cannot_be_is_refused(override: str, line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        compose([override])
    assert line in str(caught.value)
