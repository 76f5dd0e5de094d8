"""Attribution maps: they follow the weights and the pixels that are seen, and leave no trace."""

from collections.abc import Callable

import pytest
import torch
from scipy.stats import spearmanr
from torch import Tensor, nn

from ferlab import paths
from ferlab.config.attention import KINDS
from ferlab.config.compose import compose
from ferlab.data import faces
from ferlab.errors import ConfigError, DataError
from ferlab.models.classifier import Classifier, build
from ferlab.models.ensemble import Ensemble
from ferlab.use.explain import attribution
from ferlab.use.explain.attribution import METHODS, attribute, last_maps

every_method = pytest.mark.parametrize("method", METHODS)
PRESETS = sorted(path.stem for path in (paths.shipped() / "conf" / "model").glob("*.yaml"))


def tiny(seed: int, *overrides: str, views: str = "one") -> Classifier:
    torch.manual_seed(seed)
    widths = (f"model.stages.{i}.widths=[{width}]" for i, width in enumerate((8, 8, 16, 16)))
    model = compose(["model=tiny", *widths, *overrides]).model.network()
    return build(model, 0.5, 0.25, views).eval()


@pytest.fixture(autouse=True)
def few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """An integral of many steps is no more right or wrong here."""
    monkeypatch.setattr(attribution, "STEPS", 6)


@pytest.fixture(scope="module")
def shown() -> tuple[Tensor, Tensor]:
    """Drawn faces, and what they express."""
    drawn = faces.draw(280)
    return torch.tensor(drawn.images[:8]), torch.tensor(drawn.labels[:8]).long()


@pytest.fixture(scope="module")
def trained(shown: tuple[Tensor, Tensor]) -> Classifier:
    """A network that has learnt the faces by heart."""
    classifier = tiny(0).train()
    optimizer = torch.optim.AdamW(classifier.parameters(), lr=0.01)
    for _ in range(30):
        optimizer.zero_grad()
        nn.functional.cross_entropy(classifier(shown[0]), shown[1]).backward()
        optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    with torch.no_grad():
        assert (classifier.eval()(shown[0]).argmax(dim=1) == shown[1]).float().mean() > 0.9
    return classifier


def correlation(one: Tensor, other: Tensor) -> float:
    """The mean rank correlation of two maps of the same image, where neither is 0 everywhere."""
    pairs = [
        (a.flatten(), b.flatten()) for a, b in zip(one, other, strict=True) if a.any() and b.any()
    ]
    assert len(pairs) > len(one) / 2
    return sum(spearmanr(*pair).statistic for pair in pairs) / len(pairs)


@every_method
def test_a_map_is_a_share_of_each_pixel_and_the_same_each_time(
    trained: Classifier,
    shown: tuple[Tensor, Tensor],
    method: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    maps = attribute(trained, *shown, method)
    assert maps.shape == shown[0].shape
    assert maps.dtype == torch.float32
    assert not maps.requires_grad
    assert (maps >= 0).all()
    sums = maps.sum(dim=(1, 2))
    assert (torch.isclose(sums, torch.tensor(1.0), atol=1e-4) | (sums == 0)).all()
    assert (sums > 0).float().mean() > 0.8
    assert torch.equal(maps, attribute(trained, *shown, method))
    # Each image by itself, whatever stands beside it.
    monkeypatch.setattr(attribution, "BATCH", 3)
    torch.testing.assert_close(attribute(trained, *shown, method), maps, rtol=1e-3, atol=1e-6)
    assert attribute(trained, shown[0][:0], shown[1][:0], method).shape == (0, 48, 48)


@every_method
def test_it_leaves_no_trace(trained: Classifier, shown: tuple[Tensor, Tensor], method: str) -> None:
    before = {name: value.clone() for name, value in trained.state_dict().items()}
    images = shown[0].clone()
    with torch.no_grad():  # a caller who computes no gradients need not know
        attribute(trained.train(), *shown, method)
    assert not any(module.training for module in trained.modules())
    assert all(parameter.grad is None for parameter in trained.parameters())
    assert all(parameter.requires_grad for parameter in trained.parameters())
    assert not any(module._forward_hooks for module in trained.modules())
    assert all(torch.equal(value, before[key]) for key, value in trained.state_dict().items())
    assert torch.equal(shown[0], images)


@every_method
def test_it_follows_the_weights(
    trained: Classifier, shown: tuple[Tensor, Tensor], method: str
) -> None:
    """Adebayo et al. 2018, "Sanity Checks for Saliency Maps": edges would be there without any."""
    of_trained = attribute(trained, *shown, method)
    assert correlation(of_trained, of_trained) == pytest.approx(1)
    assert correlation(of_trained, attribute(tiny(1), *shown, method)) < 0.5


@every_method
def test_it_follows_the_class(
    trained: Classifier, shown: tuple[Tensor, Tensor], method: str
) -> None:
    other = attribute(trained, shown[0], (shown[1] + 1) % 7, method)
    assert correlation(attribute(trained, *shown, method), other) < 0.9


class Patch(nn.Module):
    """Lets a network see a part of each image alone."""

    def forward(self, images: Tensor) -> Tensor:
        mask = torch.zeros(48, 48)
        mask[24:40, 4:20] = 1
        return images * mask


@every_method
def test_it_lies_where_the_network_can_see(shown: tuple[Tensor, Tensor], method: str) -> None:
    torch.manual_seed(0)
    layers = (nn.Conv2d(1, 8, 3, 2, 1, bias=False), nn.ReLU(), nn.Conv2d(8, 8, 3, 2, 1, bias=False))
    head = (nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 7))
    maps = attribute(Classifier(nn.Sequential(Patch(), *layers, *head), 0.5, 0.25), *shown, method)
    maps = maps[maps.sum(dim=(1, 2)) > 0]
    assert len(maps) > len(shown[0]) / 2
    in_patch = maps[:, 24:40, 4:20].sum(dim=(1, 2))
    if method == "grad_cam":  # its 12x12 places see 3 pixels beyond themselves, and are enlarged
        assert in_patch.mean() > 0.5  # the patch is a ninth of the image
        in_patch = maps[:, 16:48, :28].sum(dim=(1, 2))
    torch.testing.assert_close(in_patch, torch.ones(len(maps)))


