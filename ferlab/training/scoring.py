"""A classifier's predictions on a split, in the precision in which scores are recorded."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from ferlab.analysis.predictions import Predictions
from ferlab.data.batches import Batches
from ferlab.data.imageset import ImageSet, Split
from ferlab.models.classifier import Classifier


def predict(
    classifier: nn.Module, images: ImageSet, batch_size: int, split: Split = Split.VAL
) -> Predictions:
    """Score a split's images as validation does: in float32, on the classifier's device."""
    return _predict(classifier, images, batch_size, split, lambda batch: (classifier(batch),))[0]


def predict_with_and_without_views(
    classifier: Classifier, images: ImageSet, batch_size: int, split: Split
) -> tuple[Predictions, Predictions]:
    """The same, over the classifier's views and of the images alone."""
    both = _predict(classifier, images, batch_size, split, classifier.with_and_without_views)
    return both[0], both[1]


def _predict(
    classifier: nn.Module,
    images: ImageSet,
    batch_size: int,
    split: Split,
    score: Callable[[Tensor], Sequence[Tensor]],
) -> list[Predictions]:
    """Predictions by each of the logits that scoring a batch comes to."""
    device = next(classifier.parameters()).device
    index = images.indices(split)
    chosen = torch.from_numpy(images.images[index]).to(device)
    labels = images.labels[index]
    classifier.eval()
    with torch.inference_mode():
        scored = [
            score(batch)
            for batch, _ in Batches(chosen, torch.from_numpy(labels.astype(np.int64)), batch_size)
        ]
        logits = [torch.cat(batches).float() for batches in zip(*scored, strict=True)]
        probabilities = [each.softmax(dim=1).cpu().numpy() for each in logits]
    return [Predictions(images.names[index], labels, each) for each in probabilities]
