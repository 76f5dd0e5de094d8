"""Images/s of a network in torch and in ONNX files: ``python -m benchmarks.exported RUN FILE...``.

One thread, images of chance, batches of 1 and of 64, all in turn and for several rounds; seconds are
of the process's CPU time, so that what else the machine does counts less.
"""

import argparse
import statistics
import time
from pathlib import Path

import numpy as np
import torch

from ferlab.use.model import Calibrated, load_named
from ferlab.use.onnx.model import OnnxModel
from ferlab.use.reader import Scorer

ROUNDS = 15
SECONDS = 0.5


def images_per_second(model: Scorer, batch: int) -> float:
    images = np.random.default_rng(0).integers(0, 256, (batch, 48, 48), dtype=np.uint8)
    model.probabilities(images)
    scored, started = 0, time.process_time()
    while (taken := time.process_time() - started) < SECONDS:
        model.probabilities(images)
        scored += batch
    return scored / taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run")
    parser.add_argument("files", type=Path, nargs="+")
    args = parser.parse_args()
    torch.set_num_threads(1)
    models: dict[str, Scorer] = {"torch": load_named(args.run).model}
    for path in args.files:
        model = OnnxModel.read(path, threads=1)
        models[path.name] = Calibrated(model, model.temperature or 1.0)  # as the run's model is
    for batch in (1, 64):
        rounds = [
            {name: images_per_second(model, batch) for name, model in models.items()}
            for _ in range(ROUNDS)
        ]
        for name in models:
            speeds = [each[name] for each in rounds]
            ratios = [each[name] / each["torch"] for each in rounds]
            print(
                f"batch {batch:2} {name}: {statistics.median(speeds):,.0f} images/s "
                f"({min(speeds):,.0f}-{max(speeds):,.0f}), {statistics.median(ratios):.2f} times "
                f"torch ({min(ratios):.2f}-{max(ratios):.2f})"
            )


if __name__ == "__main__":
    main()
