"""Channel gates: by what an attention rescales each channel, and for which expressions."""

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ferlab.analysis.classification import Labels
from ferlab.models.attention import ChannelGated
from ferlab.models.classifier import Classifier, to_unit

_BATCH = 256
"""Images that are scored at once."""


@dataclass(frozen=True)
class Gates:
    """The gates of an attention, over some images.

    Attributes:
        place: where in the network it stands, for people to read: ``stage 3``.
        means: the mean gate of each channel over the images of each class, shape (k, C).
        shares: of each channel, which part of its gate's variance lies between the classes and not
            within them, in [0, 1], shape (C,); 0 where the gate does not vary.
        share: the same of all channels together.
        by_chance: what it is on average where the gates have nothing to do with the classes.
        images: how many there are.
    """

    place: str
    means: npt.NDArray[np.float64]
    shares: npt.NDArray[np.float64]
    share: float
    by_chance: float
    images: int

    @classmethod
    def of(
        cls, place: str, gates: npt.NDArray[np.float32], labels: Labels, classes: int
    ) -> "Gates":
        """Of the gates of each image, shape (n, C), and the images' classes, shape (n,)."""
        exact = gates.astype(np.float64)
        n = len(labels)
        counts = np.bincount(labels, minlength=classes)
        sums = np.zeros((classes, exact.shape[1]))
        np.add.at(sums, labels, exact)
        with np.errstate(invalid="ignore"):
            means = sums / counts[:, None]  # nan: a class without images
        between = np.nansum(counts[:, None] * (means - exact.mean(axis=0)) ** 2, axis=0)
        total = ((exact - exact.mean(axis=0)) ** 2).sum(axis=0)
        present = int((counts > 0).sum())
        return cls(
            place,
            means,
            np.divide(between, total, out=np.zeros_like(total), where=total > 0),
            float(between.sum() / total.sum()) if total.any() else 0.0,
            (present - 1) / max(1, n - 1),
            n,
        )

    @property
    def told(self) -> str:
        """How much the gates differ between expressions, in words."""
        return (
            f"{self.share:.1%} of the gates' variance lies between the expressions "
            f"({self.shares.max():.1%} in the channel where it is most); by chance it would be "
            f"{self.by_chance:.1%}"
        )

    def summary(self) -> dict[str, str | int | float]:
        """How much they differ, as plain data."""
        return {
            "place": self.place,
            "channels": len(self.shares),
            "between_classes": round(self.share, 4),
            "largest": round(float(self.shares.max()), 4),
            "by_chance": round(self.by_chance, 4),
        }


def gates_of(
    classifier: nn.Module, images: npt.NDArray[np.uint8], labels: Labels, classes: int
) -> list[Gates]:
    """The gates of every attention of a classifier that rescales channels, from its input on.

    Args:
        classifier: it is put into evaluation mode; of an ensemble, which has several networks,
            there are none.
        images: uint8, shape (n, 48, 48); each is scored alone, without other views.
        labels: their true classes, shape (n,).
        classes: k, how many there are.
    """
    if not isinstance(classifier, Classifier):
        return []
    found: dict[str, list[Tensor]] = {}

    def note(name: str, module: ChannelGated, maps: Tensor) -> None:
        found.setdefault(name, []).append(module.channel_gate(maps).float().cpu())

    hooks = [
        module.register_forward_pre_hook(
            lambda module, given, name=name: note(name, module, given[0])
        )
        for name, module in classifier.network.named_modules()
        if isinstance(module, nn.Module) and isinstance(module, ChannelGated)
    ]
    device = next(classifier.parameters()).device
    classifier.eval()
    try:
        with torch.inference_mode():
            for batch in torch.split(torch.from_numpy(images), _BATCH):
                classifier.score(to_unit(batch.to(device)))
    finally:
        for hook in hooks:
            hook.remove()
    return [
        Gates.of(place, torch.cat(gates).numpy(), labels, classes)
        for place, gates in zip(_places(list(found)), found.values(), strict=True)
    ]


def _places(names: Sequence[str]) -> list[str]:
    """Modules' names for people: ``stages.3.4`` is stage 3; several in a stage are numbered."""
    stages = [re.match(r"stages\.(\d+)\b", name) for name in names]
    plain = [f"stage {m[1]}" if m else name for m, name in zip(stages, names, strict=True)]
    many, so_far = Counter(plain), Counter[str]()
    places = []
    for place in plain:
        so_far[place] += 1
        places.append(f"{place}, no. {so_far[place]}" if many[place] > 1 else place)
    return places


def gates_table(found: Sequence[Gates], classes: Sequence[str]) -> str:
    """A CSV with a row for each channel: its place, its share, and its mean gate by class."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["place", "channel", "between_classes", *classes])
    for gates in found:
        for channel, (share, means) in enumerate(zip(gates.shares, gates.means.T, strict=True)):
            row = (f"{value:.4f}" for value in (share, *means))
            writer.writerow([gates.place, channel, *row])
    return text.getvalue()
