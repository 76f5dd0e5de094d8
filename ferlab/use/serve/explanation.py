"""What in a face counted for its expression, as pictures for JSON."""

import base64
import io
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from ferlab.use.reader import Reading
from ferlab.use.serve.models import SharedModel


def explanation_of(model: SharedModel, reading: Reading) -> dict[str, Any]:
    """See `ferlab.use.serve.schema.FaceExplanation`: of the first of the squares that were read."""
    seen = reading.images[0]
    counted = model.attribution(seen, model.classes.index(reading.expression))
    most = float(counted.max()) or 1.0  # nothing may have counted
    levels = np.round(255 * counted / most)
    corners = reading.squares[0].corners()
    return {
        "corners": [(round(x, 1), round(y, 1)) for x, y in corners],
        "seen": _data_url(seen),
        "map": _data_url(levels.astype(np.uint8)),
    }


def _data_url(levels: npt.NDArray[np.uint8]) -> str:
    """Grey levels, shape (h, w), as a PNG."""
    file = io.BytesIO()
    Image.fromarray(levels).save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
