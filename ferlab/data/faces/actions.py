"""The facial actions that each expression is made of.

The actions are those of the Facial Action Coding System (Ekman and Friesen, 1978), whose number
follows each name; the prototypes follow its emotion tables. An intensity is 0 for a face at rest
and 1 for a strong action.
"""

import numpy as np
import numpy.typing as npt

from ferlab.data.faces.chance import triangular
from ferlab.data.imageset import EXPRESSIONS

ACTIONS = (
    "inner_brow_raise",  # 1
    "outer_brow_raise",  # 2
    "brow_lower",  # 4
    "upper_lid_raise",  # 5
    "cheek_raise",  # 6
    "lid_tighten",  # 7
    "nose_wrinkle",  # 9
    "upper_lip_raise",  # 10
    "lip_corner_pull",  # 12
    "lip_corner_depress",  # 15
    "chin_raise",  # 17
    "lip_stretch",  # 20
    "lip_tighten",  # 23
    "lips_part",  # 25
    "jaw_drop",  # 26
    "lid_droop",  # 43
)

PROTOTYPES: dict[str, tuple[dict[str, float], ...]] = {
    "angry": (
        {"brow_lower": 1, "upper_lid_raise": 0.4, "lid_tighten": 0.7, "lip_tighten": 0.9},
        {"brow_lower": 1, "lid_tighten": 0.6, "upper_lip_raise": 0.5, "lips_part": 0.7,
         "jaw_drop": 0.4, "nose_wrinkle": 0.2},
        {"brow_lower": 0.9, "lid_tighten": 0.5, "lip_corner_depress": 0.5, "chin_raise": 0.5},
    ),
    "disgust": (
        {"nose_wrinkle": 1, "upper_lip_raise": 0.8, "brow_lower": 0.5, "lid_tighten": 0.5},
        {"nose_wrinkle": 0.8, "upper_lip_raise": 0.7, "lip_corner_depress": 0.6,
         "chin_raise": 0.6, "lid_tighten": 0.4, "brow_lower": 0.3},
    ),
    "fear": (
        {"inner_brow_raise": 0.9, "outer_brow_raise": 0.4, "brow_lower": 0.4,
         "upper_lid_raise": 0.9, "lip_stretch": 0.9, "lips_part": 0.6},
        {"inner_brow_raise": 0.9, "outer_brow_raise": 0.5, "upper_lid_raise": 1,
         "lip_stretch": 0.7, "jaw_drop": 0.6, "lips_part": 0.5},
    ),
    "happy": (
        {"cheek_raise": 0.8, "lip_corner_pull": 0.9},
        {"cheek_raise": 0.9, "lip_corner_pull": 1, "lips_part": 0.8},
        {"cheek_raise": 1, "lip_corner_pull": 1, "lips_part": 0.8, "jaw_drop": 0.4},
    ),
    "neutral": ({},),
    "sad": (
        {"inner_brow_raise": 0.9, "brow_lower": 0.4, "lip_corner_depress": 0.9,
         "chin_raise": 0.4, "lid_droop": 0.4},
        {"inner_brow_raise": 0.8, "lip_corner_depress": 0.6, "lid_droop": 0.6,
         "chin_raise": 0.7},
    ),
    "surprise": (
        {"inner_brow_raise": 0.9, "outer_brow_raise": 1, "upper_lid_raise": 0.8,
         "lips_part": 0.6, "jaw_drop": 0.9},
        {"inner_brow_raise": 1, "outer_brow_raise": 1, "upper_lid_raise": 0.7,
         "lips_part": 0.5, "jaw_drop": 0.4},
    ),
}  # fmt: skip
"""The ways in which each expression is shown, as intensities of its actions at full strength."""


def sample_actions(
    labels: npt.NDArray[np.integer], rng: np.random.Generator
) -> dict[str, npt.NDArray[np.float64]]:
    """Draw one face's actions per label.

    A face shows a prototype of its expression at some strength, from faint to full; every action
    varies on its own, some stay out, and a trace of another expression blends in.

    Args:
        labels: shape (n,), indices into `EXPRESSIONS`.
        rng: the only source of randomness.

    Returns:
        action -> intensities, shape (n,), at least 0.
    """
    n = len(labels)
    shown = _prototype(labels, rng)
    strength = triangular(rng, 0.2, 0.8, 1.2, (n, 1))
    trace = _prototype(rng.integers(len(EXPRESSIONS), size=n), rng)
    mixed = shown * strength + trace * triangular(rng, 0, 0, 0.45, (n, 1))
    varied = mixed * triangular(rng, 0.4, 1, 1.6, mixed.shape)
    varied *= rng.random(mixed.shape) > 0.12
    restless = np.maximum(triangular(rng, -0.2, 0, 0.2, mixed.shape), 0)
    return dict(zip(ACTIONS, (varied + restless).T, strict=True))


def _prototype(
    labels: npt.NDArray[np.integer], rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """One prototype of each label's expression: (n,) -> (n, actions)."""
    counts = np.array([len(PROTOTYPES[name]) for name in EXPRESSIONS])
    table = np.array(
        [
            [prototype.get(action, 0) for action in ACTIONS]
            for name in EXPRESSIONS
            for prototype in PROTOTYPES[name]
        ]
    )
    first = np.cumsum(counts) - counts
    chosen: npt.NDArray[np.float64] = table[first[labels] + rng.integers(counts[labels])]
    return chosen
