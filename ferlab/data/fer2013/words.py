"""The words of FER2013, its classes and usages, in any of the ways in which people write them."""

import re
from pathlib import PurePosixPath

from ferlab.data.imageset import EXPRESSIONS, Split
from ferlab.errors import DataError

USAGES = {"Training": Split.TRAIN, "PublicTest": Split.VAL, "PrivateTest": Split.TEST}
"""The challenge's names of the splits."""

# The CSV counts classes in another order than the folders sort in; mixing the two up would
# silently swap three classes.
_CODES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")

_FORMS = {
    "anger": "angry",
    "disgusted": "disgust",
    "fearful": "fear",
    "happiness": "happy",
    "neutrality": "neutral",
    "sadness": "sad",
    "surprised": "surprise",
    **{name: name for name in EXPRESSIONS},
}
_USAGE_OF = {usage.lower(): usage for usage in USAGES}
_EXPECTED = ", ".join(EXPRESSIONS)


def parse_emotion(text: str) -> int | None:
    """The label of a CSV's emotion, a number of its order (``6``, ``6.0``) or a word."""
    if code := re.fullmatch(r"([0-6])(\.0*)?", text.strip()):
        return EXPRESSIONS.index(_CODES[int(code[1])])
    return _parse_word(text)


def parse_usage(text: str, where: str) -> str:
    """The usage, in the challenge's own spelling."""
    usage = _USAGE_OF.get(re.sub(r"[\s_-]", "", text).lower())
    if usage is None:
        raise DataError(f"{where}: unknown usage {text.strip()!r}; expected {', '.join(USAGES)}")
    return usage


def parse_path(name: str, where: str) -> tuple[int, Split, str]:
    """Label, split and name of a picture, the last as in Kaggle's data set, wherever it lies."""
    parts = PurePosixPath(name).parts[-3:]
    half = parts[0].lower() if len(parts) == 3 else ""
    if half not in {"train", "test", *_USAGE_OF}:
        raise DataError(
            f"{where} must lie in a folder train/<class>/ or test/<class>/; pictures in "
            "other folders are read by data=folder"
        )
    _, folder, file = parts
    label = _parse_word(folder)
    if label is None and folder.isdecimal():
        raise DataError(
            f"{where}: the class {folder!r} is a number, and in which order they count is not "
            f"known; name the folders {_EXPECTED}, or say data=folder with data.classes"
        )
    if label is None:
        raise DataError(f"{where}: unknown class {folder!r}; expected {_EXPECTED}")
    prefix, underscore, rest = file.partition("_")
    if half in _USAGE_OF:
        usage = _USAGE_OF[half]
        rest = rest if prefix.lower() == half and underscore else file
    else:
        usage = _USAGE_OF.get(prefix.lower(), "") if underscore else ""
        if not usage:
            raise DataError(
                f"{where}: the name does not begin with one of {', '.join(f'{u}_' for u in USAGES)}"
                ", so whether it trains, validates or tests is not known; to go by its folder "
                "alone say data=folder"
            )
    place = "train" if usage == "Training" else "test"
    return label, USAGES[usage], f"{place}/{EXPRESSIONS[label]}/{usage}_{rest}"


def _parse_word(text: str) -> int | None:
    name = _FORMS.get(text.strip().lower())
    return None if name is None else EXPRESSIONS.index(name)
