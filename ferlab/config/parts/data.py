"""Data sets: the keys that all have, and each one's own."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field

from ferlab.config.fields import Component, expected


def _absolute(path: str) -> str:
    """Make a path absolute, so that a recorded config finds its data from any folder."""
    try:
        return str(Path(path).expanduser().absolute())
    except RuntimeError as error:  # there is no such user
        raise ValueError(str(error)) from error


_OptionalPath = Annotated[
    Annotated[str, Field(min_length=1), AfterValidator(_absolute)] | None,
    expected("a path or null"),
]


class Data(Component):
    """The keys that every data set has; all others are arguments of ``_target_``.

    Attributes:
        has_seed_split: whether ``split=seed`` may be asked of it.
    """

    has_seed_split: ClassVar[bool] = False

    name: str = Field(description="how runs call the data set")
    split: Literal["official", "seed", "kfold", "holdout"] = Field(
        description="official: as the source gives it; seed: the paper's; kfold: stratified folds; "
        "holdout: folds for what the source has no split for"
    )
    folds: int = Field(ge=2, description="number of folds; split=kfold and holdout")
    fold: int = Field(ge=0, description="which fold validates, from 0; split=kfold and holdout")
    drop_leaks: bool | None = Field(
        description="drop training images identical to a validation or test image; "
        "null: yes, except for split=seed"
    )
    soft_labels: _OptionalPath = Field(
        description="CSV with a probability of each class for each training image, in columns name "
        "and p_CLASS, as ferlab label writes it"
    )
    soft_share: float = Field(
        ge=0, le=1, description="of them in what is trained on; the rest is the image's own label"
    )
    normalize: Literal["unit", "standard"] = Field(
        description="unit: grey levels / 255; standard: then zero mean, unit variance in training"
    )

    @classmethod
    def count_classes(cls, section: Mapping[str, Any]) -> int | None:
        """How many classes it has under these values; None where only the data can tell."""
        del section
        return None

    def source(self) -> dict[str, Any]:
        """``_target_`` and its arguments."""
        return self.model_dump(by_alias=True, exclude=set(Data.model_fields) - {"target"})


_NewName = Annotated[
    Annotated[str, Field(min_length=1)] | None, expected("a name, or null to leave the class out")
]


def _with_words(classes: Any) -> Any:
    """Make numbers words: a class may be called 1."""
    if not isinstance(classes, Mapping):
        return classes
    return {str(k): str(v) if type(v) is int else v for k, v in classes.items()}


FILES = ("data.path", "data.ferplus", "data.ferplus_names", "data.soft_labels")
"""Keys that say where data lies; what is in it is another matter."""

TRAINED_ON = ("data.soft_labels", "data.soft_share")
"""Keys of what is trained on alone: the same images validate and test, whatever they are."""


class FER2013(Data):
    """The FER2013 challenge's images, in any of their published forms."""

    has_seed_split: ClassVar[bool] = True

    path: Annotated[str, AfterValidator(_absolute)] = Field(
        min_length=1, description="archive.zip, its unpacked folder, or fer2013.csv"
    )
    labels: Literal["original", "ferplus"] = Field(
        description="original: seven classes; ferplus: FER+'s, eight classes"
    )
    ferplus: _OptionalPath = Field(description="fer2013new.csv; labels=ferplus only")
    ferplus_names: _OptionalPath = Field(
        description="CSV with columns ferplus_name and archive_name; for pictures only"
    )
    votes: Literal["soft", "majority"] = Field(
        description="soft: train on a probability of each class; labels=ferplus only"
    )

    @classmethod
    def count_classes(cls, section: Mapping[str, Any]) -> int | None:
        """Seven, and contempt with FER+."""
        return 8 if section["labels"] == "ferplus" else 7


class Faces(Data):
    """The data set of drawn faces."""

    images: int = Field(ge=70, description="how many, over all splits")
    seed: int = Field(ge=0, description="of the drawing; independent of the run's seed")

    @classmethod
    def count_classes(cls, section: Mapping[str, Any]) -> int | None:
        """Seven."""
        del section
        return 7


class Folder(Data):
    """Pictures in one folder per class, or named in a CSV."""

    path: Annotated[str, AfterValidator(_absolute)] = Field(
        min_length=1, description="a folder, an archive, or a CSV with columns path and label"
    )
    classes: Annotated[dict[str, _NewName], BeforeValidator(_with_words)] = Field(
        description="class: its new name, or null to leave it out; others keep theirs"
    )


class DataPlugin(Data):
    """A user's own callable that returns an `ImageSet`."""

    model_config = ConfigDict(extra="allow")

    has_seed_split: ClassVar[bool] = True  # as far as is known before its files are read
