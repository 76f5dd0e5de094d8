"""The person and the picture: what varies between images but says nothing of expression.

Lengths are in units of half a face's height: in the face's own frame the eyes lie near y = -0.15,
the chin at y = 1, x points right and y down. Tones run from 0 (black) to 1 (white).
"""

import numpy as np
import numpy.typing as npt

from ferlab.data.faces.chance import triangular

RANGES: dict[str, tuple[float, float, float]] = {
    # the person
    "skin": (0.34, 0.7, 0.86),
    "hair": (0.03, 0.14, 0.62),
    "head_width": (0.66, 0.75, 0.84),
    "jaw_narrowing": (0.05, 0.2, 0.38),
    "hairline": (-0.98, -0.74, -0.6),
    "hair_parting": (-0.5, 0, 0.5),
    "hair_length": (-0.3, 0.1, 1.5),
    "eye_distance": (0.3, 0.35, 0.4),
    "eye_width": (0.15, 0.18, 0.21),
    "eye_opening": (0.055, 0.078, 0.1),
    "eye_slant": (-0.03, 0.005, 0.03),
    "iris": (0.08, 0.2, 0.45),
    "brow_height": (0.2, 0.25, 0.31),
    "brow_thickness": (0.022, 0.042, 0.066),
    "brow_arch": (0, 0.04, 0.09),
    "nose_length": (0.22, 0.3, 0.37),
    "nose_width": (0.09, 0.125, 0.17),
    "mouth_height": (0.54, 0.6, 0.66),
    "mouth_width": (0.24, 0.29, 0.35),
    "mouth_curve": (-0.035, 0, 0.035),
    "lip_thickness": (0.035, 0.062, 0.095),
    "age": (0, 0.2, 0.9),
    # the moment
    "brow_lopsidedness": (-0.5, 0, 0.5),
    "mouth_lopsidedness": (-0.5, 0, 0.5),
    "gaze": (-0.05, 0, 0.05),
    # the view: yaw and pitch as the nearest point's shift, roll as the tangent of half its angle
    "yaw": (-0.26, 0, 0.26),
    "pitch": (-0.14, 0, 0.14),
    "roll": (-0.14, 0, 0.14),
    "scale": (0.92, 1.06, 1.24),
    "offset_x": (-0.12, 0, 0.12),
    "offset_y": (-0.14, 0, 0.12),
    # the picture
    "backdrop": (0.02, 0.35, 0.98),
    "backdrop_slope": (-0.3, 0, 0.3),
    "light_x": (-0.55, 0, 0.55),
    "light_y": (-0.4, -0.15, 0.25),
    "exposure": (0.62, 1, 1.3),
    "contrast": (0.7, 1.15, 1.5),
    "blur": (0, 0.06, 0.3),
    "noise": (0.008, 0.02, 0.09),
    # what is in the way: where a hand or an object lies
    "cover_x": (-0.9, 0, 0.9),
    "cover_y": (-0.2, 0.9, 1.2),
    "cover_width": (0.15, 0.25, 0.5),
    "cover_tone": (0.1, 0.5, 0.9),
}
"""Trait -> lowest, most likely and highest value of its triangular distribution."""

CHANCES = {"glasses": 0.11, "moustache": 0.1, "beard": 0.12, "fringe": 0.2, "cover": 0.1}
"""Trait that a face has or has not -> its probability."""


def sample_traits(n: int, rng: np.random.Generator) -> dict[str, npt.NDArray[np.float64]]:
    """Draw n people, each seen once.

    Returns:
        trait -> values, shape (n,); a trait of `CHANCES` is 0 or 1.
    """
    traits = {name: triangular(rng, *limits, n) for name, limits in RANGES.items()}
    present = {name: (rng.random(n) < p).astype(float) for name, p in CHANCES.items()}
    return traits | present
