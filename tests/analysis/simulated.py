"""Simulated studies whose truth is known.

An image is read correctly where ``bias + class + image + arm's view of the image + seed + noise``
is positive, all but the first two normal. Images differ in difficulty for both arms alike, each
arm has its own view of an image under all seeds, and each seed makes an arm better or worse.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from ferlab.analysis.classification import Floats, Labels
from ferlab.analysis.comparison.seeded import SeededPredictions

IMAGES = 3589
"""As in FER2013's test split."""

CLASSES = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")
SHARES = np.array([491, 55, 528, 879, 626, 594, 416]) / IMAGES
EASE = np.array([-0.3, -0.5, -0.8, 1.4, 0.2, -0.5, 1.0])

DIFFICULTY, NOISE = 2.0, 1.0


@dataclass(frozen=True)
class Truth:
    """What is simulated.

    Attributes:
        seeds: of each arm.
        seed_spread: standard deviation between seeds, of an accuracy, about.
        view: spread of each arm's own view of the images; 0 for identical configurations.
        gain: of the arm over the baseline, on the scale of ``bias``.
        classes: 7 as in FER2013; 2 for a faster study in which label 0 is read or not.
        images: of the test split.
        bias: of the baseline.
    """

    seeds: int
    seed_spread: float = 0.005
    view: float = 0.5
    gain: float = 0.0
    classes: int = 7
    images: int = IMAGES
    bias: float = 0.8

    @property
    def ease(self) -> Floats:
        return EASE if self.classes == 7 else np.zeros(1)

    @property
    def shares(self) -> Floats:
        return SHARES if self.classes == 7 else np.ones(1)

    @property
    def spread(self) -> float:
        """Of everything that differs between images, for one run."""
        return float(np.sqrt(DIFFICULTY**2 + self.view**2 + NOISE**2))

    @property
    def seed_effect(self) -> float:
        """The seeds' standard deviation on the scale of ``bias``."""
        return self.seed_spread * self.spread / 0.35  # 0.35: the normal density thereabouts

    def difference(self, metric: str) -> float:
        """The true one, over all seeds and images that there could be."""
        nodes, weights = np.polynomial.hermite_e.hermegauss(20)
        means = [
            np.average([self._score(metric, bias + self.seed_effect * x) for x in nodes], axis=0,
                       weights=weights)
            for bias in (self.bias + self.gain, self.bias)
        ]  # fmt: skip
        return float(means[0] - means[1])

    def _score(self, metric: str, bias: float) -> float:
        recall = norm.cdf((bias + self.ease) / self.spread)
        if metric == "accuracy":
            return float(recall @ self.shares)
        missed = self.shares * (1 - recall) / (self.classes - 1)  # goes to each other class
        guessed = self.shares * recall + missed.sum() - missed
        return float((2 * self.shares * recall / (self.shares + guessed)).mean())

    def studies(
        self, count: int, arms: int = 1, seed: int = 0
    ) -> Iterator[list[SeededPredictions]]:
        """That many studies: the baseline, then its arms."""
        rng = np.random.default_rng([seed, self.seeds, self.classes])
        names = np.array([f"{i:04}.png" for i in range(self.images)])
        seeds, classes = tuple(range(self.seeds)), CLASSES[: self.classes]
        for _ in range(count):
            labels = rng.choice(len(self.shares), self.images, p=self.shares)
            difficulty = DIFFICULTY * rng.standard_normal(self.images, np.float32)
            biases = {"baseline": self.bias}
            biases |= {f"arm {i}": self.bias + self.gain for i in range(arms)}
            yield [
                SeededPredictions(
                    name, seeds, classes, names, labels, self._predict(rng, labels, difficulty, b)
                )
                for name, b in biases.items()
            ]

    def _predict(
        self,
        rng: np.random.Generator,
        labels: Labels,
        difficulty: Floats,
        bias: float,
    ) -> Labels:
        shape = self.seeds, self.images
        seen = bias + self.ease[labels] + difficulty + self.view * rng.standard_normal(self.images)
        of_seeds = self.seed_effect * rng.standard_normal((self.seeds, 1))
        right = seen + of_seeds + NOISE * rng.standard_normal(shape, np.float32) > 0
        if self.classes == 2:
            return (~right).astype(np.int64)
        wrong = (labels + rng.integers(1, self.classes, shape)) % self.classes
        return np.where(right, labels, wrong)
