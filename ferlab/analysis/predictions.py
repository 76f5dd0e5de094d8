"""A classifier's predictions on one split, as a run records them."""

import csv
import hashlib
import io
from array import array
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ferlab.errors import DataError
from ferlab.text import shorten
from ferlab.untrusted import bounded

_MOST_CLASSES = 256
"""As a label is a byte."""

_MOST_CHARACTERS = 2**26
"""Names of images in an array, which are all as long as the longest, times 4 bytes each."""


@dataclass(frozen=True)
class Predictions:
    """A classifier's predictions on one split, in the order of the data set.

    Attributes:
        names: names of the images, shape (n,).
        labels: true classes, shape (n,).
        probabilities: probability of each class, float32, shape (n, classes).
    """

    names: npt.NDArray[np.str_]
    labels: npt.NDArray[np.uint8]
    probabilities: npt.NDArray[np.float32]

    @classmethod
    def read(cls, text: str) -> "Predictions":
        """Parse what `table` wrote, to the last bit.

        Raises:
            DataError: ``text`` is no such table.
        """
        if bounded.table_cells(text) > bounded.TABLE_CELLS:
            raise DataError(
                f"this is no table of predictions: more than {bounded.TABLE_CELLS:,} values"
            )
        try:
            rows = csv.reader(io.StringIO(text))
            header = next(rows, [])
            classes = {column.removeprefix("p_"): i for i, column in enumerate(header[3:])}
            if header[:3] != ["name", "label", "predicted"] or not classes:
                raise ValueError("its header is another one")
            if len(classes) != len(header) - 3 or len(classes) > _MOST_CLASSES:
                raise ValueError(f"it names a class twice, or more than {_MOST_CLASSES}")
            names, labels, probabilities = [], bytearray(), array("f")
            for row in rows:
                if len(row) != len(header):
                    raise ValueError("its rows are not as long as its header")
                names.append(row[0])
                labels.append(classes[row[1]])
                probabilities.extend(map(float, row[3:]))
            longest = max(map(len, names), default=0)
            if not 0 < longest * len(names) <= _MOST_CHARACTERS:
                raise ValueError("it is empty, or its names are too long")
        except (ValueError, KeyError, csv.Error) as error:
            raise DataError(
                f"this is no table of predictions: {shorten(str(error), 80)}"
            ) from error
        return cls(
            np.array(names, np.str_),
            np.frombuffer(labels, np.uint8),
            np.frombuffer(probabilities, np.float32).reshape(len(names), len(classes)),
        )

    @property
    def predicted(self) -> npt.NDArray[np.intp]:
        """The likeliest class of each image, shape (n,)."""
        return np.asarray(self.probabilities.argmax(axis=1), np.intp)

    @property
    def digest(self) -> str:
        """32 hex digits over names, labels and every bit of the probabilities."""
        h = hashlib.blake2b(digest_size=16)
        h.update("\0".join(self.names.tolist()).encode())
        h.update(self.labels.tobytes())
        h.update(np.ascontiguousarray(self.probabilities).tobytes())
        return h.hexdigest()

    def table(self, classes: tuple[str, ...]) -> str:
        """The predictions as CSV; nine significant digits hold a float32 exactly."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["name", "label", "predicted", *(f"p_{name}" for name in classes)])
        for name, label, guess, row in zip(
            self.names, self.labels, self.predicted, self.probabilities.tolist(), strict=True
        ):
            writer.writerow([name, classes[label], classes[guess], *(f"{p:.9g}" for p in row)])
        return out.getvalue()
