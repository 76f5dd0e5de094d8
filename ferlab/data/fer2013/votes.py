"""From the votes of ten taggers to one class, or to a probability of each, as FER+ defines it.

Source: Barsoum et al. 2016, "Training Deep Networks for Facial Expression Recognition with
Crowd-Sourced Label Distribution", and the code at github.com/microsoft/FERPlus.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

COLUMNS = (
    *("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt"),
    *("unknown", "nf"),
)
"""What is voted for, in the order of the votes: eight emotions, "unknown", and "not a face"."""

EMOTIONS = 8
"""How many of `COLUMNS` are emotions."""

_AGREED = 0.75
"""Share of the votes at which no rarer emotion is added."""

_MOST = 3
"""Largest number of emotions that an image is taken to show."""

Votes = npt.NDArray[np.int64]
"""Number of votes for each of `COLUMNS`, shape (n, 10)."""


def agreed(votes: Votes) -> npt.NDArray[np.bool_]:
    """Whether one emotion has more than half of the votes, single votes set aside; shape (n,)."""
    rest = _without_single(votes)
    has_half = rest.max(axis=1) > 0.5 * rest.sum(axis=1)
    return np.asarray(has_half & (rest.argmax(axis=1) < EMOTIONS), np.bool_)


def is_unknown(votes: Votes) -> npt.NDArray[np.bool_]:
    """Whether most votes, single ones set aside, are for none of the emotions; shape (n,)."""
    rest = _without_single(votes)
    others, emotions = rest[:, EMOTIONS:].max(axis=1), rest[:, :EMOTIONS].max(axis=1)
    return np.asarray(others >= emotions, np.bool_)


def probabilities(votes: Votes) -> npt.NDArray[np.float32]:
    """The votes as a distribution; shape (n, 8), zeros where an image is not to be used.

    Single votes are set aside. Emotions are taken, the most voted for first, until they have three
    quarters of the votes or are three. An image is not used if these have no more than half of the
    votes, if ties make them more than three, or if "unknown" or "not a face" comes first.
    """
    rows, which = np.unique(_without_single(votes), axis=0, return_inverse=True)
    found = np.array([_distribution(row) for row in rows.tolist()], np.float32)
    return found.reshape(-1, EMOTIONS)[which.reshape(-1)]


def _without_single(votes: Votes) -> Votes:
    return np.where(votes > 1, votes, 0)


def _distribution(votes: Sequence[int]) -> list[float]:
    """The distribution of one image, after the function ``_process_data`` of FER+."""
    left, taken, total = list(votes), [0] * len(votes), sum(votes)
    heard, count, goes_on = 0, 0, True
    while heard < _AGREED * total and count < _MOST and goes_on:
        most = max(left)
        for place in [i for i, n in enumerate(left) if n == most]:
            taken[place], left[place] = most, 0
            heard += most
            count += 1
            if place >= EMOTIONS:  # it ends here, and counts only if no emotion came before it
                goes_on = False
                if sum(taken) > most:
                    taken[place] = 0
                    count -= 1
                break
    used = sum(taken)
    is_of_use = used > 0.5 * total and count <= _MOST and not any(taken[EMOTIONS:])
    return [n / used if is_of_use else 0.0 for n in taken[:EMOTIONS]]
