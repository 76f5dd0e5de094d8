"""A classifier's predictions on one split, as a run records them."""

import csv
import hashlib
import io
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ferlab.errors import DataError


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
        try:
            header, *rows = csv.reader(io.StringIO(text))
            classes = [column.removeprefix("p_") for column in header[3:]]
            if header[:3] != ["name", "label", "predicted"] or not classes or not rows:
                raise ValueError("its header is another one, or it is empty")
            labels = [classes.index(row[1]) for row in rows]
            probabilities = np.array([row[3:] for row in rows], np.float32)
            if probabilities.shape != (len(rows), len(classes)):
                raise ValueError("its rows are not as long as its header")
        except (ValueError, IndexError, csv.Error) as error:
            raise DataError(f"this is no table of predictions: {error}") from error
        names = np.array([row[0] for row in rows], np.str_)
        return cls(names, np.array(labels, np.uint8), probabilities)

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
