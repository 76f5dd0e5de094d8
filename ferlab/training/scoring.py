"""A classifier's predictions on a split, in the precision in which scores are recorded."""

import numpy as np
import torch
from torch import nn

from ferlab.analysis.predictions import Predictions
from ferlab.data.batches import Batches
from ferlab.data.imageset import ImageSet, Split


def predict(
    classifier: nn.Module, images: ImageSet, batch_size: int, split: Split = Split.VAL
) -> Predictions:
    """Score a split's images as validation does: in float32, on the classifier's device."""
    device = next(classifier.parameters()).device
    index = images.indices(split)
    chosen = torch.from_numpy(images.images[index]).to(device)
    labels = images.labels[index]
    classifier.eval()
    with torch.inference_mode():
        logits = [
            classifier(batch)
            for batch, _ in Batches(chosen, torch.from_numpy(labels.astype(np.int64)), batch_size)
        ]
        probabilities = torch.cat(logits).float().softmax(dim=1).cpu().numpy()
    return Predictions(images.names[index], labels, probabilities)