@pytest.mark.parametrize("preset", PRESETS)
def test_every_network_is_explained(preset: str, shown: tuple[Tensor, Tensor]) -> None:
    torch.manual_seed(0)
    classifier = build(compose([f"model={preset}"]).model.network(), 0.5, 0.25)
    images, classes = shown[0][:1], shown[1][:1]
    for method in ("grad_cam", "saliency"):  # integrated gradients are saliency at many points
        maps = attribute(classifier, images, classes, method)
        assert maps.shape == (1, 48, 48)
        assert torch.isfinite(maps).all()
    made: list[torch.Size] = []
    last = last_maps(classifier.network, torch.zeros(1, 1, 48, 48))
    last.register_forward_hook(lambda *call: made.append(call[2].shape))
    with torch.no_grad():
        classifier(images)
    assert made[0][1] > 1
    assert made[0][2] == made[0][3] >= 3  # of fewer places no map can be made


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("position", ["conv", "pool", "dropout"])
def test_every_attention_is_part_of_it(
    kind: str, position: str, shown: tuple[Tensor, Tensor]
) -> None:
    attention = (f"model.attention.kind={kind}", f"model.attention.position={position}")
    pooled = tiny(0, *attention, "model.attention.reduction=2", "model.stages.3.pool=2")
    assert attribute(pooled, *shown, "grad_cam").sum() > 0
    # Before the pooling in the last stage, where there are four times as many places.
    last = last_maps(pooled.network, torch.zeros(1, 1, 48, 48))
    assert last is pooled.network.get_submodule(
        "stages.4.3" if position == "conv" else "stages.4.2"
    )


@every_method
def test_of_several_views_the_image_alone_is_explained(
    shown: tuple[Tensor, Tensor], method: str
) -> None:
    one, many = (tiny(0, views=views) for views in ("one", "ten_crop"))
    assert torch.equal(*(attribute(each, *shown, method) for each in (one, many)))


@every_method
def test_members_of_an_ensemble_count_alike(shown: tuple[Tensor, Tensor], method: str) -> None:
    one, loud = tiny(0), tiny(1)
    with torch.no_grad():
        loud.network.head[-1].weight.mul_(100)  # its gradients are as much larger
    maps = attribute(Ensemble([one, loud]), *shown, method)
    alone = torch.stack([attribute(each, *shown, method) for each in (one, loud)])
    both = (alone.sum(dim=(2, 3)) > 0).all(dim=0)
    assert both.any()
    torch.testing.assert_close(maps[both], alone.mean(dim=0)[both], rtol=1e-3, atol=1e-7)


def test_integrated_gradients_add_up_to_the_logits() -> None:
    """Completeness, where all evidence is for the class: of a linear network it is exact."""
    classifier = Classifier(nn.Sequential(nn.Flatten(), nn.Linear(48 * 48, 2)), 0.5, 0.25)
    images = torch.randint(0, 256, (3, 48, 48), dtype=torch.uint8)
    maps = attribute(classifier, images, torch.tensor([0, 1, 0]), "integrated_gradients")
    pixels = images / 255
    weights = classifier.network[1].weight[[0, 1, 0]].detach().view(3, 48, 48)
    expected = (weights * (pixels - pixels.mean(dim=(1, 2), keepdim=True))).abs()
    torch.testing.assert_close(maps, expected / expected.sum(dim=(1, 2), keepdim=True))


class OneReLU(nn.Module):
    """One module for all places, as in a network of a user's own."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 8, 3, padding=1)
        self.relu, self.dense = nn.ReLU(), nn.Linear(8, 7)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.relu(self.second(self.relu(self.first(images))))
        return self.dense(self.relu(maps.mean(dim=(2, 3))))


def test_a_module_may_be_called_more_than_once(shown: tuple[Tensor, Tensor]) -> None:
    network = OneReLU()
    assert last_maps(network, torch.zeros(1, 1, 48, 48)) is network.second
    assert attribute(Classifier(network, 0.5, 0.25), *shown, "grad_cam").sum() > 0


def linear() -> Classifier:
    return Classifier(nn.Sequential(nn.Flatten(), nn.Linear(48 * 48, 7)), 0.5, 0.25)


@pytest.mark.parametrize(
    ("make", "images", "method", "error", "words"),
    [
        (nn.Flatten, (2, 48, 48), "saliency", DataError, "a Flatten cannot be explained"),
        (linear, (2, 48, 48), "lime", ConfigError, "'lime'; there are grad_cam, integrated_gr"),
        (linear, (2, 48, 48), "grad_cam", DataError, "no convolution"),
        (linear, (2, 1, 48, 48), "saliency", DataError, r"shape \(n, 48, 48\), not torch.uint8 of"),
        (linear, (3, 48, 48), "saliency", DataError, "3 images and classes of shape"),
    ],
)
def test_what_cannot_be_explained_is_told(
    make: Callable[[], nn.Module],
    images: tuple[int, ...],
    method: str,
    error: type[Exception],
    words: str,
) -> None:
    shown = torch.zeros(images, dtype=torch.uint8)
    with pytest.raises(error, match=words):
        attribute(make(), shown, torch.zeros(2, dtype=torch.long), method)
